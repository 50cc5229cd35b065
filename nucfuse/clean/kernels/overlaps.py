"""Compiled loops for removal of overlaps by rank, and for pieces. Nothing raises."""

import numpy as np
from numba import njit

from nucfuse.masks.kernels.arrays import root_of
from nucfuse.masks.kernels.bits import lowest_bit

_ALL, _ONE = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(1)


@njit(cache=True, nogil=True)
def visible_runs(starts, lengths, offsets, boxes, ranked, height, width, band):
    """What is seen of masks that lie on each other, the first of ``ranked`` on top.

    Each mask in turn takes the pixels that are free, 64 at a time, from a map of one bit a pixel.
    The map holds only blocks of 4,096 pixels in which runs lie, so that it is small beside these.
    This is done for one band of columns after the other: in a large image, masks by rank are far
    from each other in memory, but those of one band are in the cache together.

    Returns starts and ends of the seen runs; and of each mask in each of its bands (`slots`), where
    these begin and how many they are.
    """
    blocks, n_blocks = _blocks(starts, lengths, np.int64(height) * width)
    taken = np.zeros(n_blocks * 64, np.uint64)
    begins, members, slots = _bands(boxes, ranked, width, band)
    # Each seen run ends where a run starts or ends, or a band.
    out_starts, out_ends = np.empty(3 * starts.size, np.int64), np.empty(3 * starts.size, np.int64)
    firsts, counts = np.empty(slots[-1], np.int64), np.empty(slots[-1], np.int64)
    next_run = offsets[:-1].copy()
    n = np.int64(0)
    for b in range(begins.size - 1):
        top, limit = np.int64(b) * band * height, (np.int64(b) + 1) * band * height
        for m in members[begins[b] : begins[b + 1]]:
            first, r = n, next_run[m]
            while r < offsets[m + 1] and starts[r] < limit:
                at, end = max(starts[r], top), min(starts[r] + lengths[r], limit)
                n = _take_free(blocks, taken, out_starts, out_ends, first, n, at, end)
                if end == limit and starts[r] + lengths[r] > limit:
                    break  # it goes on in the next band
                r += 1
            next_run[m] = r
            slot = slots[m] + b - boxes[m, 1] // band
            firsts[slot], counts[slot] = first, n - first
    return out_starts[:n], out_ends[:n], firsts, counts, slots


@njit(cache=True, nogil=True)
def _bands(boxes, ranked, width, band):
    """Masks of each band of columns by rank, as begins and members; first slot of each mask."""
    begins = np.zeros((width - 1) // band + 2, np.int64)
    slots = np.zeros(ranked.size + 1, np.int64)
    for m in range(ranked.size):
        slots[m + 1] = slots[m]
        if boxes[m, 1] < boxes[m, 3]:
            for b in range(boxes[m, 1] // band, (boxes[m, 3] - 1) // band + 1):
                begins[b + 1] += 1
                slots[m + 1] += 1
    for b in range(begins.size - 1):
        begins[b + 1] += begins[b]
    members, at = np.empty(slots[-1], np.int64), begins[:-1].copy()
    for m in ranked:
        if boxes[m, 1] < boxes[m, 3]:
            for b in range(boxes[m, 1] // band, (boxes[m, 3] - 1) // band + 1):
                members[at[b]] = m
                at[b] += 1
    return begins, members, slots


@njit(cache=True, nogil=True)
def _take_free(blocks, taken, out_starts, out_ends, first, n, at, end):
    """Take what is free of a run and write it to the seen ones; how many there are now."""
    while at < end:
        stop = min(end, (at | 63) + 1)
        wanted = (_ALL >> np.uint64(64 - (stop - at))) << np.uint64(at & 63)
        word = blocks[at >> 12] * 64 + (at >> 6 & 63)
        free = wanted & ~taken[word]
        taken[word] |= wanted
        if free == wanted:
            n = _add_run(out_starts, out_ends, first, n, at, stop)
        elif free != 0:
            n = _add_free(out_starts, out_ends, first, n, at & ~63, free)
        at = stop
    return n


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
def gathered(starts, ends, firsts, counts, slots):
    """Seen runs by mask, those that are not seen left out -> which, starts, lengths, offsets."""
    kept, offsets = np.empty(slots.size - 1, np.int64), np.zeros(slots.size, np.int64)
    out_starts, out_lengths = np.empty(starts.size, np.int64), np.empty(starts.size, np.int32)
    n = k = 0
    for m in range(slots.size - 1):
        end = np.int64(-1)
        for slot in range(slots[m], slots[m + 1]):
            for r in range(firsts[slot], firsts[slot] + counts[slot]):
                if starts[r] == end:  # parted by the border of two bands
                    out_lengths[n - 1] += ends[r] - starts[r]
                else:
                    out_starts[n], out_lengths[n] = starts[r], ends[r] - starts[r]
                    n += 1
                end = ends[r]
        if n > offsets[k]:
            kept[k], offsets[k + 1] = m, n
            k += 1
    return kept[:k], (out_starts[:n], out_lengths[:n], offsets[: k + 1])


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
