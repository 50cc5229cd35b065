"""The average precision of the Data Science Bowl 2018, and precision, recall and F1."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.matching import DSB_PERCENTS, Rule, match


def dsb_ap(overlaps: Overlaps, percents: Sequence[int] = DSB_PERCENTS, rule: Rule = ">") -> float:
    """Mean over IoU thresholds of TP / (TP + FP + FN), in [0, 1].

    Not the ranked average precision of COCO (`coco`): predictions carry no confidence. An image
    without nuclei on both sides scores 1, on one side 0. A data set's score is the mean over its
    images.

    Parameters
    ----------
    overlaps : Overlaps
        Of one image.
    percents : sequence of int
        Thresholds in whole percents; 50 to 95 by 5 in the competition.
    rule : {">", ">="}
        The competition wants an IoU *above* the threshold.

    Raises
    ------
    ValueError
        See `matching.match`.

    References
    ----------
    J. C. Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science
    Bowl", Nature Methods 16, 2019, doi:10.1038/s41592-019-0612-7.

    Examples
    --------
    >>> from nucfuse.masks.overlap import overlaps
    >>> dsb_ap(overlaps(np.array([[1, 1, 1, 0]]), np.array([[1, 1, 0, 0]])))
    0.4
    """
    found = match(overlaps, percents, rule)
    return float(precision_at(found.tp, found.n_true, found.n_pred).mean())


def precision_at(tp: ArrayLike, n_true: ArrayLike, n_pred: ArrayLike) -> NDArray[np.float64]:
    """TP / (TP + FP + FN) per threshold; 1 where there are no nuclei on both sides."""
    hits, either = np.asarray(tp), np.asarray(n_true) + np.asarray(n_pred)
    return _ratio(hits, either - hits, either)


def detection_scores(
    tp: ArrayLike, n_true: ArrayLike, n_pred: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Precision TP / N, recall TP / T and F1 = 2 TP / (T + N) of hits, any shapes that broadcast.

    All are 1 where there are no nuclei on both sides; a quotient by 0 elsewhere is 0.
    """
    hits, true, pred = np.asarray(tp), np.asarray(n_true), np.asarray(n_pred)
    either = true + pred
    return _ratio(hits, pred, either), _ratio(hits, true, either), _ratio(2 * hits, either, either)


def _ratio(
    numerator: NDArray[np.int64], denominator: NDArray[np.int64], either: NDArray[np.int64]
) -> NDArray[np.float64]:
    quotient = numerator / np.maximum(denominator, 1)
    return np.where(either > 0, quotient, 1.0)
