"""Scores, all from one matching of truth and prediction.

- `scoring`: one image to `image_scores`, many to `scores`; `request`: what is measured.
- `matching`: hits; `anatomy`: kinds of errors.
- Formulas: `average_precision`, `panoptic`, `jaccard`, `pixel`; on request `boundary`, `coco`;
  `quotient`: what they are without nuclei. `names`: all of them, in the order of tables.
- `columns`, `tables`, `nuclei`: numbers per image and per nucleus; `strata`: by what they are told
  apart; `summary`, `bootstrap`, `comparison`: of a data set, with intervals, of several sets.
"""

from typing import TYPE_CHECKING

from nucfuse._lazy import attach

if TYPE_CHECKING:
    from nucfuse.metrics.average_precision import dsb_ap, dsb_precision
    from nucfuse.metrics.boundary import BoundaryScores, score_boundaries
    from nucfuse.metrics.comparison import Comparison, Difference
    from nucfuse.metrics.image_scores import ImageScores
    from nucfuse.metrics.jaccard import aji, aji_plus
    from nucfuse.metrics.panoptic import PanopticQuality, panoptic_quality
    from nucfuse.metrics.pixel import dice, object_dice, pixel_iou
    from nucfuse.metrics.request import ScoreRequest
    from nucfuse.metrics.scores import Scores
    from nucfuse.metrics.scoring import score_image, score_images

__getattr__, __dir__, __all__ = attach(__name__)
