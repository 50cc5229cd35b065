"""Results as text for people and as files for machines; nothing else shows or writes them.

- `scores` (of `results`), `fusions`, `predictions`, `training`, `exploration`, `anchors`, `doctor`,
  `model_list`, `written`: what a command says.
- `tables`, `files`, `pictures`, `plots`, `progress`: how.
"""
