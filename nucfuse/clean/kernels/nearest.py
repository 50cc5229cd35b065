"""Compiled loops for overlap removal by distance. Arguments are checked; nothing raises.

A pixel is contested if it lies in two masks or more, else free.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import grown
from nucfuse.masks.kernels.mask_overlap import first_run_after

_FARTHEST = np.int64(1) << 62


class Parts(NamedTuple):
    """Runs of masks, divided where their pixels become contested or free.

    Mask m has the parts ``offsets[m]:offsets[m + 1]``. ``positions`` says where a part's first
    pixel stands among all contested pixels of the image, -1 for a free part.
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    positions: NDArray[np.int64]
    offsets: NDArray[np.int64]


@kernel
def contested_runs(starts, lengths, order):
    """Sorted disjoint runs (starts, lengths) of the pixels that lie in two masks or more.

    A pixel is contested where the last run to cover it begins before the farthest end so far.
    """
    out_starts, out_lengths = np.empty(starts.size, np.int64), np.empty(starts.size, np.int64)
    n = 0
    reach = np.int64(0)
    for r in order:
        start, end = starts[r], starts[r] + lengths[r]
        if start < reach:
            if n == 0 or start > out_starts[n - 1] + out_lengths[n - 1]:
                out_starts[n], out_lengths[n] = start, 0
                n += 1
            longer = min(end, reach) - out_starts[n - 1]
            out_lengths[n - 1] = max(out_lengths[n - 1], longer)
        reach = max(reach, end)
    return out_starts[:n], out_lengths[:n]


@kernel
def divided_runs(starts, lengths, offsets, contested_starts, contested_lengths):
    """Divide runs of masks at the ends of contested runs, into `Parts`."""
    n_contested = contested_starts.size
    before = np.zeros(n_contested + 1, np.int64)
    for k in range(n_contested):
        before[k + 1] = before[k] + contested_lengths[k]
    out_starts, positions = np.empty(2 * starts.size, np.int64), np.empty(2 * starts.size, np.int64)
    out_lengths, parts_before = (
        np.empty(2 * starts.size, np.int32),
        np.zeros(starts.size + 1, np.int64),
    )
    n = 0
    for r in range(starts.size):
        at, end = starts[r], starts[r] + lengths[r]
        while at < end:
            if n == positions.size:
                out_starts, out_lengths = grown(out_starts, 2 * n), grown(out_lengths, 2 * n)
                positions = grown(positions, 2 * n)
            k = first_run_after(contested_starts, contested_lengths, 0, n_contested, at)
            stop, position = end, np.int64(-1)
            if k < n_contested and contested_starts[k] <= at:
                stop = min(end, contested_starts[k] + contested_lengths[k])
                position = before[k] + at - contested_starts[k]
            elif k < n_contested:
                stop = min(end, contested_starts[k])
            out_starts[n], out_lengths[n], positions[n] = at, stop - at, position
            n += 1
            at = stop
        parts_before[r + 1] = n
    out_offsets = np.empty(offsets.size, np.int64)
    for m in range(offsets.size):
        out_offsets[m] = parts_before[offsets[m]]
    return Parts(out_starts[:n], out_lengths[:n], positions[:n], out_offsets)


@kernel
def nearest_owners(parts, boxes, ranked, height, n_contested):
    """Choose the mask of each contested pixel: the nearest free pixel, then the best rank.

    Six times as fast as one `scipy.ndimage.distance_transform_edt` for each mask, painted in its
    box, on 17,509 masks of 100 images (0.27 against 1.6 s); 2.6 times on 8,000 in one image.
    """
    least = np.empty(n_contested, np.int64)
    least[:] = _FARTHEST + 1
    owners = np.empty(n_contested, np.int32)
    for m in ranked:
        a, b = parts.offsets[m], parts.offsets[m + 1]
        lengths, positions = parts.lengths[a:b], parts.positions[a:b]
        distances = _distances(parts.starts[a:b], lengths, positions, boxes[m], height)
        _take_nearer(lengths, positions, distances, m, least, owners)
    return owners


@kernel
def _take_nearer(lengths, positions, distances, mask, least, owners):
    """Give a mask those of its contested pixels of which it is nearer than their owner."""
    k = 0
    for r in range(lengths.size):
        for at in range(positions[r], positions[r] + (lengths[r] if positions[r] >= 0 else 0)):
            if distances[k] < least[at]:
                least[at], owners[at] = distances[k], mask
            k += 1


