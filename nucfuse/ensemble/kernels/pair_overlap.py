"""Compiled loops over pairs of masks and boxes: how much of each other they cover."""

import numpy as np
from numba import njit

from nucfuse.ensemble.kernels.grid import cell_rects, empty_grid, insert, meet_in
from nucfuse.masks.kernels.arrays import grown
from nucfuse.masks.kernels.mask_overlap import first_run_after, shared_pixels


@njit(cache=True, nogil=True)
def covered(shared, area_a, area_b, smaller):
    """Intersection over union, or over the smaller of two areas."""
    return shared / (min(area_a, area_b) if smaller else area_a + area_b - shared)


@njit(cache=True, nogil=True, inline="always")
def may_cover(boxes, areas, a, b, threshold, smaller):
    """Whether boxes and areas alone leave it open that two masks cover more than the threshold."""
    h = min(boxes[a, 2], boxes[b, 2]) - max(boxes[a, 0], boxes[b, 0])
    w = min(boxes[a, 3], boxes[b, 3]) - max(boxes[a, 1], boxes[b, 1])
    if h <= 0 or w <= 0:
        return False
    most = min(areas[a], areas[b], np.int64(h) * np.int64(w))
    # No division here, and a hair of room for rounding: `covered` decides what is close.
    if smaller:
        return most >= threshold * min(areas[a], areas[b]) * (1 - 1e-9)
    return most * (1 + threshold) >= threshold * (areas[a] + areas[b]) * (1 - 1e-9)


@njit(cache=True, nogil=True, inline="always")
def enough_shared(area_a, area_b, threshold, smaller):
    """So many shared pixels are above the threshold, whatever rounding does in `covered`."""
    whole = min(area_a, area_b) if smaller else (area_a + area_b) / (1 + threshold)
    return np.int64(threshold * whole * (1 + 1e-9)) + 1


@njit(cache=True, nogil=True, inline="always")
def shared_by(starts, lengths, offsets, boxes, height, a, b, enough):
    """Pixels two masks share: column by column if both are plain, else by merging their runs.

    Counting may end once there are ``enough``: some of their pixels, no less than that, then.
    It takes arrays and no tuple of them, whose entries would be counted in and out at each call:
    that takes longer than to compare two masks.
    """
    x0 = np.int64(max(boxes[a, 1], boxes[b, 1]))
    n = max(0, min(boxes[a, 3], boxes[b, 3]) - x0)
    at = x0 * height
    a0, a1, b0, b1 = offsets[a], offsets[a + 1], offsets[b], offsets[b + 1]
    if a1 - a0 == boxes[a, 3] - boxes[a, 1] and b1 - b0 == boxes[b, 3] - boxes[b, 1]:
        i, j = a0 + x0 - boxes[a, 1], b0 + x0 - boxes[b, 1]
        shared = _shared_in_columns(starts, lengths, i, j, n, at, height, enough)
        # What two runs share they share anywhere, but there may be more.
        if shared >= enough:
            return shared
        # Plain in these columns, unless a run before or after them reaches in.
        if shared >= 0 and (
            (i == a0 or starts[i - 1] + lengths[i - 1] <= at)
            and (j == b0 or starts[j - 1] + lengths[j - 1] <= at)
            and (i + n == a1 or starts[i + n] >= at + n * height)
            and (j + n == b1 or starts[j + n] >= at + n * height)
        ):
            return shared
    a0 = first_run_after(starts, lengths, a0, a1, at)
    b0 = first_run_after(starts, lengths, b0, b1, at)
    return shared_pixels(starts, lengths, a0, a1, starts, lengths, b0, b1)


@njit(cache=True, nogil=True)
def _shared_in_columns(starts, lengths, i, j, n, base, height, enough):
    """Pixels that runs from i and from j on share, one of each in each of n columns; -1 if not so.

    That they lie in their columns is looked at in the same loop, a few columns at a time: a pass
    over all masks beforehand takes longer. ``base`` is the first pixel of the first column. It ends
    where ``enough`` are shared, wherever they lie.
    """
    p, q = np.uint64(i), np.uint64(j)  # unsigned: a negative index would count from the end
    shared, least, left = np.int64(0), np.int64(0), n
    while left > 0 and shared < enough:
        for k in range(np.uint64(min(left, 8))):
            top_a, top_b = starts[p + k] - base, starts[q + k] - base
            end_a, end_b = top_a + lengths[p + k], top_b + lengths[q + k]
            shared += max(0, min(end_a, end_b) - max(top_a, top_b))
            least |= min(top_a, top_b) | (height - max(end_a, end_b))  # negative if one is
            base += height
        p, q, left = p + np.uint64(8), q + np.uint64(8), left - 8
    return shared if least >= 0 or shared >= enough else np.int64(-1)


@njit(cache=True, nogil=True)
def box_overlap(boxes_a, a, boxes_b, b):
    """Intersection over union of two boxes y0, x0, y1, x1; 0 if they share no area."""
    y0, x0, y1, x1 = boxes_a[a, 0], boxes_a[a, 1], boxes_a[a, 2], boxes_a[a, 3]
    v0, u0, v1, u1 = boxes_b[b, 0], boxes_b[b, 1], boxes_b[b, 2], boxes_b[b, 3]
    h, w = min(y1, v1) - max(y0, v0), min(x1, u1) - max(x0, u0)
    if h <= 0 or w <= 0:
        return 0.0
    return h * w / ((y1 - y0) * (x1 - x0) + (v1 - v0) * (u1 - u0) - h * w)


@njit(cache=True, nogil=True)
def box_pairs(boxes, classes):
    """Pairs of float64 boxes of one class that share an area: first, second, IoU."""
    rects, n_cols, n_cells = cell_rects(boxes, 0)
    grid = empty_grid(rects, n_cols, n_cells)
    heads, links, members, _ = grid
    first, second = np.empty(1024, np.int32), np.empty(1024, np.int32)
    ious = np.empty(1024, np.float64)
    n = 0
    for a in range(classes.size):
        for r in range(rects[a, 0], rects[a, 2] + 1):
            for c in range(rects[a, 1], rects[a, 3] + 1):
                entry = heads[r * n_cols + c]
                while entry >= 0:
                    b = members[entry]
                    entry = links[entry]
                    if classes[a] != classes[b] or not meet_in(rects, a, b, r, c):
                        continue
                    iou = box_overlap(boxes, a, boxes, b)
                    if iou == 0:
                        continue
                    if n == first.size:
                        first, second = grown(first, 2 * n), grown(second, 2 * n)
                        ious = grown(ious, 2 * n)
                    first[n], second[n], ious[n] = b, a, iou
                    n += 1
        insert(grid, rects[a], a)
    return first[:n], second[:n], ious[:n]
