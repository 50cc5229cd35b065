"""Compiled search for the peaks of a surface; arguments are checked by `splitting`."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import root_of


@kernel
def peak_depths(values, order, width, diagonal):
    """How far one must climb down from each regional maximum to reach a higher one.

    Pixels are flooded from the highest down; where two basins meet, that of the lower peak ends
    (ties: of the one that was found later). One sort and one pass: reconstruction, as in
    scikit-image's h-maxima, takes ten times as long.

    Parameters
    ----------
    values : float32 (H * W,)
    order : int64 (M,), flat indices of the foreground, by falling value
    width : int
    diagonal : bool, whether pixels also touch at corners

    Returns
    -------
    float64 (M,)
        The depth of each pixel, 0 where there is no peak; infinite for the highest peak of each
        connected component.
    """
    parents, ranks = np.empty(values.size, np.int64), np.empty(values.size, np.int64)
    parents[:] = -1  # not reached yet, or background; ranks are those of a basin's peak
    depths = np.empty(order.size)
    neighbours = np.empty(8, np.int64)
    for rank in range(order.size):
        pixel = order[rank]
        parents[pixel] = pixel
        ranks[pixel] = rank
        depths[rank] = np.inf
        for k in range(_around(pixel, width, values.size, diagonal, neighbours)):
            if parents[neighbours[k]] < 0:
                continue
            a, b = root_of(parents, neighbours[k]), root_of(parents, pixel)
            if a == b:
                continue
            if ranks[a] > ranks[b]:
                a, b = b, a
            parents[b] = a
            depths[ranks[b]] = np.float64(values[order[ranks[b]]]) - values[pixel]
    return depths


@kernel
def _around(pixel, width, size, diagonal, neighbours):
    """Write the flat indices of a pixel's neighbours in the image; returns how many there are."""
    n = 0
    column = pixel % width
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if (dy == 0 and dx == 0) or (dy != 0 and dx != 0 and not diagonal):
                continue
            other = pixel + dy * width + dx
            if 0 <= column + dx < width and 0 <= other < size:
                neighbours[n] = other
                n += 1
    return n


@kernel
def spaced(positions, components, distance):
    """Which peaks are farther than a distance from all kept before them in their component.

    Parameters
    ----------
    positions : int64 (P,), flat indices, the most important first
    components : int32 (H, W)
    distance : float, in pixels

    Returns
    -------
    bool (P,)
    """
    height, width = components.shape
    taken, kept = np.zeros((height, width), np.bool_), np.zeros(positions.size, np.bool_)
    for p in range(positions.size):
        y, x = positions[p] // width, positions[p] % width
        if not taken[y, x]:
            kept[p] = True
            _take_disc(taken, components, y, x, distance)
    return kept


@kernel
def _take_disc(taken, components, y, x, distance):
    """Mark what is not farther than a distance from a pixel, in its component."""
    height, width = components.shape
    reach = int(min(distance, height + width))
    for v in range(max(0, y - reach), min(height, y + reach + 1)):
        for u in range(max(0, x - reach), min(width, x + reach + 1)):
            near = (v - y) ** 2 + (u - x) ** 2 <= distance * distance
            if near and components[v, u] == components[y, x]:
                taken[v, u] = True