@kernel
def _distances(starts, lengths, positions, box, height):
    """Squared distance from each contested pixel of a mask to its nearest free one, in order."""
    free = np.zeros((box[3] - box[1], box[2] - box[0]), np.bool_)
    n = n_free = 0
    for r in range(starts.size):
        x, y = starts[r] // height, starts[r] % height
        if positions[r] >= 0:
            n += lengths[r]
            continue
        n_free += lengths[r]
        for _ in range(lengths[r]):
            free[x - box[1], y - box[0]] = True
            y += 1
            if y == height:
                x, y = x + 1, 0
    distances = np.empty(n, np.int64)
    distances[:] = _FARTHEST
    if n == 0 or n_free == 0:
        return distances
    squares = _squared_distances(free)
    n = 0
    for r in range(starts.size):
        x, y = starts[r] // height, starts[r] % height
        for _ in range(lengths[r] if positions[r] >= 0 else 0):
            distances[n] = squares[y - box[0], x - box[1]]
            n += 1
            y += 1
            if y == height:
                x, y = x + 1, 0
    return distances


@kernel
def _squared_distances(free):
    """Squared distance from each pixel to the nearest free one: (w, h) bool -> (h, w) int64."""
    width, height = free.shape
    squares = np.empty((height, width), np.int64)
    for x in range(width):
        # Longer than any way within the box, so that a column without free pixels never wins.
        gap = np.int64(height + width)
        for y in range(height):
            gap = 0 if free[x, y] else gap + 1
            squares[y, x] = gap
        gap = np.int64(height + width)
        for y in range(height - 1, -1, -1):
            gap = 0 if free[x, y] else gap + 1
            squares[y, x] = min(gap, squares[y, x])
    gaps, sites, edges = (
        np.empty(width, np.int64),
        np.empty(width, np.int64),
        np.empty(width, np.int64),
    )
    for y in range(height):
        for x in range(width):
            gaps[x] = squares[y, x]
        _distances_in_row(gaps, squares[y], sites, edges)
    return squares


@kernel
def _distances_in_row(gaps, squares, sites, edges):
    """Squared distance from each pixel of a row to the nearest free pixel of any row.

    ``gaps[x]`` is the distance to the nearest free pixel of column x. The lower envelope of
    parabolas in whole numbers: Meijster, Roerdink & Hesselink 2000,
    doi:10.1007/0-306-47025-X_36.
    """
    q = 0
    sites[0] = edges[0] = 0
    for x in range(1, gaps.size):
        here = gaps[x] * gaps[x]
        while q >= 0:
            s, e = sites[q], edges[q]
            if (e - s) * (e - s) + gaps[s] * gaps[s] <= (e - x) * (e - x) + here:
                break
            q -= 1
        if q < 0:
            q = 0
            sites[0] = x
            continue
        s = sites[q]
        edge = 1 + (x * x - s * s + here - gaps[s] * gaps[s]) // (2 * (x - s))
        if edge < gaps.size:
            q += 1
            sites[q], edges[q] = x, edge
    for x in range(gaps.size - 1, -1, -1):
        s = sites[q]
        squares[x] = (x - s) * (x - s) + gaps[s] * gaps[s]
        if x == edges[q]:
            q -= 1


@kernel
def owned_runs(parts, owners):
    """Free parts and the contested pixels each mask owns -> starts, lengths, offsets."""
    # Every contested pixel has one owner, so it starts at most one run.
    starts = np.empty(parts.starts.size + owners.size, np.int64)
    lengths, offsets = np.empty(starts.size, np.int32), np.zeros(parts.offsets.size, np.int64)
    n = np.int64(0)
    for m in range(offsets.size - 1):
        for r in range(parts.offsets[m], parts.offsets[m + 1]):
            at, length, position = parts.starts[r], np.int64(parts.lengths[r]), parts.positions[r]
            if position < 0:
                n = _add_run(starts, lengths, offsets[m], n, at, length)
            else:
                of_part = owners[position : position + length]
                n = _add_owned(starts, lengths, offsets[m], n, at, of_part, m)
        offsets[m + 1] = n
    return starts[:n].copy(), lengths[:n].copy(), offsets


@kernel
def _add_owned(starts, lengths, first, n, at, owners, mask):
    """Write the runs of those pixels from a place on that a mask owns; how many there are now."""
    for i in range(owners.size):
        if owners[i] == mask:
            n = _add_run(starts, lengths, first, n, at + i, np.int64(1))
    return n


@kernel
def _add_run(starts, lengths, first, n, start, length):
    """Write a run, or lengthen the last of this mask if it touches; how many there are now."""
    if n > first and starts[n - 1] + lengths[n - 1] == start:
        lengths[n - 1] += length
        return n
    starts[n], lengths[n] = start, length
    return n + 1
