"""The steps over a data set (pairing, workers, failures), a module per group of commands.

- `scoring`, `converting`, `cleaning`, `exploring`, `routing`, `predicting`, `fusing`, `training`.
- `running`: what all share; `settings`: NAME=VALUE of the command line.
- `members`, `plans`: of a fusion; `predictors`, `predicted_folder`: of a prediction;
  `training_parts`, `training_images`, `held_out`: of training; `warm_up`: what is compiled ahead.
"""

from typing import TYPE_CHECKING

from nucfuse._lazy import attach

if TYPE_CHECKING:
    from nucfuse.pipeline.cleaning import CleanOptions, clean
    from nucfuse.pipeline.converting import convert
    from nucfuse.pipeline.examining import doctor
    from nucfuse.pipeline.exploring import explore
    from nucfuse.pipeline.fusing import fuse
    from nucfuse.pipeline.plans import FuseOptions
    from nucfuse.pipeline.predicting import PredictOptions, predict
    from nucfuse.pipeline.running import Reading
    from nucfuse.pipeline.scoring import ScoreOptions, StrataOptions, score_sets
    from nucfuse.pipeline.submitting import submit
    from nucfuse.pipeline.training import train
    from nucfuse.pipeline.training_parts import TrainOptions

__getattr__, __dir__, __all__ = attach(__name__)
