"""Compiled loops for removal of overlaps by rank, and for pieces. Nothing raises."""

import numpy as np
from numba import njit

from nucfuse.masks._array_kernels import lowest_bit, root_of

_ALL, _ONE = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(1)


@njit(cache=True, nogil=True)
def visible_runs(starts, lengths, offsets, ranked, size):
    """What is seen of masks that lie on each other, the first of ``ranked`` on top.

    Each mask in turn takes the pixels that are free, 64 at a time, from a map of one bit a pixel.
    The map holds only blocks of 4,096 pixels in which runs lie, so that it is small beside these.
    Returns starts and ends of the seen runs, in order of rank; where those of each mask begin; and
    how many they are.
    """
    blocks, n_blocks = _blocks(starts, lengths, size)
    taken = np.zeros(n_blocks * 64, np.uint64)
    # Each seen run ends where a run starts or ends.
    out_starts, out_ends = np.empty(2 * starts.size, np.int64), np.empty(2 * starts.size, np.int64)
    firsts, counts = np.zeros(ranked.size, np.int64), np.zeros(ranked.size, np.int64)
    n = 0
    for m in ranked:
        firsts[m] = n
        for r in range(offsets[m], offsets[m + 1]):
            at, end = starts[r], starts[r] + lengths[r]
            while at < end:
                stop = min(end, (at | 63) + 1)
                wanted = (_ALL >> np.uint64(64 - (stop - at))) << np.uint64(at & 63)
                word = blocks[at >> 12] * 64 + (at >> 6 & 63)
                free = wanted & ~taken[word]
                taken[word] |= wanted
                if free == wanted:
                    n = _add_run(out_starts, out_ends, firsts[m], n, at, stop)
                elif free != 0:
                    n = _add_free(out_starts, out_ends, firsts[m], n, at & ~63, free)
                at = stop
        counts[m] = n - firsts[m]
    return out_starts[:n], out_ends[:n], firsts, counts


@njit(cache=True, nogil=True)
def _blocks(starts, lengths, size):
    """Number of each block of 4,096 pixels among those with runs, or -1; and how many these are."""
    blocks = np.full((size >> 12) + 1, -1, np.int64)
    n = 0
    for r in range(starts.size):
        for b in range(starts[r] >> 12, ((starts[r] + lengths[r] - 1) >> 12) + 1):
            if blocks[b] < 0:
                blocks[b] = n
                n += 1
    return blocks, n


@njit(cache=True, nogil=True)
def _add_run(out_starts, out_ends, first, n, start, end):
    """Write a run, or lengthen the last of this mask if it ends there; how many there are now."""
    if n > first and out_ends[n - 1] == start:
        out_ends[n - 1] = end
        return n
    out_starts[n], out_ends[n] = start, end
    return n + 1


@njit(cache=True, nogil=True)
def _add_free(out_starts, out_ends, first, n, base, free):
    """Write the runs of ones among 64 bits, the lowest of which is the pixel ``base``."""
    while free != 0:
        start = lowest_bit(free)
        beyond = ~free & (_ALL << np.uint64(start))
        end = np.int64(64) if beyond == 0 else lowest_bit(beyond)
        n = _add_run(out_starts, out_ends, first, n, base + start, base + end)
        free &= np.uint64(0) if beyond == 0 else _ALL << np.uint64(end)
    return n


@njit(cache=True, nogil=True)
def gathered(starts, ends, firsts, counts, height):
    """Seen runs by mask, those that are not seen left out -> which, runs, boxes, areas."""
    kept = np.flatnonzero(counts)
    offsets, areas = np.zeros(kept.size + 1, np.int64), np.zeros(kept.size, np.int64)
    boxes = np.empty((kept.size, 4), np.int32)
    out_starts, out_lengths = np.empty(starts.size, np.int64), np.empty(starts.size, np.int32)
    n = 0
    for k in range(kept.size):
        first, count = firsts[kept[k]], counts[kept[k]]
        x = starts[first] // height
        boxes[k, 1], boxes[k, 3] = x, (ends[first + count - 1] - 1) // height + 1
        begin, y0, y1 = x * height, np.int64(height), np.int64(0)
        for r in range(first, first + count):
            out_starts[n], out_lengths[n] = starts[r], ends[r] - starts[r]
            areas[k] += ends[r] - starts[r]
            n += 1
            if starts[r] - begin >= 2 * height:  # seldom; a division takes long
                begin = starts[r] // height * height
            elif starts[r] - begin >= height:
                begin += height
            top, bottom = starts[r] - begin, ends[r] - begin
            if bottom > height:  # goes on in the next column, so it has both edges
                top, bottom = np.int64(0), np.int64(height)
            y0, y1 = min(y0, top), max(y1, bottom)
        boxes[k, 0], boxes[k, 2] = y0, y1
        offsets[k + 1] = n
    return kept, (out_starts, out_lengths, offsets), boxes, areas


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
