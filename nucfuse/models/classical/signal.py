"""What the classical models share: the signal of an image, its objects, and scores for them."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nucfuse.data.modality import Modality
from nucfuse.masks.instances import Instances
from nucfuse.masks.topology import largest_filled_piece
from nucfuse.models.arrays import Floats, Ints, Pixels

_SPECK = 12  # pixels; smaller objects do not count towards the median


def signal_of(rgb: Pixels, kind: Modality) -> Floats:
    """How much nucleus there is in each pixel, float32 (H, W) in grey levels, 0..255.

    The brightest channel on a dark ground, as a false colour may be any; darkness on a bright one.
    """
    if kind == "fluorescence":
        return rgb.max(axis=2).astype(np.float32)
    return np.float32(255) - rgb.mean(axis=2, dtype=np.float32)


def is_flat(signal: Floats) -> bool:
    """Whether there is nothing to see: less than one grey level between the extremes."""
    return bool(signal.max() - signal.min() < 1)


def objects_of(mask: Pixels) -> tuple[Ints, NDArray[Any]]:
    """4-connected objects: label image, and area of each label; the background's is 0."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return labels, areas


def median_radius(mask: Pixels) -> float:
    """Radius in pixels of a disc of the median object's area; 1 if there are specks only."""
    areas = objects_of(mask)[1][1:]
    nuclei = areas[areas >= _SPECK]
    return float(np.sqrt(np.median(nuclei) / np.pi)) if nuclei.size else 1.0


def without_small(mask: Pixels, least: float) -> Pixels:
    """Objects of at least that many pixels."""
    labels, areas = objects_of(mask)
    return (areas >= max(least, 1)).astype(np.uint8)[labels]


def without_flaws(mask: Pixels, share: float) -> tuple[Pixels, float]:
    """Mask without bridges, and without holes and specks below a share of the median object.

    Also the radius of the median object.
    """
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    radius = median_radius(mask)
    least = share * np.pi * radius**2
    mask = 1 - without_small(1 - mask, least)
    return without_small(mask, least), radius


def without_halo(region: NDArray[np.bool_], contrast: Floats, share: float) -> NDArray[np.bool_]:
    """Largest piece of a region (h, w) with a share of its mean contrast, holes filled."""
    mean = contrast[region].mean()
    # A region of holes only may lie below the ground; it has pixels above its mean all the same.
    return region & largest_filled_piece(region & (contrast >= min(mean, mean * share)))


def solidity(mask: NDArray[np.bool_]) -> float:
    """Pixels of a mask over those whose centres lie in its convex hull, in (0, 1]."""
    hull = cv2.convexHull(cv2.findNonZero(mask.astype(np.uint8)))[:, 0].astype(np.int64)
    # Pick's theorem: points in a lattice polygon = area + points on its edges / 2 + 1.
    steps = np.abs(hull - np.roll(hull, 1, axis=0))
    on_edges = np.gcd(steps[:, 0], steps[:, 1]).sum()
    area = cv2.contourArea(hull.astype(np.int32))
    return float(mask.sum() / (area + on_edges / 2 + 1))


def score_of(mask: NDArray[np.bool_], contrast: NDArray[Any], threshold: float) -> float:
    """Score c / (c + t) times the solidity, in (0, 1), of the mean contrast c and a level t."""
    mean = max(float(contrast[mask].mean()), 0.0)
    return mean / (mean + threshold) * solidity(mask)


def instances_with_scores(
    labels: Ints, contrast: NDArray[Any], threshold: float, source: str
) -> Instances:
    """Instances of a label image with ids 1..N, each with its `score_of`."""
    scores = [
        score_of(labels[box] == i, contrast[box], threshold)
        for i, box in enumerate(ndimage.find_objects(labels), start=1)
    ]
    return Instances.from_labels(labels, scores=scores, source=source)
