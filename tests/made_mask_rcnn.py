"""A Mask R-CNN small enough for tests, and images of discs for it."""

import cv2
import numpy as np
from attrs import evolve

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.masks.instances import Instances
from nucfuse.models.mask_rcnn.anchors import anchors
from nucfuse.models.mask_rcnn.box_coding import encode
from nucfuse.models.mask_rcnn.config import preset
from nucfuse.models.mask_rcnn.inference.finding import find, pasted
from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn
from nucfuse.models.mask_rcnn.training.mask_targets import mask_targets

TINY = evolve(
    preset("small"), widths=(4, 6, 8, 8, 8), fpn_width=8, head_width=16, mask_convs=1, rois=12,
    train_proposals=20, test_proposals=20, rpn_batch=64,
)  # fmt: skip
# Builds and compiles in half the time.
TWO_LEVELS = evolve(TINY, strides=(4, 8), anchor_sizes=(12, 24), widths=(4, 6, 8))

STD = TINY.box_std
# Untrained, a network is certain of nothing; with these thresholds it still says something.
SURE = evolve(TINY, min_confidence=0.3, detection_nms=0.7, mask_threshold=0.5)


def discs(seed, side=64, n=4, radii=(6, 12)):
    """At most n bright discs, apart, on dark noise: image (side, side, 1) in [0, 1] and labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    y, x = np.mgrid[:side, :side]
    for k in range(1, n + 1):
        cy, cx = rng.uniform(0, side, 2)
        inside = (y - cy) ** 2 + (x - cx) ** 2 <= rng.uniform(*radii) ** 2
        if not labels[inside].any():
            labels[inside] = k
    image = 0.6 * (labels > 0) + rng.uniform(0, 0.3, labels.shape)
    return image.astype(np.float32)[..., np.newaxis], labels


def made(config, precision="float32"):
    """A network whose outputs differ from place to place, as those of a trained one do."""
    model = build_mask_rcnn(config, 0, precision)
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.normal(0, 0.1, w.shape) if w.ndim > 1 else np.abs(w)
                       for w in model.get_weights()])  # fmt: skip
    return model


def segmented(features, heads, image, config, on_overlap="score"):
    """Nuclei of an image (H, W, C) that both graphs find, disjoint unless overlaps are to stay."""
    found = find(features, heads, image, config)
    nuclei = pasted(found, (0, 0), (1, 1), image.shape[:2], config)
    return nuclei if on_overlap == "keep" else remove_overlaps(nuclei)


class DiscBatches:
    """Batches as a trainer asks for them; the images are ``count`` different ones."""

    def __init__(self, size=2, side=64, count=10**6, **about):
        self.size, self.side, self.count, self.about = size, side, count, about

    def batch(self, number):
        """Images (B, H, W, 1) and labels (B, H, W)."""
        seeds = [(number * self.size + k) % self.count for k in range(self.size)]
        pairs = [discs(seed, self.side, **self.about) for seed in seeds]
        return np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])


class Knowing:
    """A network that says what is so: each bright blob is a nucleus, wherever it is and how large.

    It stands for `mask_rcnn.inference.graphs.Graphs`; what it passes on as map is the image.
    """

    def __init__(self, card, config=TINY):
        self.card, self.config, self.sizes = card, config, []

    def features(self, arrays):
        """The image, logits and deltas: one anchor for each blob."""
        image = arrays[0]
        self.sizes.append(image.shape[1:3])
        grid = anchors(image.shape[1:3], self.config)
        logits, deltas = np.full(len(grid), -9, np.float32), np.zeros((len(grid), 4), np.float32)
        for box in blobs(image[0])[1]:
            best = np.argmax(box_iou(grid, box[np.newaxis])[:, 0] - (logits > 0))
            logits[best], deltas[best] = 9, encode(box[np.newaxis], grid[[best]], STD)[0]
        return [image, logits[np.newaxis], deltas[np.newaxis]]

    def heads(self, arrays):
        """Probabilities, deltas and masks of the blob that each region is on, if it is on one."""
        image, rois, _, mask_rois, _ = arrays
        labels, boxes = blobs(image[0])
        if not len(boxes):
            n, m = len(rois), len(mask_rois)
            return (np.tile(np.float32([1, 0]), (n, 1)), np.zeros((n, 2, 4), np.float32),
                    np.zeros((m, 28, 28, 1), np.float32))  # fmt: skip
        iou = box_iou(rois, boxes)
        sure = np.where(iou.max(axis=1) > 0.5, np.float32(0.9), np.float32(0.1))
        deltas = encode(boxes[iou.argmax(axis=1)], rois, STD)
        ids = 1 + box_iou(mask_rois, boxes).argmax(axis=1).astype(np.int32)
        masks = mask_targets(labels, mask_rois, ids, 28)[..., np.newaxis]
        return np.stack([1 - sure, sure], axis=1), np.stack([deltas, deltas], axis=1), masks


def blobs(image):
    """Labels of the bright blobs of an image (H, W, 1), and their boxes."""
    labels = cv2.connectedComponents((image[..., 0] > 0.5).astype(np.uint8))[1].astype(np.int32)
    return labels, Instances.from_labels(labels).boxes.astype(np.float32)


def box_iou(a, b):
    """(N, M) of boxes (N, 4) and (M, 4)."""
    low = np.maximum(a[:, np.newaxis, :2], b[np.newaxis, :, :2])
    high = np.minimum(a[:, np.newaxis, 2:], b[np.newaxis, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    area_a, area_b = (np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b))
    return shared / (area_a[:, np.newaxis] + area_b - shared)
