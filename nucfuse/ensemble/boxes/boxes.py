"""Fusing and suppressing plain boxes, for detectors that give no masks.

A box is two corners, y0, x0, y1, x1 or x0, y0, x1, y1, in any unit, the same for all. As for masks:
an overlap must be above a threshold, of equal scores the lower index wins, only boxes of one class
meet, no score (NaN) counts as 1.0, and no table of all pairs is made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.boxes.input import (
    box_arrays,
    box_error,
    checked_boxes,
    image_numbers,
    joined_boxes,
)
from nucfuse.ensemble.kernels import soft_nms as _decay_kernels
from nucfuse.ensemble.kernels import weighted_boxes as _wbf_kernels
from nucfuse.ensemble.kernels.box_nms import NOT_BY_IMAGE, kept_boxes
from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.ensemble.kernels.pair_overlap import box_pairs
from nucfuse.ensemble.maps.weights import check_weights
from nucfuse.ensemble.nuclei import nms
from nucfuse.ensemble.nuclei.parameters import (
    BOX_IOU,
    BOX_SCORE,
    DECAY,
    IOU,
    MATRIX_SIGMA,
    MIN_SCORE,
    SKIP_SCORE,
    SOFT_SIGMA,
)

_ONE_IMAGE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class BoxFusion:
    """Fused boxes, from the highest score to the lowest.

    Attributes
    ----------
    boxes : ndarray of float64, shape (R, 4)
    scores : ndarray of float64, shape (R,)
    classes : ndarray of int32, shape (R,)
    votes : ndarray of int32, shape (R,)
        How many models have a box in each.
    by : ndarray of int32, shape (N,)
        The result each input, all sets in order, went into; -1 for those left out: score below
        ``min_score`` or a set without weight.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int32]
    votes: NDArray[np.int32]
    by: NDArray[np.int32]


def nms_boxes(
    boxes: ArrayLike, scores: ArrayLike | None = None, classes: ArrayLike | None = None,
    iou: float = IOU.default, images: ArrayLike | None = None,
) -> NDArray[np.int64]:  # fmt: skip
    """Greedy suppression of boxes, of one image or of many in one call.

    Parameters
    ----------
    boxes : array_like of float, shape (N, 4)
    scores : array_like of float, shape (N,)
    classes : array_like of int, shape (N,)
    iou : float
        In [0, 1). A box is suppressed by a kept one if their IoU is above this.
    images : array_like of int, shape (N,)
        The image of each box, where there are several: only boxes of one image meet. For many small
        images this takes two fifths less time than a call for each.

    Returns
    -------
    kept : ndarray of int64, shape (K,)
        Indices of the boxes kept, from the highest score to the lowest (torchvision's order); with
        ``images``, image by image in ascending order, and in each so.

    Raises
    ------
    ValueError
        If a box is not finite or ends before it begins, sizes differ, ``iou`` is out of range, or
        images are not whole numbers.

    Examples
    --------
    >>> boxes = [[0, 0, 4, 4], [0, 0, 4, 5], [0, 0, 4, 4]]
    >>> nms_boxes(boxes, [0.7, 0.8, 0.9]), nms_boxes(boxes, [0.7, 0.8, 0.9], images=[0, 0, 1])
    (array([2]), array([1, 2]))
    """
    threshold = float(IOU.checked(iou))
    corners, values, labels = box_arrays(boxes, scores, classes)
    numbers = _ONE_IMAGE if images is None else image_numbers(images, len(corners))
    kept, bad = kept_boxes(corners, values, labels, numbers, threshold)
    if bad == NOT_BY_IMAGE:
        order = np.argsort(numbers, kind="stable")
        kept, bad = kept_boxes(
            corners[order], values[order] if values.size else values,
            labels[order] if labels.size else labels, numbers[order], threshold,
        )  # fmt: skip
        kept, bad = order[kept], bad if bad < 0 else int(order[bad])
    if bad >= 0:
        raise box_error(corners, bad, "boxes", bad)
    return kept


