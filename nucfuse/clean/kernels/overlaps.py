"""Compiled loops for removal of overlaps by rank. Nothing raises."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import grouped
from nucfuse.masks.kernels.bits import lowest_bit

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@kernel
def visible_runs(masks, ranked, width, band):
    """Find what is visible of `MaskArrays` that lie on each other, the first of ``ranked`` on top.

    Each mask in turn takes the pixels that are free, 64 at a time, from a map of one bit a pixel.
    The map holds only blocks of 4,096 pixels in which runs lie, so that it is small beside these.
    This is done for one band of ``band`` columns after the other: in a large image, masks by rank
    are far from each other in memory, but those of one band are in the cache together.

    Returns starts and ends of the visible runs, int64 (V,); where those of a mask in one of its
    bands begin and end, int64 (S, 2); and the first of these of each mask, int64 (N + 1,).
    """
    starts, lengths, offsets, boxes, _, height = masks
    blocks, n_blocks = _blocks(starts, lengths, np.int64(height) * width)
    taken = np.zeros(n_blocks * 64, np.uint64)
    members, begins, slots = _masks_by_band(boxes, ranked, band, (width - 1) // band + 1)
    # Each visible run ends where a run starts or ends, or a band.
    visible, ends = np.empty(3 * starts.size, np.int64), np.empty(3 * starts.size, np.int64)
    ranges = np.empty((slots[-1], 2), np.int64)
    next_run = offsets[:-1].copy()
    n = np.int64(0)
    for b in range(begins.size - 1):
        top, limit = np.int64(b) * band * height, (np.int64(b) + 1) * band * height
        for m in members[begins[b] : begins[b + 1]]:
            first, r, goes_on = n, next_run[m], False
            while r < offsets[m + 1] and starts[r] < limit and not goes_on:
                at, end = max(starts[r], top), min(starts[r] + lengths[r], limit)
                n = _take_free(blocks, taken, visible, ends, first, n, at, end)
                goes_on = starts[r] + lengths[r] > limit  # in the next band
                r += not goes_on
            next_run[m] = r
            slot = slots[m] + b - boxes[m, 1] // band
            ranges[slot, 0], ranges[slot, 1] = first, n
    return visible[:n], ends[:n], ranges, slots


@kernel
def _blocks(starts, lengths, size):
    """Assign numbers to the blocks of 4,096 pixels with runs, -1 to others; and count them."""
    blocks = np.empty((size >> 12) + 1, np.int64)
    blocks[:] = -1
    n = 0
    for r in range(starts.size):
        for b in range(starts[r] >> 12, ((starts[r] + lengths[r] - 1) >> 12) + 1):
            if blocks[b] < 0:
                blocks[b] = n
                n += 1
    return blocks, n


@kernel
def _masks_by_band(boxes, ranked, band, n_bands):
    """Masks of each band of columns by rank, where they begin, and the first slot of each mask.

    A slot is a mask in one of its bands; they are numbered by mask, then band.
    """
    slots = np.zeros(ranked.size + 1, np.int64)
    for m in range(ranked.size):
        slots[m + 1] = slots[m]
        if boxes[m, 1] < boxes[m, 3]:
            slots[m + 1] += (boxes[m, 3] - 1) // band - boxes[m, 1] // band + 1
    bands, owners = np.empty(slots[-1], np.int32), np.empty(slots[-1], np.int32)
    n = 0
    for m in ranked:
        for k in range(slots[m + 1] - slots[m]):
            bands[n], owners[n] = boxes[m, 1] // band + k, m
            n += 1
    members, begins = grouped(bands, n_bands)
    for k in range(n):
        members[k] = owners[members[k]]
    return members, begins, slots


@kernel
def _take_free(  # noqa: PLR0913 - an innermost loop
    blocks, taken, starts, ends, first, n, at, end
):
    """Take what is free of a run and add it to the visible ones; how many there are now."""
    while at < end:
        stop = min(end, (at | 63) + 1)
        wanted = (_ALL >> np.uint64(64 - (stop - at))) << np.uint64(at & 63)
        word = blocks[at >> 12] * 64 + (at >> 6 & 63)
        free = wanted & ~taken[word]
        taken[word] |= wanted
        if free == wanted:
            n = _add_run(starts, ends, first, n, at, stop)
        elif free != 0:
            n = _add_free(starts, ends, first, n, at & ~63, free)
        at = stop
    return n


@kernel
def _add_run(starts, ends, first, n, start, end):
    """Write a run, or lengthen the last of this mask if it ends there; how many there are now."""
    if n > first and ends[n - 1] == start:
        ends[n - 1] = end
        return n
    starts[n], ends[n] = start, end
    return n + 1


@kernel
def _add_free(starts, ends, first, n, base, free):
    """Write the runs of ones among 64 bits, the lowest of which is the pixel ``base``."""
    while free != 0:
        start = lowest_bit(free)
        beyond = ~free & (_ALL << np.uint64(start))
        end = np.int64(64) if beyond == 0 else lowest_bit(beyond)
        n = _add_run(starts, ends, first, n, base + start, base + end)
        free &= np.uint64(0) if beyond == 0 else _ALL << np.uint64(end)
    return n


@kernel
def runs_by_mask(visible, ends, ranges, slots):
    """Visible runs mask by mask -> which masks are visible, starts, ends, offsets."""
    kept, offsets = np.empty(slots.size - 1, np.int64), np.zeros(slots.size, np.int64)
    out_starts, out_ends = np.empty(visible.size, np.int64), np.empty(visible.size, np.int64)
    n, k = np.int64(0), 0
    for m in range(slots.size - 1):
        for slot in range(slots[m], slots[m + 1]):
            for r in range(ranges[slot, 0], ranges[slot, 1]):
                # Runs that the border of two bands divided become one again.
                n = _add_run(out_starts, out_ends, offsets[k], n, visible[r], ends[r])
        if n > offsets[k]:
            kept[k], offsets[k + 1] = m, n
            k += 1
    return kept[:k], out_starts[:n], out_ends[:n], offsets[: k + 1]
