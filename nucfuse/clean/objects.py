"""Rules about whole nuclei, relative to the median nucleus of the image."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from nucfuse.clean.kernels import holes as kernels
from nucfuse.clean.parameters import Parameter, resolve
from nucfuse.masks.instances import Instances
from nucfuse.masks.labels import check_labels, negative_id_error
from nucfuse.masks.topology import largest_piece

Settings = dict[str, Any]
Labels = NDArray[np.int32]

PARAMETERS = (
    Parameter("speck", 12, 0, np.inf, "nuclei of fewer pixels are dropped, and never the median"),
    Parameter("small", 0.05, 0, 1, "nuclei below this share of the median area are dropped"),
    Parameter("giant", 16.0, 1, np.inf, "nuclei above this many median areas are dropped"),
    Parameter("hole", 0.5, 0, np.inf, "holes below this share of the median area are filled"),
    Parameter("opening", 0.0, 0, 1, "spurs thinner than twice this go, in radii of the median"),
    Parameter("closing", 0.0, 0, 1, "notches narrower than twice this fill, in median radii"),
)


def clean_objects(labels: ArrayLike, **parameters: float) -> NDArray[np.int32]:
    """Drop what is too small or too large, fill holes, smooth outlines.

    Parameters
    ----------
    labels : array_like of int, shape (H, W)
        0 is background.
    **parameters : float
        See `PARAMETERS` for names, defaults and ranges. The median is that of the nuclei that
        stay, and its radius that of a disc of its area.

    Returns
    -------
    ndarray of int32, shape (H, W)
        0 is background; what is left is numbered 1..N in the old order.

    Raises
    ------
    ValueError, TypeError
        If it is no label image, or a parameter's name or value is invalid.

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
    settings = resolve(PARAMETERS, parameters, "cleaning")
    return _cleaned(_sequential(labels), settings)[0]


def clean_instances(instances: Instances, **parameters: float) -> Instances:
    """`clean_objects` for `Instances`; scores, sources and classes are kept.

    Parameters
    ----------
    instances : Instances
        Disjoint; those without pixels are dropped.
    **parameters : float
        See `PARAMETERS`.

    Raises
    ------
    ValueError
        If masks overlap, or a parameter's name or value is invalid.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 0, 0]], [[0, 1, 1]]], scores=[0.2, 0.9])
    >>> clean_instances(x, speck=2).scores
    array([0.9], dtype=float32)
    """
    settings = resolve(PARAMETERS, parameters, "cleaning")
    ids = np.flatnonzero(instances.areas)
    labels, kept = _cleaned(instances[ids].to_labels(), settings)
    return _about(Instances.from_labels(labels), instances[ids[kept]])


def clean_overlapping(instances: Instances, **parameters: float) -> Instances:
    """`clean_objects` for masks that may overlap: each for itself, as if there were no others.

    Parameters
    ----------
    instances : Instances
        Those without pixels are dropped.
    **parameters : float
        See `PARAMETERS`; the median is that of all nuclei that stay.

    Raises
    ------
    ValueError
        If a parameter's name or value is invalid.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 0, 1]], [[1, 1, 1]], [[0, 1, 0]]])
    >>> clean_overlapping(x, speck=2, hole=0).areas
    array([2, 3])
    """
    settings = resolve(PARAMETERS, parameters, "cleaning")
    masks = _settled_masks(instances[instances.areas > 0], settings)
    if len(masks) and (settings["opening"] > 0 or settings["closing"] > 0):
        radius = _radius(masks.areas, settings)
        margin = sum(reach for _, reach in _steps(radius, settings)) + 1
        masks = _each(masks, margin, lambda labels: _smoothed(labels, radius, settings))
        masks = _settled_masks(masks, settings)
    return masks


def _settled_masks(masks: Instances, settings: Settings) -> Instances:
    """As `_settled`, of masks that may overlap."""
    while True:
        limit = settings["hole"] * median_area(masks.areas, settings["speck"])
        filled = _each(masks, 1, partial(_filled, limit=limit))
        better = filled[~_outliers(filled.areas, settings)]
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
    return _about(Instances.from_crops(changed, places, masks.shape), masks)


def _about(masks: Instances, old: Instances) -> Instances:
    """The masks with what is known of each old one."""
    return replace(
        masks, scores=old.scores, sources=old.sources, source_names=old.source_names,
        classes=old.classes,
    )  # fmt: skip


def median_area(areas: NDArray[Any], speck: int) -> float:
    """Median of the areas that are no specks, in pixels; 0 if there are none."""
    nuclei = areas[areas >= max(speck, 1)]
    return float(np.median(nuclei)) if nuclei.size else 0.0


def _sequential(labels: ArrayLike) -> NDArray[np.int32]:
    array = check_labels(labels)
    if array.min() < 0:
        raise negative_id_error("labels", int(array.min()))
    if array.max() >= array.size:  # too sparse to count
        array = np.unique(array, return_inverse=True)[1].reshape(array.shape) + (array.min() > 0)
    return _renumbered(array)[0]


def _renumbered(labels: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The same nuclei numbered 1..N in the order of their ids, and these ids."""
    present = np.bincount(labels.ravel()) > 0
    present[0] = False
    new = np.cumsum(present, dtype=np.int32) * present
    return new[labels], np.flatnonzero(present)


def _cleaned(
    labels: NDArray[np.int32], settings: Settings
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Label image of the nuclei 1..N that stay, and which of the old ones, from 0, they are."""
    labels = _settled(labels, settings)
    if labels.any() and (settings["opening"] > 0 or settings["closing"] > 0):
        radius = _radius(_areas(labels), settings)
        labels = _settled(_smoothed(labels, radius, settings), settings)
    numbered, ids = _renumbered(labels)
    return numbered, ids - 1


def _settled(labels: NDArray[np.int32], settings: Settings) -> NDArray[np.int32]:
    """Fill and drop until nothing changes; ids stay, so there are fewer and fewer of them."""
    while True:
        limit = settings["hole"] * median_area(_areas(labels), settings["speck"])
        better = _filled(labels, limit)
        better = np.where(_outliers(_areas(better), settings)[better], 0, better)
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


def _outliers(areas: NDArray[np.int64], settings: Settings) -> NDArray[np.bool_]:
    median = median_area(areas, settings["speck"])
    outlier: NDArray[np.bool_] = areas < max(settings["speck"], settings["small"] * median)
    if median > 0:
        outlier |= areas > settings["giant"] * median
    return outlier


def _radius(areas: NDArray[np.int64], settings: Settings) -> float:
    return float(np.sqrt(median_area(areas, settings["speck"]) / np.pi))


def _steps(radius: float, settings: Settings) -> list[tuple[int, int]]:
    """What smoothing does, and how far each reaches in pixels."""
    return [
        (operation, round(settings[name] * radius))
        for operation, name in ((cv2.MORPH_OPEN, "opening"), (cv2.MORPH_CLOSE, "closing"))
    ]


def _smoothed(labels: Labels, radius: float, settings: Settings) -> Labels:
    steps = _steps(radius, settings)
    # Far enough for either step not to notice where the crop ends.
    margin = 2 * sum(reach for _, reach in steps) + 1
    padded = np.pad(labels, margin, mode="edge")
    result, claims = labels.copy(), np.zeros_like(labels)
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
        claims[here][grown] = np.where(claims[here][grown] == 0, i, -1)
    return np.where(claims > 0, claims, result)


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
