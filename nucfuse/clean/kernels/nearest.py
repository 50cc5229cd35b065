"""Compiled loops for overlap removal by vote of the nearest. Arguments are checked; nothing raises.

A pixel is contested if it lies in two masks or more, else free.
"""

import numpy as np
from numba import njit

_NO_VOTE = np.int64(1) << 62


@njit(cache=True, nogil=True)
def contested_runs(starts, lengths, order):
    """Sorted disjoint runs (starts, ends) of the pixels that lie in two masks or more.

    A pixel is contested where the last run to cover it begins before the farthest end so far.
    """
    out_starts, out_ends = np.empty(starts.size, np.int64), np.empty(starts.size, np.int64)
    n = 0
    reach = np.int64(0)
    for r in order:
        start, end = starts[r], starts[r] + lengths[r]
        if start < reach:
            shared_end = min(end, reach)
            if n > 0 and start <= out_ends[n - 1]:
                out_ends[n - 1] = max(out_ends[n - 1], shared_end)
            else:
                out_starts[n], out_ends[n] = start, shared_end
                n += 1
        reach = max(reach, end)
    return out_starts[:n], out_ends[:n]


@njit(cache=True, nogil=True)
def _grown(array, size):
    larger = np.empty(size, array.dtype)
    larger[: array.size] = array
    return larger


@njit(cache=True, nogil=True)
def parted_runs(starts, lengths, offsets, shared_starts, shared_ends):
    """Runs parted where they become contested or free -> starts, lengths, positions, offsets.

    ``positions`` counts contested pixels of the image: where a part's first pixel stands among
    them, -1 for a free part.
    """
    before = np.zeros(shared_starts.size + 1, np.int64)
    for k in range(shared_starts.size):
        before[k + 1] = before[k] + shared_ends[k] - shared_starts[k]
    out_starts = np.empty(2 * starts.size + 1, np.int64)
    out_lengths = np.empty(out_starts.size, np.int32)
    positions = np.empty(out_starts.size, np.int64)
    out_offsets = np.zeros(offsets.size, np.int64)
    n = 0
    for m in range(offsets.size - 1):
        k = np.int64(0)
        if offsets[m] < offsets[m + 1]:
            k = np.searchsorted(shared_ends, starts[offsets[m]], side="right")
        for r in range(offsets[m], offsets[m + 1]):
            at, end = starts[r], starts[r] + lengths[r]
            while at < end:
                while k < shared_ends.size and shared_ends[k] <= at:
                    k += 1
                if n == out_starts.size:
                    out_starts, out_lengths = _grown(out_starts, 2 * n), _grown(out_lengths, 2 * n)
                    positions = _grown(positions, 2 * n)
                stop, position = end, np.int64(-1)
                if k < shared_ends.size and shared_starts[k] <= at:
                    stop, position = min(end, shared_ends[k]), before[k] + at - shared_starts[k]
                elif k < shared_ends.size:
                    stop = min(end, shared_starts[k])
                out_starts[n], out_lengths[n], positions[n] = at, stop - at, position
                n += 1
                at = stop
        out_offsets[m + 1] = n
    return out_starts[:n], out_lengths[:n], positions[:n], out_offsets


@njit(cache=True, nogil=True)
def _distances_in_row(gaps, distances, sites, edges):
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
        distances[x] = (x - s) * (x - s) + gaps[s] * gaps[s]
        if x == edges[q]:
            q -= 1


@njit(cache=True, nogil=True)
def _gaps_in_columns(free, top, gaps):
    """Distance to the nearest free pixel up or down: (w, h) bool -> rows ``top``… of ``gaps``."""
    width, height = free.shape
    for x in range(width):
        # Longer than any way within the box, so that a column without free pixels never wins.
        gap = np.int64(height + width)
        for y in range(height):
            gap = 0 if free[x, y] else gap + 1
            if top <= y < top + gaps.shape[0]:
                gaps[y - top, x] = gap
        gap = np.int64(height + width)
        for y in range(height - 1, -1, -1):
            gap = 0 if free[x, y] else gap + 1
            if top <= y < top + gaps.shape[0]:
                gaps[y - top, x] = min(gap, gaps[y - top, x])


@njit(cache=True, nogil=True)
def _vote(starts, lengths, positions, box, height, distances, owners, mask):
    """Offer one mask's distance for each of its contested pixels; it becomes owner if nearer."""
    free = np.zeros((box[3] - box[1], box[2] - box[0]), np.bool_)
    top, bottom, n_free = box[2], box[0], 0
    for r in range(starts.size):
        x, y = starts[r] // height, starts[r] % height
        for _ in range(lengths[r]):
            if positions[r] < 0:
                free[x - box[1], y - box[0]] = True
                n_free += 1
            else:
                top, bottom = min(top, y), max(bottom, y + 1)
            y += 1
            if y == height:
                x, y = x + 1, 0
    if bottom <= top:
        return
    near = np.full((bottom - top, free.shape[0]), _NO_VOTE - 1)
    if n_free > 0:
        _gaps_in_columns(free, top - box[0], near)
        sites, edges = np.empty(free.shape[0], np.int64), np.empty(free.shape[0], np.int64)
        for y in range(bottom - top):
            _distances_in_row(near[y].copy(), near[y], sites, edges)
    for r in range(starts.size):
        if positions[r] < 0:
            continue
        x, y = starts[r] // height, starts[r] % height
        for at in range(positions[r], positions[r] + lengths[r]):
            distance = near[y - top, x - box[1]]
            if distance < distances[at]:
                distances[at], owners[at] = distance, mask
            y += 1
            if y == height:
                x, y = x + 1, 0


@njit(cache=True, nogil=True)
def nearest_owners(starts, lengths, positions, offsets, boxes, ranked, height, n_contested):
    """The mask of each contested pixel: that with the nearest free pixel, then the best rank."""
    distances = np.full(n_contested, _NO_VOTE)
    owners = np.empty(n_contested, np.int32)
    for m in ranked:
        a, b = offsets[m], offsets[m + 1]
        if (positions[a:b] >= 0).any():
            _vote(starts[a:b], lengths[a:b], positions[a:b], boxes[m], height, distances, owners, m)
    return owners


@njit(cache=True, nogil=True)
def owned_runs(starts, lengths, positions, offsets, owners):
    """Free parts and the contested pixels each mask owns -> starts, lengths, offsets."""
    # Every contested pixel has one owner, so it starts at most one run.
    out_starts = np.empty(starts.size + owners.size, np.int64)
    out_lengths = np.empty(out_starts.size, np.int32)
    out_offsets = np.zeros(offsets.size, np.int64)
    n = 0
    for m in range(offsets.size - 1):
        end = np.int64(-1)
        for r in range(offsets[m], offsets[m + 1]):
            i = 0
            while i < lengths[r]:
                length = 1
                if positions[r] < 0:
                    length = lengths[r]
                elif owners[positions[r] + i] != m:
                    i += 1
                    continue
                if starts[r] + i == end:
                    out_lengths[n - 1] += length
                else:
                    out_starts[n], out_lengths[n] = starts[r] + i, length
                    n += 1
                i += length
                end = starts[r] + i
        out_offsets[m + 1] = n
    return out_starts[:n].copy(), out_lengths[:n].copy(), out_offsets
