"""Suppression: of nuclei that overlap much, the one with the highest score stays.

Among the nuclei of one set (`mask_nms` and the others that take `Instances`), and as methods that
fuse the nuclei of several models: there the rank of a nucleus is by score x weight of its model,
but the score it keeps, or that is lowered, is its own.

None of these sees more pairs than those whose boxes meet. A nucleus without a score (NaN) counts
as 1.0. Where there are classes, only nuclei of one class suppress each other. An overlap must be
above a threshold to count, and of equal scores the lower index wins.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.kernels import soft_nms as kernels
from nucfuse.ensemble.kernels.box_nms import suppress_boxes
from nucfuse.ensemble.kernels.mask_nms import suppress_masks
from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.ensemble.nuclei.candidates import Candidates, confidence, inverse
from nucfuse.ensemble.nuclei.parameters import BoxNMS, MaskNMS, MatrixNMS, SoftNMS
from nucfuse.ensemble.nuclei.provenance import MethodResult
from nucfuse.ensemble.nuclei.results import result_of_survivors
from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import self_overlaps

# Of one image: run-length, or a stack of boolean masks (N, H, W).
Masks = Instances | ArrayLike

_NONE = np.empty(0, np.int32)


def mask_nms(
    masks: Masks, iou: float = 0.5, over: str = "union", *, scores: ArrayLike | None = None
) -> Instances:
    """Greedy suppression by the overlap of masks.

    Parameters
    ----------
    masks : Instances, or array_like of bool, shape (N, H, W)
        N masks that may overlap.
    iou : float
        In [0, 1]. From the highest score to the lowest, a nucleus is suppressed if one that was
        kept covers it by more than this.
    over : {"union", "smaller"}
        Whether the intersection is divided by the union, or by the smaller area: that also finds
        fragments inside a nucleus.
    scores : array_like of float, shape (N,), optional
        By default those that Instances have; 1.0 for each of a stack of masks.

    Returns
    -------
    Instances
        What is kept, in the order of the input. Doing it again changes nothing.

    Raises
    ------
    ValueError
        If a parameter is out of range, masks are no stack, or there is not one score for each.

    Examples
    --------
    >>> masks = [[[1, 1, 1, 0]], [[0, 1, 1, 1]], [[0, 0, 0, 1]]]
    >>> mask_nms(masks, 0.4, scores=[3, 2, 1]).scores, mask_nms(masks, 0.5, scores=[3, 2, 1]).scores
    (array([3., 1.], dtype=float32), array([3., 2., 1.], dtype=float32))
    """
    instances = _instances_of(masks, scores)
    return instances[nms_indices(instances, iou, over)]


def _instances_of(masks: Masks, scores: ArrayLike | None) -> Instances:
    """Masks with scores, in whatever form they come."""
    if not isinstance(masks, Instances):
        return Instances.from_masks(masks, scores=None if scores is None else np.asarray(scores))
    return masks if scores is None else masks.with_scores(np.asarray(scores))


def nms_indices(
    masks: Masks, iou: float = 0.5, over: str = "union", *, scores: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Which masks `mask_nms` keeps, without gathering them.

    Parameters
    ----------
    masks, iou, over, scores
        As for `mask_nms`.

    Returns
    -------
    indices : ndarray of int64, shape (K,)
        From 0, ascending: ``masks[indices]`` is what `mask_nms` keeps.

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
    settings, instances = MaskNMS(iou=iou, over=over), _instances_of(masks, scores)
    strengths = instances.scores.astype(np.float64)
    return np.flatnonzero(_mask_suppressors(instances, _NONE, strengths, settings) < 0)


def soft_nms(
    masks: Masks,
    iou: float = 0.5,
    decay: str = "linear",
    sigma: float = 0.5,
    min_score: float = 0.05,
    *,
    scores: ArrayLike | None = None,
) -> Instances:
    """Soft suppression: overlapping nuclei lose score instead of their life.

    From the highest score to the lowest, each nucleus lowers the scores of those that come after
    it, and these are sorted anew.

    Parameters
    ----------
    masks : Instances, or array_like of bool, shape (N, H, W)
        N masks that may overlap.
    iou : float
        Linear decay only: the IoU above which scores are lowered, in [0, 1].
    decay : {"linear", "gaussian"}
        A score is multiplied by 1 - IoU, or, at any IoU, by exp(-IoU ** 2 / sigma).
    sigma : float
        See ``decay``.
    min_score : float
        Nuclei whose score is, or falls to, this or below are dropped and lower nobody's score.
    scores : array_like of float, shape (N,), optional
        As for `mask_nms`.

    Returns
    -------
    Instances
        What is left, in the order of the input, with the lowered scores.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    Bodla et al. 2017, Soft-NMS - improving object detection with one line of code,
    https://doi.org/10.1109/ICCV.2017.593
    """
    settings = SoftNMS(iou=iou, decay=decay, sigma=sigma, min_score=min_score)
    instances = _instances_of(masks, scores)
    values, equal = confidence(instances.scores), np.ones(len(instances))
    lowered, _ = _soft_scores(instances, values, equal, descending_order(values), settings)
    return instances.with_scores(lowered)[lowered > min_score]


def matrix_nms(
    masks: Masks,
    decay: str = "linear",
    sigma: float = 2.0,
    min_score: float = 0.05,
    *,
    scores: ArrayLike | None = None,
) -> Instances:
    """Matrix suppression: all scores are lowered at once, each by what suppresses it most.

    Nucleus j is lowered by min over i before it of f(IoU of i and j) / f(c_i), where c_i is the
    largest IoU of i with one before it, and f is 1 - x, or exp(-sigma x ** 2). An i that is a copy
    of one before it (c_i = 1) is left out of the minimum.

    Parameters
    ----------
    masks : Instances, or array_like of bool, shape (N, H, W)
        N masks that may overlap.
    decay : {"linear", "gaussian"}
    sigma, min_score : float
        As for `soft_nms`, but Gaussian decay is exp(-sigma x ** 2) here, as in the paper.
    scores : array_like of float, shape (N,), optional
        As for `mask_nms`.

    Returns
    -------
    Instances
        What is left, in the order of the input, with the lowered scores.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    Wang et al. 2020, SOLOv2: dynamic and fast instance segmentation, section 3.3,
    https://arxiv.org/abs/2003.10152
    """
    settings = MatrixNMS(decay=decay, sigma=sigma, min_score=min_score)
    instances = _instances_of(masks, scores)
    values = confidence(instances.scores)
    ranks = inverse(descending_order(values))
    lowered, _ = _matrix_scores(instances, values, ranks, settings)
    return instances.with_scores(lowered)[lowered > min_score]


def fuse_by_mask_nms(candidates: Candidates, settings: MaskNMS) -> MethodResult:
    """Greedy suppression by masks."""
    strengths = -candidates.ranks.astype(np.float64)
    by = _mask_suppressors(candidates.masks, _NONE, strengths, settings)
    return result_of_survivors(candidates, by, candidates.ranks)


def fuse_by_box_nms(candidates: Candidates, settings: BoxNMS) -> MethodResult:
    """Greedy suppression by boxes."""
    boxes = candidates.masks.boxes.astype(np.float64)
    by = suppress_boxes(boxes, candidates.classes, candidates.order, settings.iou)
    return result_of_survivors(candidates, by, candidates.ranks)


def fuse_by_soft_nms(candidates: Candidates, settings: SoftNMS) -> MethodResult:
    """Soft suppression; what falls to ``min_score`` was suppressed by who lowered it most."""
    scores, weights = confidence(candidates.masks.scores), candidates.weights[candidates.models]
    lowered, by = _soft_scores(candidates.masks, scores, weights, candidates.order, settings)
    return _result_of_lowered(candidates, lowered, by, settings.min_score)


def fuse_by_matrix_nms(candidates: Candidates, settings: MatrixNMS) -> MethodResult:
    """Matrix suppression."""
    scores = confidence(candidates.masks.scores)
    lowered, by = _matrix_scores(candidates.masks, scores, candidates.ranks, settings)
    return _result_of_lowered(candidates, lowered, by, settings.min_score)


def _mask_suppressors(
    masks: Instances, groups: NDArray[np.int32], strengths: NDArray[np.float64], settings: MaskNMS
) -> NDArray[np.int32]:
    classes = _NONE if masks.classes is None else masks.classes
    smaller = settings.over == "smaller"
    return suppress_masks(masks.arrays, groups, classes, strengths, settings.iou, smaller)


def _soft_scores(
    masks: Instances,
    scores: NDArray[np.float64],
    weights: NDArray[np.float64],
    order: NDArray[np.int64],
    settings: SoftNMS,
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Lowered scores, and who lowered each most (-1: nobody), (N,) both."""
    sigma = 0.0 if settings.decay == "linear" else settings.sigma
    return kernels.soft_scores(
        _neighbours(masks), scores, weights, order, settings.iou, sigma, settings.min_score
    )


