"""Rules about whole nuclei, relative to the median nucleus of the image."""

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from nucfuse.clean.kernels import holes as kernels
from nucfuse.masks.instances import Instances
from nucfuse.masks.labels import check_labels, renumbered
from nucfuse.masks.topology import largest_piece
from nucfuse.settings import number, read

Labels = NDArray[np.int32]


@attrs.frozen
class Cleaning:
    """Settings of `clean_objects`: rules about whole nuclei."""

    speck: int = number(12, 0, what="nuclei of fewer pixels are dropped, and never the median")
    small: float = number(0.05, 0, 1, "nuclei below this share of the median area are dropped")
    giant: float = number(16.0, 1, what="nuclei above this many median areas are dropped")
    hole: float = number(0.5, 0, what="holes below this share of the median area are filled")
    opening: float = number(0.0, 0, 1, "spurs thinner than twice this go, in radii of the median")
    closing: float = number(0.0, 0, 1, "notches narrower than twice this fill, in median radii")

    @property
    def smooths(self) -> bool:
        """Whether outlines are opened or closed."""
        return self.opening > 0 or self.closing > 0


def clean_objects(labels: ArrayLike, **settings: Any) -> NDArray[np.int32]:
    """Drop what is too small or too large, fill holes, smooth outlines.

    Parameters
    ----------
    labels : array_like of int, shape (H, W)
        0 is background.
    **settings
        Those of `Cleaning`. The median is that of the nuclei that
        stay, and its radius that of a disc of its area.

    Returns
    -------
    ndarray of int32, shape (H, W)
        0 is background; what is left is numbered 1..N in the old order.

    Raises
    ------
    ValueError, TypeError
        If it is no label image, or a setting is unknown or out of range.

    Notes
    -----
    1. Holes are filled and nuclei dropped, and again by the new median, until nothing changes: so
       cleaning twice is cleaning once. A hole is background that its 4-connected neighbours
       separate from the frame and from all but one nucleus.
    2. If smoothing was asked for: each nucleus is opened, then closed, by a disc; at the frame as
       if it went on. Of several pieces the largest stays; what would vanish stays as it was. It
       grows into background only, and not where another nucleus would as well.
    3. After smoothing, step 1 once more.

    Examples
    --------
    >>> ring = [[7, 7, 7, 0, 3], [7, 0, 7, 0, 0], [7, 7, 7, 0, 0]]
    >>> clean_objects(ring, speck=2)
    array([[1, 1, 1, 0, 0],
           [1, 1, 1, 0, 0],
           [1, 1, 1, 0, 0]], dtype=int32)
    """
    rules = read(Cleaning, settings, "cleaning")
    return _cleaned(renumbered(check_labels(labels))[0], rules)[0]


def clean_instances(instances: Instances, **settings: Any) -> Instances:
    """`clean_objects` for `Instances`; scores, sources and classes are kept.

    Parameters
    ----------
    instances : Instances
        Disjoint; those without pixels are dropped.
    **settings
        Those of `Cleaning`.

    Raises
    ------
    ValueError
        If masks overlap, or a setting is unknown or out of range.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 0, 0]], [[0, 1, 1]]], scores=[0.2, 0.9])
    >>> clean_instances(x, speck=2).scores
    array([0.9], dtype=float32)
    """
    rules = read(Cleaning, settings, "cleaning")
    ids = np.flatnonzero(instances.areas)
    labels, kept = _cleaned(instances[ids].to_labels(), rules)
    return instances.with_masks(Instances.from_labels(labels).arrays, ids[kept])


def clean_overlapping(instances: Instances, **settings: Any) -> Instances:
    """`clean_objects` for masks that may overlap: each for itself, as if there were no others.

    Parameters
    ----------
    instances : Instances
        Those without pixels are dropped.
    **settings
        Those of `Cleaning`; the median is that of all nuclei that stay.

    Raises
    ------
    ValueError
        If a setting is unknown or out of range.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 0, 1]], [[1, 1, 1]], [[0, 1, 0]]])
    >>> clean_overlapping(x, speck=2, hole=0).areas
    array([2, 3])
    """
    rules = read(Cleaning, settings, "cleaning")
    masks = _settled_masks(instances[instances.areas > 0], rules)
    if len(masks) and rules.smooths:
        steps = _smoothing_steps(masks.areas, rules)
        margin = sum(reach for _, reach in steps) + 1
        masks = _each(masks, margin, lambda labels: _smoothed(labels, steps))
        masks = _settled_masks(masks, rules)
    return masks


def _settled_masks(masks: Instances, rules: Cleaning) -> Instances:
    """As `_settled`, of masks that may overlap."""
    while True:
        limit = rules.hole * median_area(masks.areas, rules.speck)
        filled = _each(masks, 1, partial(_filled, limit=limit))
        better = filled[~_outliers(filled.areas, rules)]
        if len(better) == len(masks) and np.array_equal(better.areas, masks.areas):
            return masks
        masks = better