def soft_nms_boxes(
    boxes: ArrayLike, scores: ArrayLike | None = None, classes: ArrayLike | None = None,
    iou: float = IOU.default, decay: str = DECAY.default, sigma: float = SOFT_SIGMA.default,
    min_score: float = MIN_SCORE.default,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """Soft suppression of boxes; parameters as for `nms.soft_nms` and `nms_boxes`.

    Returns
    -------
    kept : ndarray of int64, shape (K,)
        Indices of the boxes left, from the highest lowered score to the lowest.
    scores : ndarray of float64, shape (K,)
        Their lowered scores.
    """
    IOU.checked(iou)
    nms.check_decay(decay, min_score)
    SOFT_SIGMA.checked(sigma)
    corners, values, labels = checked_boxes(boxes, scores, classes)
    order = descending_order(values)
    lowered, _ = nms.soft_decayed(
        _neighbourhood(corners, labels), values, np.ones(values.size), order, iou, decay, sigma,
        min_score,
    )  # fmt: skip
    return _by_score(lowered, min_score)


def matrix_nms_boxes(
    boxes: ArrayLike, scores: ArrayLike | None = None, classes: ArrayLike | None = None,
    decay: str = DECAY.default, sigma: float = MATRIX_SIGMA.default,
    min_score: float = MIN_SCORE.default,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """Matrix suppression of boxes; see `nms.matrix_nms`. Returns as `soft_nms_boxes`."""
    nms.check_decay(decay, min_score)
    MATRIX_SIGMA.checked(sigma)
    corners, values, labels = checked_boxes(boxes, scores, classes)
    order = descending_order(values)
    pairs = _neighbourhood(corners, labels)
    lowered, _ = nms.matrix_decayed(pairs, values, order, decay, sigma)
    return _by_score(lowered, min_score)


def fuse_boxes(
    boxes: Sequence[ArrayLike], scores: Sequence[ArrayLike] | None = None,
    classes: Sequence[ArrayLike] | None = None, weights: Iterable[float] | None = None,
    iou: float = BOX_IOU.default, min_score: float = SKIP_SCORE.default,
    score: str = BOX_SCORE.default,
) -> BoxFusion:  # fmt: skip
    """Weighted boxes fusion.

    From the highest score x weight to the lowest, each box joins the cluster whose fused box it
    matches best, if their IoU is above ``iou``, or begins a new one. A fused box is the mean of its
    members' corners, weighted by score x weight.

    Parameters
    ----------
    boxes : sequence of M array_like of float, shape (N_m, 4)
        The boxes of each model.
    scores, classes : sequence of M array_like, shape (N_m,)
    weights : array_like of float, shape (M,)
        Of the models; equal if left out. A model of weight 0 changes nothing.
    iou : float
        In [0, 1).
    min_score : float
        Boxes with a lower score are left out.
    score : {"mean", "max", "models", "absent"}
        The score of a fused box of n members, s their scores, w the weights of their models, W the
        weight of all M models:

        - "mean": mean of s w, times min(n, M) / W.
        - "max": largest s w over the largest weight.
        - "models": sum of s w / sum of w, times the weight of the models that have a member, / W.
        - "absent": sum of s w / (sum of w + weight of the models that have none).

    Raises
    ------
    ValueError
        If boxes, weights or parameters are bad, or sizes differ.

    Notes
    -----
    Results are those of ensemble-boxes 1.0.9 (there "avg", "max", "box_and_model_avg" and
    "absent_model_aware_avg"), with these differences: it computes mean boxes in float32, wants
    coordinates in [0, 1] and clips them, leaves boxes without area out, orders equal scores at
    random, divides by 0 where all scores are 0, and counts models of weight 0 in M.

    References
    ----------
    Solovyev, Wang, Gabruseva 2021, Weighted boxes fusion: ensembling boxes from different object
    detection models, https://doi.org/10.1016/j.imavis.2021.104117
    """
    IOU.checked(iou)
    SKIP_SCORE.checked(min_score)
    BOX_SCORE.checked(score)
    corners, values, labels, models = joined_boxes(boxes, scores, classes)
    all_weights = check_weights(weights, len(boxes))
    how = BOX_SCORE.choices.index(score)
    return BoxFusion(
        *_wbf_kernels.weighted_boxes(
            corners, values, labels, models, all_weights, float(min_score), float(iou), how
        )
    )


def _by_score(
    lowered: NDArray[np.float64], min_score: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    order = descending_order(lowered)
    order = order[lowered[order] > min_score]
    return order, lowered[order]


def _neighbourhood(boxes: NDArray[np.float64], labels: NDArray[np.int32]) -> nms.Neighbourhood:
    pairs = box_pairs(boxes, labels)
    offsets, others, values = _decay_kernels.neighbours(*pairs, labels.size)
    return offsets, others, values
