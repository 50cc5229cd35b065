"""An image through both graphs of a network, with our own selection between and after them.

He et al. 2017, https://doi.org/10.1109/ICCV.2017.322, section 3.1, inference: masks are of what was
detected, in its refined box, not of proposals.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Ints, Shape
from nucfuse.models.inference.onnx_session import Arrays, Graph
from nucfuse.models.inference.views import unview
from nucfuse.models.mask_rcnn.anchors import anchors
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.inference.detection import Detections, check_probabilities, detect
from nucfuse.models.mask_rcnn.inference.pasting import paste
from nucfuse.models.mask_rcnn.inference.proposals import propose

# Stands in for no regions: TensorFlow gives empty convolutions a wrong shape.
_ANY_ROI = np.array([[0, 0, 1, 1]], np.float32)


class Found(NamedTuple):
    """Nuclei before they are pixels of an image, from the highest score to the lowest.

    Attributes
    ----------
    boxes : ndarray of float32, shape (D, 4)
        y0, x0, y1, x1 in pixels of what the network saw.
    scores : ndarray of float32, shape (D,)
    classes : ndarray of int32, shape (D,)
    masks : ndarray of float32, shape (D, S, S)
        Probabilities in the boxes.
    """

    boxes: Floats
    scores: Floats
    classes: Ints
    masks: Floats


def find(features: Graph, heads: Graph, image: Floats, config: MaskRCNNConfig) -> Found:
    """Nuclei of one image.

    Parameters
    ----------
    features, heads : callable
        See `nucfuse.models.mask_rcnn.network.network.build_mask_rcnn`.
    image : ndarray of float32, shape (H, W, C)
        In [0, 1]; H and W are multiples of ``config.stride``.
    config : MaskRCNNConfig

    Returns
    -------
    Found
        Of a Faster R-CNN, which has no masks, whole boxes: masks of one cell, which is 1.

    Raises
    ------
    ValueError
        If the height or width is no multiple of the stride, or the network gives numbers that are
        not finite, or no probabilities.
    """
    shape = (image.shape[0], image.shape[1])
    grid = anchors(shape, config)
    *maps, logits, deltas = features([image[np.newaxis]])
    rois, _ = propose(logits[0], deltas[0], grid, shape, config)
    probs, box_deltas = heads([*maps, *_regions(rois, _ANY_ROI, config)])[:2]
    found = detect(rois, probs, box_deltas, shape, config)
    return Found(found.boxes, found.scores, found.classes, _masks(heads, maps, found, config))


def turned_back(found: Found, k: int, shape: Shape) -> Found:
    """Turn back what was found in position ``k`` of an image (`inference.views.view`).

    Parameters
    ----------
    found : Found
    k : int
        In 0..7.
    shape : (H, W)
        Of the image in its own position.
    """
    height, width = shape if k % 2 == 0 else shape[::-1]
    y0, x0, y1, x1 = found.boxes.T
    for _ in range(k % 4):
        y0, x0, y1, x1 = x0, height - y1, x1, height - y0
        height, width = width, height
    if k >= 4:
        x0, x1 = width - x1, width - x0
    return found._replace(boxes=np.stack([y0, x0, y1, x1], axis=1), masks=unview(found.masks, k))


def pasted(
    found: Found,
    corner: tuple[float, float],
    factors: tuple[float, float],
    shape: Shape,
    config: MaskRCNNConfig,
) -> Instances:
    """Make what was found in a part of a resized image nuclei of the image.

    Parameters
    ----------
    found : Found
    corner : (y, x)
        Of the part, in pixels of the resized image.
    factors : (float, float)
        Height and width of the image over those of the resized one.
    shape : (H, W)
        Of the image.
    config : MaskRCNNConfig

    Returns
    -------
    Instances
        In the old order, with scores; they may overlap. One without pixels is left out. Classes are
        there if there are several.
    """
    boxes = (found.boxes.astype(np.float64) + np.tile(corner, 2)) * np.tile(factors, 2)
    classes = found.classes if config.n_classes > 2 else None
    nuclei = paste(found.masks, boxes, found.scores, shape, config.mask_threshold, classes=classes)
    return nuclei[nuclei.areas > 0]


def _masks(heads: Graph, maps: Arrays, found: Detections, config: MaskRCNNConfig) -> Floats:
    """Masks of what was detected, each of its class, (D, S, S)."""
    n = len(found.boxes)
    if not config.masks or not n:
        return np.ones((n, 1, 1), np.float32)
    of_all_classes = heads([*maps, *_regions(_ANY_ROI, found.boxes, config)])[2]
    masks = np.asarray(of_all_classes[np.arange(n), :, :, found.classes - 1])
    check_probabilities("masks", masks)
    return masks


def _regions(rois: Floats, mask_rois: Floats, config: MaskRCNNConfig) -> list[NDArray[Any]]:
    """Regions as inputs of the heads, for regions of one image."""
    sets = (rois, mask_rois) if config.masks else (rois,)
    return [array for boxes in sets for array in (boxes, np.zeros(len(boxes), np.int32))]
