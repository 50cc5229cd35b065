"""The average precision of the Data Science Bowl 2018."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.metrics.quotient import quotient


def dsb_precision(tp: ArrayLike, n_true: ArrayLike, n_pred: ArrayLike) -> NDArray[np.float64]:
    """TP / (TP + FP + FN) at one threshold; 1 for an image without nuclei on both sides.

    Parameters
    ----------
    tp, n_true, n_pred : array_like of int, any shapes that broadcast
        Hits, truths and predictions: FP = n_pred - TP, FN = n_true - TP.

    Examples
    --------
    >>> dsb_precision([1, 0, 0], [2, 0, 3], [1, 0, 0])
    array([0.5, 1. , 0. ])
    """
    tp, n_nuclei = np.asarray(tp), np.asarray(n_true) + np.asarray(n_pred)
    return quotient(tp, n_nuclei - tp, n_nuclei)


def dsb_ap(tp: ArrayLike, n_true: ArrayLike, n_pred: ArrayLike) -> NDArray[np.float64]:
    """Mean over IoU thresholds of TP / (TP + FP + FN), in [0, 1].

    Not the ranked average precision of COCO (`coco`): predictions carry no confidence. An image
    without nuclei on both sides scores 1, on one side 0. A data set's score is the mean over its
    images.

    Parameters
    ----------
    tp : array_like of int, shape (..., P)
        Hits at each threshold; 0.50 to 0.95 by 0.05 in the competition, where a hit is an IoU
        *above* it.
    n_true, n_pred : array_like of int, shape (...) or (..., P)

    Returns
    -------
    ndarray of float64, shape (...)

    References
    ----------
    J. C. Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science
    Bowl", Nature Methods 16, 2019, doi:10.1038/s41592-019-0612-7.

    Examples
    --------
    >>> float(dsb_ap([3, 2], 4, 3))
    0.575
    """
    precision = dsb_precision(tp, n_true, n_pred)
    # One after the other: NumPy's mean adds in an order that depends on how many images there are.
    total = np.zeros(precision.shape[:-1])
    for of_threshold in np.moveaxis(precision, -1, 0):
        total = total + of_threshold
    return total / precision.shape[-1]
