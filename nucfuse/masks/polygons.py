"""Polygons and masks: filled as pycocotools fills them, traced along the edges of the pixels.

Coordinates are in pixels, x before y, and (0, 0) is the upper left corner of the first pixel, whose
middle is (0.5, 0.5): the convention of COCO, QuPath and ImageJ.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.kernels import polygons as kernels

_SCALE = 5  # pycocotools traces edges on a grid five times as fine
# Beyond any image, and far enough from 2**53 for the fine grid to be exact in float64.
_FARTHEST = 2.0**31
# A ring of few corners can cross any number of columns: 2**24 take about 0.5 GB to fill.
MOST_CROSSINGS = 2**24

Ring = NDArray[np.int64]


def polygon_runs(
    ring: ArrayLike, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Column-major runs (starts, lengths) of one filled polygon.

    Parameters
    ----------
    ring : array_like of float, shape (2 * P,)
        x0, y0, x1, y1, … in pixels, P >= 3 corners; the ring closes itself.
    shape : (H, W)
        Size of the image in pixels. Parts of the polygon outside are cut off.

    Returns
    -------
    starts, lengths : ndarray of int64 (R,), int32 (R,)
        Sorted, disjoint runs that do not touch; none if no pixel's middle lies inside.

    Raises
    ------
    ValueError
        If there are fewer than three corners, an odd number of values, NaN or infinity, a corner
        beyond 2**31, more than 2**24 crossings of columns, or a run too long for int32.

    Notes
    -----
    The same pixels as pycocotools' ``frPyObjects``: each edge is drawn on a grid five times as
    fine; wherever it passes the middle of a column of pixels, the filling is switched on or off
    from the next row centre below. Two switches at one place cancel, so a ring that crosses itself
    is filled by the even-odd rule. Only the crossings are computed, not every fine point.

    References
    ----------
    Lin et al. 2014, Microsoft COCO, doi:10.1007/978-3-319-10602-1_48

    Examples
    --------
    >>> polygon_runs([0, 0, 2, 0, 2, 1, 0, 1], (3, 4))
    (array([0, 3]), array([1, 1], dtype=int32))
    """
    x, y = _fine_grid(ring)
    height, width = shape
    total = kernels.count_crossings(x, width)
    if total > MOST_CROSSINGS:
        raise ValueError(
            f"the polygon crosses {total} pixel columns (limit {MOST_CROSSINGS}); give it as RLE"
        )
    toggles = kernels.crossings(x, y, height, width, total)
    toggles.sort()
    starts, lengths = kernels.runs_between(toggles)
    if lengths.size and lengths.max() > np.iinfo(np.int32).max:
        raise ValueError(f"the polygon has a run of {lengths.max()} pixels (limit 2**31 - 1)")
    return starts, lengths.astype(np.int32)


def _fine_grid(ring: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners on the fine grid, the first one repeated at the end."""
    values = np.asarray(ring, np.float64).ravel()
    if values.size < 6 or values.size % 2:
        raise ValueError(
            f"a polygon needs at least 3 corners as x0, y0, x1, y1, …, got {values.size} values"
        )
    if not np.isfinite(values).all():
        raise ValueError("a polygon needs finite corners, got NaN or infinity")
    if np.abs(values).max() > _FARTHEST:
        raise ValueError(f"a corner of the polygon at {np.abs(values).max():g} is beyond any image")
    # Truncated, not rounded, below zero, as the C cast does; edges that come in from there tilt.
    fine = (_SCALE * values + 0.5).astype(np.int64)
    return np.append(fine[0::2], fine[0]), np.append(fine[1::2], fine[1])


def outlines(mask: NDArray[np.bool_], corner: ArrayLike) -> list[list[float]]:
    """Outer outlines of a boolean crop (h, w) at (y0, x0), as rings [x0, y0, x1, y1, …] in pixels.

    One ring for each piece of the mask. Filled and united they give back the mask exactly, unless
    it has holes: COCO polygons have no way to say "not this part", so holes come back filled. RLE
    keeps them.

    Parameters
    ----------
    mask : ndarray of bool, shape (h, w)
    corner : (y0, x0)
        Where the crop's upper left pixel lies in the image.

    Returns
    -------
    list of list of float
        Rings in order of their topmost pixel, clockwise on the screen, from that pixel's upper left
        corner; corners are whole numbers.

    Notes
    -----
    Rings run along the edges between pixels, not through the middles of border pixels as those of
    ``cv2.findContours`` do: these have no area for a mask one pixel wide, and what pycocotools
    fills from them differs from the mask. Pieces are 4-connected: pixels that touch at a corner
    only get a ring each, and where a ring meets itself at a corner the gap it leaves stays open.
    What is lost are hence parts of the background from which no path, diagonal steps included,
    leads outside.

    Examples
    --------
    >>> outlines(np.array([[True, True], [True, False]]), (10, 20))
    [[20.0, 10.0, 22.0, 10.0, 22.0, 11.0, 21.0, 11.0, 21.0, 12.0, 20.0, 12.0]]
    """
    rings, owners = _rings(mask, corner, cross=False)
    return [
        ring.ravel().astype(np.float64).tolist()
        for ring, owner in zip(rings, owners, strict=True)
        if owner > 0
    ]


def pieces_with_holes(mask: NDArray[np.bool_], corner: ArrayLike) -> list[list[Ring]]:
    """The pieces of a boolean crop (h, w) at (y0, x0): for each its outer ring, then its holes'.

    Parameters
    ----------
    mask : ndarray of bool, shape (h, w)
    corner : (y0, x0)
        Where the crop's upper left pixel lies in the image.

    Returns
    -------
    list of list of ndarray of int64, shape (P, 2)
        Corners x, y along the edges of the pixels, not closed. Outer rings run clockwise on the
        screen (counter-clockwise where y points up), holes the other way.

    Notes
    -----
    Pieces are 4-connected and no ring meets itself; a hole may touch another ring in single points.
    These are valid polygons in the sense of OGC Simple Features, as GeoJSON readers want them.

    Examples
    --------
    >>> ring = np.ones((3, 3), bool)
    >>> ring[1, 1] = False
    >>> [piece] = pieces_with_holes(ring, (0, 0))
    >>> piece[1].tolist()
    [[1, 2], [2, 2], [2, 1], [1, 1]]
    """
    rings, owners = _rings(mask, corner, cross=True)
    pieces: dict[int, list[Ring]] = {}
    for ring, owner in zip(rings, owners, strict=True):
        pieces.setdefault(abs(owner), []).append(ring)
    return list(pieces.values())


def _rings(mask: NDArray[Any], corner: ArrayLike, cross: bool) -> tuple[list[Ring], Sequence[int]]:
    """All rings (P, 2) as x, y, and the piece each belongs to, negative for holes."""
    import cv2  # not for who draws no outlines: OpenCV takes long to load

    y0, x0 = np.asarray(corner, np.int64)
    height, width = mask.shape
    padded = np.zeros((height + 2, width + 2), np.uint8)
    padded[1:-1, 1:-1] = mask
    n_labels, pieces = cv2.connectedComponents(padded, connectivity=4, ltype=cv2.CV_32S)
    corners, ends, owners = kernels.rings(pieces, n_labels - 1, cross)
    points = corners.reshape(-1, 2) + np.array([x0 - 1, y0 - 1])
    rings = np.split(points, ends[:-1] // 2) if ends.size else []
    return rings, owners.tolist()