def _matrix_scores(
    masks: Instances, scores: NDArray[np.float64], ranks: NDArray[np.integer], settings: MatrixNMS
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Lowered scores, and who lowered each (-1: nobody), (N,) both."""
    sigma = 0.0 if settings.decay == "linear" else settings.sigma
    return kernels.matrix_scores(_neighbours(masks), scores, ranks.astype(np.int64), sigma)


def _neighbours(masks: Instances) -> kernels.Neighbours:
    """Which masks of one class each overlaps, and with what IoU."""
    first, second, pixels = self_overlaps(masks)
    if masks.classes is not None:
        same = masks.classes[first] == masks.classes[second]
        first, second, pixels = first[same], second[same], pixels[same]
    ious = pixels / (masks.areas[first] + masks.areas[second] - pixels)
    return kernels.neighbours(first, second, ious, len(masks))


def _result_of_lowered(
    candidates: Candidates, scores: NDArray[np.float64], by: NDArray[np.int32], min_score: float
) -> MethodResult:
    """Those whose score is still above ``min_score``."""
    gone = scores <= min_score
    weighted = scores * candidates.weights[candidates.models]
    ranks = inverse(np.lexsort((candidates.ranks, -weighted)))
    suppressors = np.where(gone, by, -1).astype(np.int32)
    return result_of_survivors(candidates, suppressors, ranks, scores.astype(np.float32), gone)
