"""The steps over a data set (pairing, workers, failures), a module per group of commands.

- `scoring`, `converting`, `cleaning`, `exploring`, `routing`, `predicting`, `fusing`, `training`.
- `running`: what all share; `settings`: NAME=VALUE of the command line.
- `members`, `plans`: of a fusion; `predictors`, `predicted_folder`: of a prediction;
  `training_parts`, `training_images`, `held_out`: of training; `warm_up`: what is compiled ahead.
"""
