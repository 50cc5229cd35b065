"""What a network is to say of a label image, for each head."""

import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.models.arrays import Floats, Ints, Pixels

RING = 2  # pixels; how deep the border class reaches into a nucleus at the training scale


def edges(labels: Ints, radius: int) -> NDArray[np.bool_]:
    """Pixels with another id within ``radius`` (in a square), nuclei and background alike, (H, W).

    The image's own edge is none: a nucleus cut by it goes on beyond.
    """
    values = labels.astype(np.float32)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    highest = cv2.dilate(values, kernel, borderType=cv2.BORDER_REPLICATE)
    lowest = cv2.erode(values, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(highest != lowest)


def border_classes(labels: Ints, radius: int = RING) -> Pixels:
    """0 background, 1 interior, 2 the rim of each nucleus, uint8 (H, W)."""
    nucleus = labels > 0
    return nucleus.astype(np.uint8) + (nucleus & edges(labels, radius))


def touching_classes(labels: Ints, radius: int = RING) -> Pixels:
    """0 background, 1 inside, 2 where two nuclei touch or nearly do, uint8 (H, W).

    Guerrero-Pena et al. 2018, https://doi.org/10.1109/ICIP.2018.8451187: pixels, of nuclei or of
    the ground between them, that have two different nuclei within ``radius``.
    """
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    values = labels.astype(np.float32)
    highest = cv2.dilate(values, kernel, borderType=cv2.BORDER_REPLICATE)
    far = np.float32(2**24)
    lowest = cv2.erode(np.where(labels > 0, values, far), kernel, borderType=cv2.BORDER_REPLICATE)
    touching = (highest > 0) & (lowest < highest)
    return np.where(touching, 2, labels > 0).astype(np.uint8)


def distance_to_edge(labels: Ints) -> Floats:
    """Distance of each nucleus's pixels to its outside over the nucleus's largest, float32 (H, W).

    In (0, 1] in nuclei, 0 in the background.
    """
    rim = edges(labels, 1)
    inside = ((labels > 0) & ~rim).astype(np.uint8)
    distance = np.where(labels > 0, cv2.distanceTransform(inside, cv2.DIST_L2, 5) + 1, 0)
    largest = np.zeros(labels.max() + 1, np.float32)
    np.maximum.at(largest, labels.ravel(), distance.ravel().astype(np.float32))
    return (distance / np.maximum(largest, 1)[labels]).astype(np.float32)


def nucleus(labels: Ints) -> Floats:
    """Whether a pixel is of a nucleus, float32 (H, W, 1)."""
    return (labels > 0)[..., np.newaxis].astype(np.float32)


def nucleus_and_border(labels: Ints) -> Floats:
    """Whether a pixel is of a nucleus, and whether it is at its edge, float32 (H, W, 2)."""
    return np.stack([labels > 0, (labels > 0) & edges(labels, 1)], axis=-1).astype(np.float32)


def touching(labels: Ints) -> Floats:
    """`touching_classes` as 0 and 1 of each class, float32 (H, W, 3)."""
    return np.eye(3, dtype=np.float32)[touching_classes(labels)]


def border(labels: Ints) -> Floats:
    """`border_classes` as 0 and 1 of each class, float32 (H, W, 3)."""
    return np.eye(3, dtype=np.float32)[border_classes(labels)]


def border_and_distance(labels: Ints) -> Floats:
    """`border`, and beside it `distance_to_edge`, float32 (H, W, 4)."""
    distance = distance_to_edge(labels)[..., np.newaxis]
    return np.concatenate([border(labels), distance], axis=-1)
