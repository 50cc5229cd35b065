"""Compiled pasting of small masks into an image, straight to runs. Nothing here raises."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import grown


@kernel
def pasted_runs(masks, boxes, height, width, threshold):
    """Where masks stretched to their boxes are above a threshold, as column-major runs.

    float32 (N, S, T), float64 (N, 4), y0, x0, y1, x1 -> starts, lengths, offsets. Column by column,
    the mask is read across once, at its S rows, and then down at the pixels.
    """
    n_masks, rows, columns = masks.shape
    offsets = np.zeros(n_masks + 1, np.int64)
    starts, lengths = np.empty(1024, np.int64), np.empty(1024, np.int32)
    across, profile = places(width), np.empty(rows)
    down = places(height)
    n = 0
    for m in range(n_masks):
        y0, y1 = _stretched(boxes[m, 0], boxes[m, 2], height, rows, down)
        x0, x1 = _stretched(boxes[m, 1], boxes[m, 3], width, columns, across)
        for x in range(x0, x1):
            if n + (y1 - y0) // 2 + 1 > starts.size:
                capacity = 2 * (n + y1 - y0)
                starts, lengths = grown(starts, capacity), grown(lengths, capacity)
            low, high, part = across[0][x], across[1][x], across[2][x]
            largest = -np.inf
            for i in range(rows):
                profile[i] = masks[m, i, low] * (1 - part) + masks[m, i, high] * part
                largest = max(largest, profile[i])
            if largest > threshold:
                base, runs, counts = np.int64(x) * height, (starts, lengths), (n, offsets[m])
                n = _column(profile, down, (y0, y1), base, threshold, runs, counts)
        offsets[m + 1] = n
    return starts[:n].copy(), lengths[:n].copy(), offsets


@kernel
def places(n):
    """Room for where each of n pixels lies between the cells of a mask: lower, upper, part."""
    return np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n)


@kernel
def _stretched(begin, end, n, cells, where):
    """Fill the places of the pixels whose centre lies in [begin, end); first and last + 1."""
    first = int(np.ceil(min(max(begin, 0.0), n) - 0.5))
    last = int(np.ceil(min(max(end, 0.0), n) - 0.5))
    for k in range(first, last):
        at = (k + 0.5 - begin) * (cells / (end - begin)) - 0.5
        at = min(max(at, 0.0), cells - 1.0)
        low = int(at)
        where[0][k], where[1][k], where[2][k] = low, min(low + 1, cells - 1), at - low
    return first, last


@kernel
def _column(profile, down, rows, base, threshold, runs, counts):
    """Append the runs of one column; one that goes on from the column before lengthens its run.

    ``rows`` are the first and the last + 1, ``runs`` starts and lengths, ``counts`` how many there
    are and how many were there before the mask.
    """
    y0, y1 = rows
    starts, lengths = runs
    n, first = counts
    low, high, part = down
    begin = np.int64(-1)
    for y in range(y0, y1 + 1):
        inside = False
        if y < y1:
            inside = profile[low[y]] * (1 - part[y]) + profile[high[y]] * part[y] > threshold
        if inside and begin < 0:
            begin = base + y
        elif not inside and begin >= 0:
            if n > first and starts[n - 1] + lengths[n - 1] == begin:
                lengths[n - 1] += base + y - begin
            else:
                starts[n], lengths[n] = begin, base + y - begin
                n += 1
            begin = np.int64(-1)
    return n
