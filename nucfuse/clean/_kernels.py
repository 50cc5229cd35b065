"""Compiled loops for removal of overlaps by rank, and for pieces. Nothing raises."""

import numpy as np
from numba import njit

from nucfuse.masks._array_kernels import root_of

_BEYOND = np.int64(1) << 62  # after every pixel


@njit(cache=True, nogil=True)
def _push(heap_ranks, heap_ends, n, rank, end):
    """Add a run to the heap of ``n`` active runs, lowest rank on top."""
    child = n
    while child > 0:
        parent = (child - 1) // 2
        if heap_ranks[parent] <= rank:
            break
        heap_ranks[child], heap_ends[child] = heap_ranks[parent], heap_ends[parent]
        child = parent
    heap_ranks[child], heap_ends[child] = rank, end


@njit(cache=True, nogil=True)
def _pop(heap_ranks, heap_ends, n):
    """Take the top off a heap of ``n`` active runs."""
    rank, end = heap_ranks[n - 1], heap_ends[n - 1]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= n - 1:
            break
        if child + 1 < n - 1 and heap_ranks[child + 1] < heap_ranks[child]:
            child += 1
        if rank <= heap_ranks[child]:
            break
        heap_ranks[parent], heap_ends[parent] = heap_ranks[child], heap_ends[child]
        parent = child
    heap_ranks[parent], heap_ends[parent] = rank, end


@njit(cache=True, nogil=True)
def visible_runs(starts, lengths, order, run_ranks):
    """What is seen of runs that lie on each other, the lowest rank on top.

    A sweep over the runs by start (``order``) with a heap of those that are active: O(R log R)
    however deep they lie. Returns starts, lengths and ranks of disjoint runs, sorted by start;
    runs of one rank do not touch.
    """
    n_runs = starts.size
    # Each seen run ends where a run starts or ends.
    out_starts = np.empty(2 * n_runs, np.int64)
    out_lengths = np.empty(2 * n_runs, np.int32)
    out_ranks = np.empty(2 * n_runs, np.int32)
    heap_ranks, heap_ends = np.empty(n_runs, np.int32), np.empty(n_runs, np.int64)
    n_out = n_heap = 0
    at = np.int64(0)
    for i in range(n_runs + 1):
        last = i == n_runs
        start = _BEYOND if last else starts[order[i]]
        while n_heap > 0 and at < start:
            rank, end = heap_ranks[0], min(heap_ends[0], start)
            if end > at:
                same = n_out > 0 and out_ranks[n_out - 1] == rank
                if same and out_starts[n_out - 1] + out_lengths[n_out - 1] == at:
                    out_lengths[n_out - 1] += end - at
                else:
                    out_starts[n_out], out_lengths[n_out] = at, end - at
                    out_ranks[n_out] = rank
                    n_out += 1
                at = end
            if heap_ends[0] <= at:
                _pop(heap_ranks, heap_ends, n_heap)
                n_heap -= 1
        if not last:
            at = start
            _push(heap_ranks, heap_ends, n_heap, run_ranks[order[i]], start + lengths[order[i]])
            n_heap += 1
    return out_starts[:n_out], out_lengths[:n_out], out_ranks[:n_out]


@njit(cache=True, nogil=True)
def runs_by_mask(starts, lengths, ranks, ranked):
    """Sorted runs and ranks -> starts, lengths, offsets by mask; ``ranked[rank]`` is the mask."""
    offsets = np.zeros(ranked.size + 1, np.int64)
    for rank in ranks:
        offsets[ranked[rank] + 1] += 1
    for m in range(ranked.size):
        offsets[m + 1] += offsets[m]
    cursor = offsets[:-1].copy()
    out_starts, out_lengths = np.empty_like(starts), np.empty_like(lengths)
    for r in range(starts.size):
        m = ranked[ranks[r]]
        out_starts[cursor[m]], out_lengths[cursor[m]] = starts[r], lengths[r]
        cursor[m] += 1
    return out_starts, out_lengths, offsets


@njit(cache=True, nogil=True)
def _columns_of_runs(starts, lengths, offsets, height):
    """Runs cut at the bottom of each column: column, top, length of each segment, and offsets."""
    n = 0
    for r in range(starts.size):
        n += (starts[r] + lengths[r] - 1) // height - starts[r] // height + 1
    columns, tops = np.empty(n, np.int32), np.empty(n, np.int32)
    sizes, seg_offsets = np.empty(n, np.int32), np.zeros(offsets.size, np.int64)
    n = 0
    for m in range(offsets.size - 1):
        for r in range(offsets[m], offsets[m + 1]):
            at, end = starts[r], starts[r] + lengths[r]
            while at < end:
                x = at // height
                stop = min(end, (x + 1) * height)
                columns[n], tops[n], sizes[n] = x, at - x * height, stop - at
                n += 1
                at = stop
        seg_offsets[m + 1] = n
    return columns, tops, sizes, seg_offsets


@njit(cache=True, nogil=True)
def connected_pieces(starts, lengths, offsets, height):
    """8-connected pieces of masks: column, top, length, piece of each segment; each piece's mask.

    Pieces are numbered by mask, then by their first pixel in column-major order.
    """
    columns, tops, sizes, seg_offsets = _columns_of_runs(starts, lengths, offsets, height)
    parents = np.arange(columns.size)
    pieces = np.empty(columns.size, np.int64)
    mask_of_piece = np.empty(columns.size, np.int64)
    n = 0
    for m in range(offsets.size - 1):
        i = seg_offsets[m]  # the first segment of the column before that may touch segment j
        for j in range(seg_offsets[m], seg_offsets[m + 1]):
            while columns[i] < columns[j] - 1 or (
                columns[i] == columns[j] - 1 and tops[i] + sizes[i] < tops[j]
            ):
                i += 1
            k = i
            while columns[k] == columns[j] - 1 and tops[k] <= tops[j] + sizes[j]:
                a, b = root_of(parents, k), root_of(parents, j)
                parents[max(a, b)] = min(a, b)
                k += 1
        for j in range(seg_offsets[m], seg_offsets[m + 1]):
            root = root_of(parents, j)
            if root == j:
                pieces[j] = n
                mask_of_piece[n] = m
                n += 1
            else:
                pieces[j] = pieces[root]  # a root is the first segment of its piece
    return columns, tops, sizes, pieces, mask_of_piece[:n]
