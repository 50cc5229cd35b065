"""An image through both graphs of a network, with our own selection between and after them.

He et al. 2017, https://doi.org/10.1109/ICCV.2017.322, section 3.1, inference: masks are of what was
detected, in its refined box, not of proposals.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.instances import Instances
from nucfuse.models.mask_rcnn.anchors import anchors
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.detection import Detections, detect
from nucfuse.models.mask_rcnn.pasting import OnOverlap, paste
from nucfuse.models.mask_rcnn.proposals import propose

Arrays = Sequence[NDArray[Any]]
# A graph, whether Keras or ONNX Runtime runs it: arrays in the order of its inputs to its outputs.
Graph = Callable[[Arrays], Arrays]

# Stands in for no regions: TensorFlow gives empty convolutions a wrong shape.
_ANY_ROI = np.array([[0, 0, 1, 1]], np.float32)


def segmented(
    features: Graph, heads: Graph, image: NDArray[np.float32], config: MaskRCNNConfig,
    on_overlap: OnOverlap = "score", source: str = "",
) -> Instances:  # fmt: skip
    """Nuclei of one image.

    Parameters
    ----------
    features, heads : callable
        See `nucfuse.models.mask_rcnn.network.build_mask_rcnn`.
    image : ndarray of float32, shape (H, W, C)
        In [0, 1]; H and W are multiples of ``config.stride``.
    config : MaskRCNNConfig
    on_overlap : {"score", "keep"}
        Whether a pixel of two nuclei goes to the one of higher score.
    source : str
        Name of the model.

    Returns
    -------
    Instances
        With scores and classes. Of a Faster R-CNN, which has no masks, whole boxes.

    Raises
    ------
    ValueError
        If the height or width is no multiple of the stride, or the network gives numbers that are
        not finite.
    """
    shape = (image.shape[0], image.shape[1])
    grid = anchors(shape, config)
    *maps, logits, deltas = features([image[np.newaxis]])
    rois, _ = propose(logits[0], deltas[0], grid, shape, config)
    probs, box_deltas = heads([*maps, *_regions(rois, _ANY_ROI, config)])[:2]
    found = detect(rois, probs, box_deltas, shape, config)
    masks = _masks(heads, maps, found, config)
    return paste(masks, found.boxes, found.scores, shape, config.mask_threshold, on_overlap,
                 found.classes, source)  # fmt: skip


def _masks(
    heads: Graph, maps: Arrays, found: Detections, config: MaskRCNNConfig
) -> NDArray[np.float32]:
    """Masks of what was detected, each of its class, (D, S, S)."""
    n = len(found.boxes)
    if not config.masks or not n:
        return np.ones((n, 1, 1), np.float32)
    of_all_classes = heads([*maps, *_regions(_ANY_ROI, found.boxes, config)])[2]
    return np.asarray(of_all_classes[np.arange(n), :, :, found.classes - 1])


def _regions(
    rois: NDArray[np.float32], mask_rois: NDArray[np.float32], config: MaskRCNNConfig
) -> list[NDArray[Any]]:
    """Inputs of the heads for regions of one image."""
    sets = (rois, mask_rois) if config.masks else (rois,)
    return [array for boxes in sets for array in (boxes, np.zeros(len(boxes), np.int32))]
