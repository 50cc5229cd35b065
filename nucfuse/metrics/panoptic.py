"""Panoptic quality: how many nuclei are found, and how well."""

from typing import NamedTuple

from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.measures import measure


class PanopticQuality(NamedTuple):
    """The three numbers, each in [0, 1]; ``pq = sq * rq``."""

    pq: float
    sq: float
    rq: float


def panoptic_quality(overlaps: Overlaps) -> PanopticQuality:
    """Panoptic, segmentation and recognition quality of one image.

    SQ is the mean IoU of the hits, RQ = TP / (TP + FP / 2 + FN / 2) is their F1, PQ the product. A
    hit is an IoU above 0.5, never on it, whatever rule other scores use. All three are 1 for an
    image without nuclei on both sides, 0 for one without on one side or without a hit.

    References
    ----------
    A. Kirillov, K. He, R. Girshick, C. Rother, P. Dollár, "Panoptic segmentation", CVPR 2019,
    doi:10.1109/CVPR.2019.00963.

    Examples
    --------
    >>> import numpy as np
    >>> from nucfuse.masks.overlap import overlaps
    >>> panoptic_quality(overlaps(np.array([[1, 1, 1, 1, 2]]), np.array([[1, 1, 1, 0, 0]])))
    PanopticQuality(pq=0.5, sq=0.75, rq=0.6666666666666666)
    """
    numbers = measure(overlaps).as_dict()
    return PanopticQuality(numbers["pq"], numbers["sq"], numbers["rq"])