def _each(masks: Instances, margin: int, change: Callable[[Labels], Labels]) -> Instances:
    """Every mask changed, as the nucleus 1 of an image that reaches so far beyond its box."""
    crops, corners = masks.to_crops()
    changed, places = [], []
    for crop, corner in zip(crops, corners, strict=True):
        before = np.minimum(corner, margin)
        after = np.minimum(np.array(masks.shape) - corner - crop.shape, margin)
        window = np.pad(crop, [*zip(before, after, strict=True)]).astype(np.int32)
        changed.append(change(window) > 0)
        places.append(corner - before)
    arrays = Instances.from_crops(changed, places, masks.shape).arrays
    return masks.with_masks(arrays, np.arange(len(masks)))


def median_area(areas: NDArray[Any], speck: int) -> float:
    """Median of the areas that are no specks, in pixels; 0 if there are none."""
    nuclei = areas[areas >= max(speck, 1)]
    return float(np.median(nuclei)) if nuclei.size else 0.0


def _cleaned(labels: Labels, rules: Cleaning) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Label image of the nuclei 1..N that stay, and which of the old ones, from 0, they are."""
    labels = _settled(labels, rules)
    if labels.any() and rules.smooths:
        labels = _settled(_smoothed(labels, _smoothing_steps(_areas(labels), rules)), rules)
    numbered, ids = renumbered(labels)
    return numbered, ids - 1


def _settled(labels: Labels, rules: Cleaning) -> NDArray[np.int32]:
    """Fill and drop until nothing changes; ids stay, so there are fewer and fewer of them."""
    while True:
        limit = rules.hole * median_area(_areas(labels), rules.speck)
        better = _filled(labels, limit)
        better = np.where(_outliers(_areas(better), rules)[better], 0, better)
        if np.array_equal(better, labels):
            return labels
        labels = better


def _areas(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Pixels of each id, that of the background taken as 0."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return areas


def _filled(labels: Labels, limit: float) -> Labels:
    """Holes of less than so many pixels filled."""
    background = (labels == 0).view(np.uint8)
    n, pieces, stats, _ = cv2.connectedComponentsWithStats(background, connectivity=4)
    owners = kernels.enclosing_nuclei(labels, pieces, n - 1)
    owners[(stats[:, cv2.CC_STAT_AREA] >= limit) | (owners < 0)] = 0
    return np.where(pieces > 0, owners[pieces], labels)


def _outliers(areas: NDArray[np.int64], rules: Cleaning) -> NDArray[np.bool_]:
    median = median_area(areas, rules.speck)
    outlier: NDArray[np.bool_] = areas < max(rules.speck, rules.small * median)
    if median > 0:
        outlier |= areas > rules.giant * median
    return outlier


def _smoothing_steps(areas: NDArray[np.int64], rules: Cleaning) -> list[tuple[int, int]]:
    """List what smoothing does, and how far each reaches in pixels."""
    radius = float(np.sqrt(median_area(areas, rules.speck) / np.pi))
    return [
        (cv2.MORPH_OPEN, round(rules.opening * radius)),
        (cv2.MORPH_CLOSE, round(rules.closing * radius)),
    ]


def _smoothed(labels: Labels, steps: list[tuple[int, int]]) -> Labels:
    # Far enough for either step not to notice where the crop ends.
    margin = 2 * sum(reach for _, reach in steps) + 1
    padded = np.pad(labels, margin, mode="edge")
    result, takers = labels.copy(), np.zeros_like(labels)  # -1: more than one
    for i, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        wide = tuple(slice(s.start, s.stop + 2 * margin) for s in box)  # in the padded image
        here = tuple(slice(max(0, s.start - margin), s.stop + margin) for s in box)
        inner = tuple(
            slice(h.start - s.start + margin, None) for h, s in zip(here, box, strict=True)
        )
        old = labels[here]
        new = _one_smoothed(padded[wide] == i, steps)[inner][: old.shape[0], : old.shape[1]]
        before = old == i
        after = new & (before | (old == 0))
        after = largest_piece(after if after.any() else before)
        result[here][before & ~after] = 0
        grown = after & ~before
        takers[here][grown] = np.where(takers[here][grown] == 0, i, -1)
    return np.where(takers > 0, takers, result)


def _one_smoothed(mask: NDArray[np.bool_], steps: list[tuple[int, int]]) -> NDArray[np.bool_]:
    pixels = mask.view(np.uint8)
    for operation, reach in steps:
        if reach > 0:
            offsets = np.arange(-reach, reach + 1)
            # Half a pixel more gives round discs, not diamonds: 3 x 3 for a reach of 1.
            disc = offsets**2 + offsets[:, np.newaxis] ** 2 <= (reach + 0.5) ** 2
            pixels = cv2.morphologyEx(
                pixels, operation, disc.astype(np.uint8), borderType=cv2.BORDER_CONSTANT,
                borderValue=0,
            )  # fmt: skip
    return pixels.astype(bool)
