"""Suppression: of nuclei that overlap much, the one with the highest score stays.

None of these sees more pairs than those whose boxes meet. A nucleus without a score (NaN) counts
as 1.0. Where there are classes, only nuclei of one class suppress each other. An overlap must be
above a threshold to count, and of equal scores the lower index wins.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels import mask_nms as _nms_kernels
from nucfuse.ensemble.kernels import soft_nms as _decay_kernels
from nucfuse.ensemble.nuclei.candidates import confidence
from nucfuse.ensemble.nuclei.parameters import DECAY, IOU, MATRIX_SIGMA, MIN_SCORE, OVER, SOFT_SIGMA
from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import self_overlaps

_NONE = np.empty(0, np.int32)

# Neighbours of mask i are others[offsets[i]:offsets[i + 1]]: offsets, others and their IoU with it.
Neighbourhood = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]


def mask_nms(instances: Instances, iou: float = IOU.default, over: str = OVER.default) -> Instances:
    """Greedy suppression by the overlap of masks.

    Parameters
    ----------
    instances : Instances
        N masks that may overlap.
    iou : float
        In [0, 1). From the highest score to the lowest, a nucleus is suppressed if one that was
        kept covers it by more than this.
    over : {"union", "smaller"}
        Whether the intersection is divided by the union, or by the smaller area: that also finds
        fragments inside a nucleus.

    Returns
    -------
    Instances
        What is kept, in the order of the input. Doing it again changes nothing.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 1, 1, 0]], [[0, 1, 1, 1]], [[0, 0, 0, 1]]], scores=[3, 2, 1])
    >>> mask_nms(x, iou=0.4).scores, mask_nms(x, iou=0.5).scores
    (array([3., 1.], dtype=float32), array([3., 2., 1.], dtype=float32))
    """
    return instances[nms_indices(instances, iou, over)]


def nms_indices(
    instances: Instances, iou: float = IOU.default, over: str = OVER.default
) -> NDArray[np.int64]:
    """Which masks `mask_nms` keeps, without gathering them.

    Parameters
    ----------
    instances, iou, over
        As for `mask_nms`.

    Returns
    -------
    indices : ndarray of int64, shape (K,)
        From 0, ascending: ``instances[indices]`` is what `mask_nms` returns.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 1, 1, 0]], [[0, 1, 1, 1]], [[0, 0, 0, 1]]], scores=[3, 2, 1])
    >>> nms_indices(x, iou=0.4)
    array([0, 2])
    """
    IOU.checked(iou)
    OVER.checked(over)
    scores, smaller = instances.scores, over != "union"
    kept = _nms_kernels.kept_masks(
        _masks(instances), _class_array(instances), scores, scores.view(np.int32), iou, smaller
    )
    return np.asarray(kept)


def box_nms(instances: Instances, iou: float = IOU.default) -> Instances:
    """As `mask_nms`, by the intersection over union of the masks' boxes."""
    IOU.checked(iou)
    return instances[box_suppressors(instances, score_order(instances), iou) < 0]


def soft_nms(
    instances: Instances, iou: float = IOU.default, decay: str = DECAY.default,
    sigma: float = SOFT_SIGMA.default, min_score: float = MIN_SCORE.default,
) -> Instances:  # fmt: skip
    """Soft suppression: overlapping nuclei lose score instead of their life.

    From the highest score to the lowest, each nucleus lowers the scores of those that come after
    it, and these are sorted anew.

    Parameters
    ----------
    instances : Instances
        N masks that may overlap.
    iou : float
        Linear decay only: the IoU above which scores are lowered, in [0, 1).
    decay : {"linear", "gaussian"}
        A score is multiplied by 1 - IoU, or, at any IoU, by exp(-IoU ** 2 / sigma).
    sigma : float
        See ``decay``.
    min_score : float
        Nuclei whose score is, or falls to, this or below are dropped and lower nobody's score.

    Returns
    -------
    Instances
        What is left, in the order of the input, with the lowered scores.

    References
    ----------
    Bodla et al. 2017, Soft-NMS - improving object detection with one line of code,
    https://doi.org/10.1109/ICCV.2017.593
    """
    check_decay(decay, min_score)
    IOU.checked(iou)
    SOFT_SIGMA.checked(sigma)
    scores = confidence(instances.scores)
    lowered, _ = soft_decayed(
        neighbourhood(instances), scores, np.ones(len(instances)), score_order(instances), iou,
        decay, sigma, min_score,
    )  # fmt: skip
    return instances.with_scores(lowered)[lowered > min_score]


