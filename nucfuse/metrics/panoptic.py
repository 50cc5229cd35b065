"""Panoptic quality: how many nuclei are found, and how well."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.metrics.quotient import quotient


class PanopticQuality(NamedTuple):
    """The three numbers, each in [0, 1]; ``pq = sq * rq``."""

    pq: NDArray[np.float64]
    sq: NDArray[np.float64]
    rq: NDArray[np.float64]


def panoptic_quality(hits: ArrayLike, iou: ArrayLike, n_nuclei: ArrayLike) -> PanopticQuality:
    """Panoptic, segmentation and recognition quality of images.

    SQ is the mean IoU of the hits, RQ = TP / (TP + FP / 2 + FN / 2) is their F1, PQ the product.
    All three are 1 for an image without nuclei on both sides, 0 for one without on one side or
    without a hit.

    Parameters
    ----------
    hits, iou : array_like, shape (I,)
        Pairs of an IoU above 0.5, never on it, whatever rule other scores use; sum of their IoU.
    n_nuclei : array_like of int, shape (I,)
        Truths and predictions together: 2 TP + FP + FN.

    References
    ----------
    A. Kirillov, K. He, R. Girshick, C. Rother, P. Dollár, "Panoptic segmentation", CVPR 2019,
    doi:10.1109/CVPR.2019.00963.

    Examples
    --------
    >>> [float(q) for q in panoptic_quality(1, 0.75, 3)]
    [0.5, 0.75, 0.6666666666666666]
    """
    sq = quotient(iou, hits, n_nuclei)
    rq = quotient(2 * np.asarray(hits), n_nuclei, n_nuclei)
    return PanopticQuality(sq * rq, sq, rq)
