"""How networks of every kind are trained.

`config` is an experiment as plain values, `read_config` reads one; `images` and `crops` are what is
learned from, `schedule` how fast, `loop` does it, `validation` scores it, `checkpoint` keeps it.

Public: `config.TrainingConfig`, `read_config.read_config`, `crops.Crops`, `loop.Trainer`.
"""
