"""Scores, all from one matching of truth and prediction."""

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
