"""What a training step compares its outputs with, found in NumPy between the two graphs."""

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Ints
from nucfuse.models.mask_rcnn.anchors import anchors
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.inference.proposals import propose
from nucfuse.models.mask_rcnn.training.mask_targets import mask_targets
from nucfuse.models.mask_rcnn.training.sampling import drawn_truth, roi_targets, rpn_targets

T = TypeVar("T")


class Targets(NamedTuple, Generic[T]):
    """For B images of A anchors; R regions and M of them with masks, of all images together.

    Attributes
    ----------
    match : int32 (B, A)
        Whether an anchor is on a nucleus: 1 yes, 0 no, -1 not sampled.
    anchor_deltas : float32 (B, A, 4)
        From positive anchors to their nuclei.
    rois : float32 (R, 4)
        Sampled regions (y0, x0, y1, x1), pixels.
    images : int32 (R,)
        Which image each is of.
    classes : int32 (R,)
        0 background.
    deltas : float32 (R, 4)
        From positive regions to their nuclei.
    mask_rois, mask_images, mask_classes
        The positive regions again; if there are none, one of class 0, which no loss counts.
    masks : float32 (M, S, S)
        Their nuclei on a grid of S = ``config.mask_size`` bins a side.
    """

    match: T
    anchor_deltas: T
    rois: T
    images: T
    classes: T
    deltas: T
    mask_rois: T
    mask_images: T
    mask_classes: T
    masks: T


# Of each of them, in this order.
_TYPES = "int32 float32 float32 int32 int32 float32 float32 int32 int32 float32"
TYPES = Targets(*_TYPES.split())


def separate_pieces(labels: Ints) -> Ints:
    """Each 8-connected piece of a nucleus as one of its own, numbered from 1, int32 (H, W).

    The mirror image of a nucleus beyond the edge of an image is no part of that nucleus.
    """
    from skimage.measure import label

    pieces: Ints = label(labels, background=0, connectivity=2).astype(np.int32)
    return pieces


def training_targets(
    labels: Ints, logits: Floats, deltas: Floats, config: MaskRCNNConfig, seed: tuple[int, ...]
) -> Targets[NDArray[Any]]:
    """Targets of a batch, for what the RPN says of it.

    Parameters
    ----------
    labels : ndarray of int32, shape (B, H, W)
        0 background; any number above is a nucleus.
    logits : ndarray of float32, shape (B, A)
    deltas : ndarray of float32, shape (B, A, 4)
    config : MaskRCNNConfig
    seed : tuple of int
        The same seed samples the same.

    Returns
    -------
    Targets of ndarray
    """
    grid = anchors((labels.shape[1], labels.shape[2]), config)
    each = []
    for k, of_image in enumerate(zip(labels, logits, deltas, strict=True)):
        each.append(_of_image(k, *of_image, grid, config, np.random.default_rng([*seed, k])))
    if not any(len(t.masks) for t in each):
        each[0] = _with_stand_in(each[0], labels.shape[1:])
    stacked = (np.stack(arrays) for arrays in zip(*(t[:2] for t in each), strict=True))
    joined = (np.concatenate(arrays) for arrays in zip(*(t[2:] for t in each), strict=True))
    return Targets(*stacked, *joined)


def _of_image(
    number: int,
    labels: Ints,
    logits: Floats,
    deltas: Floats,
    grid: Floats,
    config: MaskRCNNConfig,
    rng: np.random.Generator,
) -> Targets[NDArray[Any]]:
    ids, boxes = _truth(labels, config, rng)
    match, anchor_deltas = rpn_targets(grid, boxes, config, rng)
    # Of a network that has diverged there is nothing to propose; its loss will say so.
    logits, deltas = np.nan_to_num(logits), np.nan_to_num(deltas)
    shape = (labels.shape[0], labels.shape[1])
    proposals, _ = propose(logits, deltas, grid, shape, config, train=True)
    rois, classes, roi_deltas, truth = roi_targets(proposals, boxes, config, rng)
    images, positive = np.full(len(rois), number, np.int32), np.flatnonzero(classes)
    which, size, mini = truth[positive], config.mask_size, config.mini_mask
    masks = mask_targets(labels, rois[positive], ids[which], size, boxes[which], mini)
    whole = match.astype(np.int32), anchor_deltas, rois, images, classes, roi_deltas
    return Targets(*whole, rois[positive], images[positive], classes[positive], masks)


def _with_stand_in(targets: Targets[NDArray[Any]], shape: tuple[int, ...]) -> Targets[NDArray[Any]]:
    """Add a mask of nothing to targets: TensorFlow has no gradient of empty convolutions."""
    one, whole = np.zeros(1, np.int32), np.array([[0, 0, *shape]], np.float32)
    masks = np.zeros((1, *targets.masks.shape[1:]), np.float32)
    return targets._replace(mask_rois=whole, mask_images=one, mask_classes=one, masks=masks)


def _truth(labels: Ints, config: MaskRCNNConfig, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Ids of the nuclei that training sees (T,) and their boxes (T, 4)."""
    ids = np.unique(labels)
    ids = ids[ids != 0]
    boxes = Instances.from_labels(labels).boxes.astype(np.float32)
    seen = drawn_truth(len(ids), config, rng)
    return ids[seen], boxes[seen]