def matrix_nms(
    instances: Instances, decay: str = DECAY.default, sigma: float = MATRIX_SIGMA.default,
    min_score: float = MIN_SCORE.default,
) -> Instances:  # fmt: skip
    """Matrix suppression: all scores are lowered at once, each by what suppresses it most.

    Nucleus j is lowered by min over i before it of f(IoU of i and j) / f(c_i), where c_i is the
    largest IoU of i with one before it, and f is 1 - x, or exp(-sigma x ** 2). An i that is a copy
    of one before it (c_i = 1) is left out of the minimum.

    Parameters
    ----------
    instances : Instances
        N masks that may overlap.
    decay : {"linear", "gaussian"}
    sigma, min_score : float
        As for `soft_nms`, but Gaussian decay is exp(-sigma x ** 2) here, as in the paper.

    Returns
    -------
    Instances
        What is left, in the order of the input, with the lowered scores.

    References
    ----------
    Wang et al. 2020, SOLOv2: dynamic and fast instance segmentation, section 3.3,
    https://arxiv.org/abs/2003.10152
    """
    check_decay(decay, min_score)
    MATRIX_SIGMA.checked(sigma)
    scores = confidence(instances.scores)
    lowered, _ = matrix_decayed(
        neighbourhood(instances), scores, score_order(instances), decay, sigma
    )
    return instances.with_scores(lowered)[lowered > min_score]


def check_decay(decay: str, min_score: float) -> None:
    """Raise a ValueError if one of the two is out of range."""
    DECAY.checked(decay)
    MIN_SCORE.checked(min_score)


def score_order(instances: Instances) -> NDArray[np.int64]:
    """Masks from the highest score to the lowest, the lower index first, shape (N,)."""
    return np.argsort(-confidence(instances.scores), kind="stable")


def mask_suppressors(
    instances: Instances, ranks: NDArray[np.int64], iou: float, over: str
) -> NDArray[np.int32]:
    """Which kept mask, the lowest in rank, suppresses each, shape (N,); -1 for those kept."""
    masks, classes = _masks(instances), _class_array(instances)
    by = _nms_kernels.suppress_masks(masks, _NONE, classes, ranks, iou, over != "union", False)
    return np.asarray(by)


def box_suppressors(
    instances: Instances, order: NDArray[np.int64], iou: float
) -> NDArray[np.int32]:
    """As `mask_suppressors`, by boxes."""
    boxes = instances.boxes.astype(np.float64)
    return np.asarray(_nms_kernels.suppress_boxes(boxes, _classes(instances), order, iou))


def soft_decayed(
    pairs: Neighbourhood, scores: NDArray[np.float64], weights: NDArray[np.float64],
    order: NDArray[np.int64], iou: float, decay: str, sigma: float, min_score: float,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:  # fmt: skip
    """Lowered scores, and who lowered each most (-1: nobody), (N,) both."""
    lowered, by = _decay_kernels.soft_scores(
        pairs, scores, weights, order, iou, 0.0 if decay == "linear" else float(sigma), min_score
    )
    return lowered, by


def matrix_decayed(
    pairs: Neighbourhood, scores: NDArray[np.float64], order: NDArray[np.int64], decay: str,
    sigma: float,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:  # fmt: skip
    """Lowered scores, and who lowered each (-1: nobody), (N,) both."""
    ranks = np.empty(order.size, np.int32)
    ranks[order] = np.arange(order.size)
    lowered, by = _decay_kernels.matrix_scores(
        pairs, scores, ranks, 0.0 if decay == "linear" else float(sigma)
    )
    return lowered, by


def neighbourhood(instances: Instances) -> Neighbourhood:
    """Which masks of one class each overlaps, and with what IoU."""
    first, second, pixels = self_overlaps(instances)
    if instances.classes is not None:
        same = instances.classes[first] == instances.classes[second]
        first, second, pixels = first[same], second[same], pixels[same]
    ious = pixels / (instances.areas[first] + instances.areas[second] - pixels)
    offsets, others, values = _decay_kernels.neighbours(first, second, ious, len(instances))
    return offsets, others, values


def _masks(instances: Instances) -> tuple[Any, ...]:
    """What kernels of suppression want to know of the masks."""
    return (*instances.runs, instances.boxes, instances.areas, instances.shape[0])


def _class_array(instances: Instances) -> NDArray[np.int32]:
    return _NONE if instances.classes is None else instances.classes


def _classes(instances: Instances) -> NDArray[np.int32]:
    if instances.classes is None:
        return np.zeros(len(instances), np.int32)
    return instances.classes
