"""Detections: what the box head says of proposals (He et al. 2017, 3.1, inference)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.boxes.boxes import nms_boxes
from nucfuse.models.arrays import Floats, Ints, Shape
from nucfuse.models.mask_rcnn.box_coding import clipped, decode, large_enough
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig


class Detections(NamedTuple):
    """What is detected in one image, from the highest score to the lowest.

    Attributes
    ----------
    boxes : ndarray of float32, shape (D, 4)
    scores : ndarray of float32, shape (D,)
        Probability of the class.
    classes : ndarray of int32, shape (D,)
        From 1; 0 is the background.
    rois : ndarray of int64, shape (D,)
        The region each was found in.
    """

    boxes: Floats
    scores: Floats
    classes: Ints
    rois: NDArray[np.int64]


def check_probabilities(name: str, values: Floats) -> None:
    """Raise a ValueError if a value is NaN or outside [0, 1]."""
    if values.size and not (values.min() >= 0 and values.max() <= 1):  # NaN is neither
        raise ValueError(
            f"{name} must lie in [0, 1], got {values.min():g} to {values.max():g}; the network has "
            "diverged, or lacks its softmax or sigmoid"
        )


def detect(
    rois: Floats, probs: Floats, deltas: Floats, shape: Shape, config: MaskRCNNConfig
) -> Detections:
    """Boxes of the classes that are likely enough, without duplicates.

    Each region gives a box of every class but the background whose probability is at least
    ``min_confidence``. One that overlaps a likelier one of its class by more than ``detection_nms``
    is dropped, and at most ``max_instances`` are kept.

    Parameters
    ----------
    rois : ndarray of float32, shape (R, 4)
    probs : ndarray of float32, shape (R, n_classes)
        Class 0 is the background.
    deltas : ndarray of float32, shape (R, n_classes, 4)
        From the regions, for each class.
    shape : (H, W)
        Of the network's input; boxes are cut to it.
    config : MaskRCNNConfig

    Returns
    -------
    Detections

    Raises
    ------
    ValueError
        If a probability is NaN or outside [0, 1], or a delta of what is likely enough not finite.
    """
    check_probabilities("probs of the box head", probs)
    region, category = np.nonzero(probs[:, 1:] >= np.float32(config.min_confidence))
    category += 1
    moves = deltas[region, category]
    if not np.isfinite(moves).all():
        raise ValueError("deltas of the box head must be finite; the network has diverged")
    boxes = clipped(decode(moves, rois[region], config.box_std), shape)
    kept = np.flatnonzero(large_enough(boxes, config.min_side))
    boxes, region, category = boxes[kept], region[kept], category[kept]
    scores = probs[region, category]
    first = nms_boxes(boxes, scores, category, config.detection_nms)[: config.max_instances]
    return Detections(boxes[first], scores[first], category[first].astype(np.int32), region[first])
