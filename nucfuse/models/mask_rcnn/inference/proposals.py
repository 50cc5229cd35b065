"""Proposals: where the RPN sees nuclei (Ren et al. 2015, https://arxiv.org/abs/1506.01497, 3.3)."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.boxes.boxes import nms_boxes
from nucfuse.errors import DataError
from nucfuse.models.arrays import Floats, Shape
from nucfuse.models.mask_rcnn.box_coding import clipped, decode, large_enough
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig


def propose(
    scores: Floats,
    deltas: Floats,
    anchors: Floats,
    shape: Shape,
    config: MaskRCNNConfig,
    train: bool = False,
) -> tuple[Floats, Floats]:
    """Propose regions of one image for the heads to look at.

    The ``pre_nms`` anchors of highest objectness, moved by their deltas and cut to the image; those
    of at least ``min_side`` that no better one covers by more than ``rpn_nms``.

    Parameters
    ----------
    scores : ndarray of float32, shape (A,)
        Objectness, as probability or logit.
    deltas, anchors : ndarray of float32, shape (A, 4)
    shape : (H, W)
        Of the network's input; boxes are cut to it.
    config : MaskRCNNConfig
    train : bool
        Whether to keep at most ``train_proposals``, not ``test_proposals``.

    Returns
    -------
    boxes : ndarray of float32, shape (P, 4)
        From the highest score to the lowest; of equal ones the first anchor's comes first.
    scores : ndarray of float32, shape (P,)

    Raises
    ------
    ValueError
        If scores, or deltas of the best anchors, are not finite: the network has diverged; or
        there are more or fewer than anchors (a DataError).
    """
    if not len(scores) == len(deltas) == len(anchors):
        raise DataError(
            f"the network gives {len(scores)} scores and {len(deltas)} deltas for the "
            f"{len(anchors)} anchors that its card describes; the card is of another network"
        )
    best = highest(scores, config.pre_nms)
    moves = deltas[best]
    if not np.isfinite(moves).all():
        raise ValueError("deltas of the RPN must be finite; the network has diverged")
    boxes = clipped(decode(moves, anchors[best], config.box_std), shape)
    kept = large_enough(boxes, config.min_side)
    boxes, values = boxes[kept], scores[best[kept]]
    most = config.train_proposals if train else config.test_proposals
    first = nms_boxes(boxes, values, iou=config.rpn_nms)[:most]
    return boxes[first], values[first]


def highest(scores: Floats, most: int) -> NDArray[np.int64]:
    """Find the ``most`` highest scores: indices, ascending; of equal ones the first are taken.

    Linear in the number of scores, as they are not sorted.

    Raises
    ------
    ValueError
        If a score is not finite.

    Examples
    --------
    >>> highest(np.float32([0.5, 0.9, 0.5, 0.1, 0.5]), 3)
    array([0, 1, 2])
    """
    if not np.isfinite(scores).all():
        raise ValueError("scores of the RPN must be finite; the network has diverged")
    if scores.size <= most:
        return np.arange(scores.size)
    lowest = np.partition(scores, scores.size - most)[scores.size - most]
    taken = scores > lowest
    equal = np.flatnonzero(scores == lowest)[: most - np.count_nonzero(taken)]
    taken[equal] = True
    return np.flatnonzero(taken)
