"""Compiled loops between label images, runs and boxes. Arguments are checked; nothing raises."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import group_offsets, grouped, grown
from nucfuse.masks.kernels.bits import flagged

_LANES = 64  # columns that are painted together
_VECTOR = 8  # numbers of 32 bits in one instruction; a power of 2


@kernel
def column_runs(labels):
    """Vertical runs of non-zero pixels, (H, W) C-contiguous -> column, top, length, label.

    One pass in memory order: a row is compared with the one above it, without branches, and a
    column's run is closed where they differ. Runs come ordered by their end, so that a stable sort
    by column puts them in column-major order.
    """
    height, width = labels.shape
    capacity = max(1024, width)
    columns, tops = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    lengths, values = np.empty(capacity, np.int32), np.empty(capacity, np.int64)
    n = 0
    begun, changed = np.zeros(width, np.int64), np.empty(width, np.int64)
    flags = np.empty((width + 63) // 64 * 64, np.uint8)
    flags[:] = 0
    nothing = np.empty(width, labels.dtype)
    nothing[:] = 0
    for y in range(height + 1):
        above = labels[y - 1] if y > 0 else nothing
        here = labels[y] if y < height else nothing
        if n + width > capacity:
            capacity = 2 * (n + width)
            columns, tops = grown(columns, capacity), grown(tops, capacity)
            lengths, values = grown(lengths, capacity), grown(values, capacity)
        for x in range(width):
            flags[x] = above[x] != here[x]
        for x in changed[: flagged(flags, 0, changed)]:
            if above[x] != 0:
                columns[n], tops[n] = x, begun[x]
                lengths[n], values[n] = y - begun[x], above[x]
                n += 1
            begun[x] = y
    return columns[:n], tops[:n], lengths[:n], values[:n]


@kernel
def sorted_runs(columns, tops, lengths, ranks, width, height, n_masks):
    """Sort vertical runs by mask, column and row -> starts, lengths, offsets.

    Two stable counting sorts (columns, then masks); runs that go on at the top of the next column
    become one.
    """
    by_column = grouped(columns, width)[0]
    offsets = group_offsets(ranks, n_masks)
    starts, sizes = np.empty(columns.size, np.int64), np.empty(columns.size, np.int32)
    for k in by_column:
        at = offsets[ranks[k]]
        starts[at], sizes[at] = np.int64(columns[k]) * height + tops[k], lengths[k]
        offsets[ranks[k]] += 1
    n = r = 0
    for m in range(n_masks):  # whose runs end at offsets[m] by now
        end = np.int64(-1)
        first = n
        while r < offsets[m]:
            if starts[r] == end:
                sizes[n - 1] += sizes[r]
            else:
                starts[n], sizes[n] = starts[r], sizes[r]
                n += 1
            end = starts[n - 1] + sizes[n - 1]
            r += 1
        offsets[m] = first
    offsets[n_masks] = n
    return starts[:n], sizes[:n], offsets


@kernel
def measure_runs(starts, lengths, offsets, height, boxes, areas):
    """Write boxes (N, 4) as y0, x0, y1, x1 half-open, and areas (N,) of run-length masks.

    Where a mask has no pixels, the zeros that must be there stay.
    """
    for m in range(areas.size):
        begin, end = offsets[m], offsets[m + 1]
        if begin == end:
            continue
        y0, y1, area = height, np.int64(0), np.int64(0)
        for r in range(begin, end):
            first, last = starts[r], starts[r] + lengths[r] - 1
            area += lengths[r]
            column = first // height
            top, bottom = first - column * height, last - column * height
            if bottom >= height:  # crosses into the next column, so it has both edges
                top, bottom = 0, height - 1
            y0, y1 = min(y0, top), max(y1, bottom + 1)
        boxes[m, 0], boxes[m, 2] = y0, y1
        boxes[m, 1] = starts[begin] // height
        boxes[m, 3] = (starts[end - 1] + lengths[end - 1] - 1) // height + 1
        areas[m] = area


@kernel
def paint(image, starts, lengths, offsets, values, order):
    """Write masks, one after the other in an order, into a C-contiguous (H, W) image in place.

    Runs are vertical but rows follow each other in memory. So the runs of up to `_LANES` columns
    that touch, one in each column, are painted together, row by row and many columns in one
    instruction: three times as fast as run by run.
    """
    height, width = image.shape
    pixels = image.reshape(-1)
    tops, ends = np.zeros(_LANES, np.int32), np.zeros(_LANES, np.int32)
    if not brought_to_cache(starts, lengths):
        return
    for m in order:
        first = last = x = begin = y0 = y1 = np.int64(0)
        for r in range(offsets[m], offsets[m + 1]):
            if starts[r] - begin >= 2 * height:  # seldom; a division takes long
                x = starts[r] // height
                begin = x * height
            elif starts[r] - begin >= height:
                x, begin = x + 1, begin + height
            y, left = starts[r] - begin, np.int64(lengths[r])
            while left > 0:
                end = min(height, y + left)
                if x == last or x >= first + _LANES or y > y1 or end < y0:
                    _paint_strip(pixels, width, values[m], (first, last, y0, y1), tops, ends)
                    first, y0, y1 = x, y, end
                last = x
                tops[x - first], ends[x - first] = y, end
                y0, y1 = min(y0, y), max(y1, end)
                left -= end - y
                if left > 0:
                    y, x, begin = np.int64(0), x + 1, begin + height
        _paint_strip(pixels, width, values[m], (first, last, y0, y1), tops, ends)


@kernel
def _paint_strip(pixels, width, value, strip, tops, ends):
    """Pixels between tops and ends of the columns first..last of a strip; clears tops and ends."""
    first, last, y0, y1 = strip
    # Whole vectors: a rest that is done one by one takes longer.
    n = min(((last - first) | (_VECTOR - 1)) + 1, width - first)
    for y in range(y0, y1):
        here = np.int32(y)
        begin = np.uint64(y * width + first)  # unsigned, or Numba allows for negative indices
        for k in range(n):
            old = pixels[begin + np.uint64(k)]
            inside = (tops[k] <= here) & (here < ends[k])
            pixels[begin + np.uint64(k)] = value if inside else old
    tops[:], ends[:] = 0, 0


@kernel
def brought_to_cache(starts, lengths):
    """Return True, after all runs were read as they lie in memory.

    For what goes from mask to mask in another order: it halves the time of painting by score.
    """
    total = np.int64(0)
    for r in range(starts.size):
        total += starts[r] + lengths[r]
    return total >= 0


@kernel
def mask_runs(mask, height, y0, x0):
    """One boolean crop placed at (y0, x0) of an image of that height -> starts, lengths."""
    rows, columns = mask.shape
    starts = np.empty(rows * columns // 2 + columns + 1, np.int64)
    lengths = np.empty(starts.size, np.int32)
    n = 0
    end = np.int64(-1)
    for x in range(columns):
        for y in range(rows):
            if not mask[y, x]:
                continue
            at = np.int64(x0 + x) * height + y0 + y
            if at == end:
                lengths[n - 1] += 1
            else:
                starts[n], lengths[n] = at, 1
                n += 1
            end = at + 1
    return starts[:n].copy(), lengths[:n].copy()


@kernel
def take_runs(starts, lengths, offsets, picked):
    """Take the runs of the picked masks, in that order."""
    new_offsets = np.zeros(picked.size + 1, np.int64)
    for k in range(picked.size):
        new_offsets[k + 1] = new_offsets[k] + offsets[picked[k] + 1] - offsets[picked[k]]
    new_starts = np.empty(new_offsets[-1], np.int64)
    new_lengths = np.empty(new_offsets[-1], np.int32)
    for k in range(picked.size):
        # Unsigned, for a negative index would count from the end: whole lines are copied at once.
        old, new = np.uint64(offsets[picked[k]]), np.uint64(new_offsets[k])
        n = np.uint64(new_offsets[k + 1] - new_offsets[k])
        for r in range(n):
            new_starts[new + r] = starts[old + r]
        for r in range(n):
            new_lengths[new + r] = lengths[old + r]
    return new_starts, new_lengths, new_offsets


@kernel
def union_runs(starts, lengths, order):
    """Disjoint sorted runs of the union of runs given in order of their start."""
    out_starts = np.empty(starts.size, np.int64)
    out_lengths = np.empty(starts.size, np.int64)
    n = 0
    end = np.int64(-1)
    for r in order:
        if starts[r] > end:
            out_starts[n], out_lengths[n] = starts[r], 0
            n += 1
            end = starts[r]
        end = max(end, starts[r] + lengths[r])
        out_lengths[n - 1] = end - out_starts[n - 1]
    return out_starts[:n], out_lengths[:n]


@kernel
def crop(starts, lengths, begin, end, box, height):
    """One mask cut out at its box (y0, x0, y1, x1), (h, w) bool."""
    mask = np.zeros((box[2] - box[0], box[3] - box[1]), np.bool_)
    for r in range(begin, end):
        x = starts[r] // height
        y = starts[r] - x * height
        for _ in range(lengths[r]):
            mask[y - box[0], x - box[1]] = True
            y += 1
            if y == height:
                y, x = 0, x + 1
    return mask
