"""What RPN and box head are trained on: anchors and regions matched to nuclei, and drawn.

RPN: Ren et al. 2015, https://arxiv.org/abs/1506.01497, 3.1.2. Regions: Girshick 2015,
https://doi.org/10.1109/ICCV.2015.169, 2.3, and He et al. 2017, 3.1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.models.arrays import Floats, Ints
from nucfuse.models.mask_rcnn.box_coding import encode
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.kernels import matching as kernels

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


class RoiTargets(NamedTuple):
    """Regions of an image for the heads, the positive ones first.

    Attributes
    ----------
    rois : ndarray of float32, shape (R, 4)
    classes : ndarray of int32, shape (R,)
        0 is the background.
    deltas : ndarray of float32, shape (R, 4)
        From region to nucleus; zeros for the background.
    truth : ndarray of int64, shape (R,)
        The nucleus of each region; -1 for the background.
    """

    rois: Floats
    classes: Ints
    deltas: Floats
    truth: NDArray[np.int64]


def drawn_truth(n: int, config: MaskRCNNConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the nuclei that training sees of n, at most ``max_truth``; indices, ascending."""
    if n <= config.max_truth:
        return np.arange(n)
    return np.sort(rng.choice(n, config.max_truth, replace=False))


def rpn_targets(
    anchors: Floats, true_boxes: Floats, config: MaskRCNNConfig, rng: np.random.Generator
) -> tuple[NDArray[np.int8], Floats]:
    """Say what the RPN should answer at the anchors of one image.

    Positive are anchors of IoU >= ``rpn_high`` with a nucleus, and those that no anchor beats for a
    nucleus, however little they share with it; negative are others of IoU < ``rpn_low`` with all.
    Of these, ``rpn_batch`` are drawn, at most ``rpn_share`` of them positive.

    Parameters
    ----------
    anchors : ndarray of float32, shape (A, 4)
    true_boxes : ndarray of float32, shape (T, 4)
        Of positive height and width; there may be none.
    config : MaskRCNNConfig
    rng : numpy.random.Generator

    Returns
    -------
    match : ndarray of int8, shape (A,)
        1 positive, 0 negative, -1 ignored.
    deltas : ndarray of float32, shape (A, 4)
        Of positive anchors, to the nucleus of largest IoU (of equal ones the first); else zeros.

    Raises
    ------
    ValueError
        If a true box has no height or no width.
    """
    boxes, numbers, tallest = _sorted(true_boxes)
    which, overlaps, best = kernels.best_matches(anchors, boxes, numbers, tallest)
    match = np.full(len(anchors), IGNORED, np.int8)
    match[overlaps < config.rpn_low] = NEGATIVE
    match[overlaps >= config.rpn_high] = POSITIVE
    match[kernels.best_of_some(anchors, boxes, overlaps, best, tallest)] = POSITIVE
    positive = _drawn(match == POSITIVE, _share(config.rpn_batch, config.rpn_share), rng)
    negative = _drawn(match == NEGATIVE, config.rpn_batch - positive.size, rng)
    match[:] = IGNORED
    match[positive], match[negative] = POSITIVE, NEGATIVE
    deltas = np.zeros((len(anchors), 4), np.float32)
    deltas[positive] = encode(true_boxes[which[positive]], anchors[positive], config.box_std)
    return match, deltas


def roi_targets(
    proposals: Floats,
    true_boxes: Floats,
    config: MaskRCNNConfig,
    rng: np.random.Generator,
    true_classes: Ints | None = None,
) -> RoiTargets:
    """Regions of one image for the heads, and what they should say of them.

    Drawn from the proposals and the true boxes: ``rois``, at most ``roi_share`` of them positive,
    which is IoU >= ``roi_high`` with a nucleus; fewer only if there are fewer negative ones.

    Parameters
    ----------
    proposals : ndarray of float32, shape (P, 4)
    true_boxes : ndarray of float32, shape (T, 4)
        Of positive height and width; there may be none.
    config : MaskRCNNConfig
    rng : numpy.random.Generator
    true_classes : ndarray of int32, shape (T,)
        1 if left out.

    Returns
    -------
    RoiTargets

    Raises
    ------
    ValueError
        If a true box or a positive proposal has no height or no width.
    """
    candidates = np.concatenate([proposals, true_boxes]).astype(np.float32, copy=False)
    which, overlaps, _ = kernels.best_matches(candidates, *_sorted(true_boxes))
    positive = _drawn(overlaps >= config.roi_high, _share(config.rois, config.roi_share), rng)
    negative = _drawn(overlaps < config.roi_high, config.rois - positive.size, rng)
    picked = np.concatenate([positive, negative])
    n = positive.size
    truth = np.where(np.arange(picked.size) < n, which[picked], -1)
    classes = np.zeros(picked.size, np.int32)
    classes[:n] = 1 if true_classes is None else true_classes[truth[:n]]
    deltas = np.zeros((picked.size, 4), np.float32)
    deltas[:n] = encode(true_boxes[truth[:n]], candidates[positive], config.box_std)
    return RoiTargets(candidates[picked], classes, deltas, truth)


def _share(n: int, share: float) -> int:
    return round(n * share)


def _drawn(which: NDArray[np.bool_], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw at most so many of those that are True; indices, ascending."""
    found = np.flatnonzero(which)
    if found.size <= most:
        return found
    return np.sort(rng.choice(found, most, replace=False, shuffle=False))


def _sorted(true_boxes: Floats) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """Sort true boxes by their upper edge: boxes, which each was, and the largest height."""
    corners = true_boxes.astype(np.float64)
    sides = corners[:, 2:] - corners[:, :2]
    flat = np.flatnonzero(~(sides > 0).all(axis=1))
    if flat.size:
        raise ValueError(
            f"true_boxes must have a positive height and width; number {flat[0]} is "
            f"{true_boxes[flat[0]].tolist()}"
        )
    order = np.argsort(true_boxes[:, 0], kind="stable")
    return corners[order], order, float(sides[:, 0].max(initial=0))
