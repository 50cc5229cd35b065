"""Scores, all from one matching of truth and prediction.

- `scoring`: one image to `image_scores`, many to `scores`; `request`: what is measured.
- `matching`: hits; `anatomy`: kinds of errors.
- Formulas: `average_precision`, `panoptic`, `jaccard`, `pixel`; on request `boundary`, `coco`;
  `quotient`: what they are without nuclei. `names`: all of them, in the order of tables.
- `columns`, `tables`, `nuclei`: numbers per image and per nucleus; `strata`: by what they are told
  apart; `summary`, `bootstrap`, `comparison`: of a data set, with intervals, of several sets.
"""
