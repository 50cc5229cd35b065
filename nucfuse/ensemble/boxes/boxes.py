"""Fusing and suppressing plain boxes, for detectors that give no masks.

A box is two corners, y0, x0, y1, x1 or x0, y0, x1, y1, in any unit, the same for all. As for masks:
an overlap must be above a threshold, of equal scores the lower index wins, only boxes of one class
meet, no score (NaN) counts as 1.0, and no table of all pairs is made.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.boxes.input import checked_corners, joined_boxes, per_box
from nucfuse.ensemble.kernels.box_nms import suppress_boxes
from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.ensemble.kernels.weighted_boxes import weighted_boxes
from nucfuse.ensemble.maps.weights import check_weights
from nucfuse.ensemble.nuclei.candidates import confidence
from nucfuse.ensemble.nuclei.parameters import BoxNMS
from nucfuse.settings import choice, number

_SCORES = ("mean", "max", "models", "absent")


@attrs.frozen
class BoxFusionSettings:
    """What can be set in `fuse_boxes`."""

    iou: float = number(0.55, 0, 1, "a box joins a fused box above this IoU")
    min_score: float = number(0.0, 0, 1, "boxes with a lower score are left out")
    score: str = choice("mean", _SCORES, "how the score of a fused box is made")


class BoxFusion(NamedTuple):
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
    boxes: ArrayLike,
    scores: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    iou: float = 0.5,
    images: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Greedy suppression of boxes, of one image or of many in one call.

    Parameters
    ----------
    boxes : array_like of float, shape (N, 4)
    scores : array_like of float, shape (N,)
    classes : array_like of int, shape (N,)
    iou : float
        In [0, 1]. A box is suppressed by a kept one if their IoU is above this.
    images : array_like of int, shape (N,)
        The image of each box, where there are several: only boxes of one image meet.

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
    threshold = BoxNMS(iou=iou).iou
    corners = checked_corners(boxes)
    n = len(corners)
    values = confidence(per_box(scores, n, 1.0, "scores"))
    labels = per_box(classes, n, 0, "classes").astype(np.int32)
    if images is None:
        return _kept(corners, values, labels, threshold)
    numbers = per_box(images, n, 0, "images")
    if n and numbers.dtype.kind not in "iu":
        raise ValueError(f"images must be whole numbers, one for each box, got {numbers.dtype}")
    by_image = np.argsort(numbers, kind="stable")
    firsts = np.flatnonzero(np.diff(numbers[by_image])) + 1
    kept = [
        of_image[_kept(corners[of_image], values[of_image], labels[of_image], threshold)]
        for of_image in np.split(by_image, firsts)
    ]
    return np.concatenate(kept)


def _kept(
    corners: NDArray[np.float64],
    scores: NDArray[np.float64],
    classes: NDArray[np.int32],
    threshold: float,
) -> NDArray[np.int64]:
    order = descending_order(scores)
    return order[suppress_boxes(corners, classes, order, threshold)[order] < 0]


def fuse_boxes(
    boxes: Sequence[ArrayLike],
    scores: Sequence[ArrayLike] | None = None,
    classes: Sequence[ArrayLike] | None = None,
    weights: Iterable[float] | None = None,
    *,
    iou: float = 0.55,
    min_score: float = 0.0,
    score: str = "mean",
) -> BoxFusion:
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
        In [0, 1].
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

    Examples
    --------
    >>> fused = fuse_boxes([[[0, 0, 4, 4]], [[0, 0, 4, 6], [9, 9, 12, 12]]], iou=0.5)
    >>> fused.boxes, fused.votes
    (array([[ 0.,  0.,  4.,  5.], [ 9.,  9., 12., 12.]]), array([2, 1], dtype=int32))
    """
    settings = BoxFusionSettings(iou, min_score, score)
    joined = joined_boxes(boxes, scores, classes)
    model_weights = check_weights(weights, len(boxes))
    how = _SCORES.index(settings.score)
    return BoxFusion(*weighted_boxes(joined, model_weights, settings.min_score, settings.iou, how))
