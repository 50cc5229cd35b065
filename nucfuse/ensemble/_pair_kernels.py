"""Compiled loops over pairs of masks: how much of each other they cover. Nothing here raises.

``masks`` is the tuple (starts, lengths, offsets, boxes, areas, height) of some Instances;
``with_columns`` adds what makes comparing them quick.
"""

import numpy as np
from numba import njit

from nucfuse.ensemble._grid_kernels import cell_rects, empty_grid, insert, meet_in
from nucfuse.masks._pair_kernels import first_run_after, shared_pixels
from nucfuse.masks._run_kernels import grown


@njit(cache=True, nogil=True)
def with_columns(masks):
    """The tuple of masks with three more: top and end row of each run, and which masks are plain.

    A mask is plain if it has exactly one run in every column of its box (five of six nuclei of the
    DSB2018 training images): run k lies in column k, so that two of them are compared column by
    column without a branch, four times as fast as by merging their runs.
    """
    starts, lengths, offsets, boxes, areas, height = masks
    tops, ends = np.empty(starts.size, np.int32), np.empty(starts.size, np.int32)
    plain = np.zeros(offsets.size - 1, np.bool_)
    for m in range(offsets.size - 1):
        a, b = offsets[m], offsets[m + 1]
        if b - a != boxes[m, 3] - boxes[m, 1] or areas[m] >= 2**31:
            continue
        first = np.int64(boxes[m, 1]) * height
        n_bad = 0
        begins, sizes, t, e = starts[a:b], lengths[a:b], tops[a:b], ends[a:b]
        for k in range(b - a):
            top = begins[k] - first - k * height
            t[k], e[k] = top, top + sizes[k]
            n_bad += (top < 0) | (top + sizes[k] > height)
        plain[m] = n_bad == 0
    return (*masks, tops, ends, plain)


@njit(cache=True, nogil=True)
def covered(shared, area_a, area_b, smaller):
    """Intersection over union, or over the smaller of two areas."""
    return shared / (min(area_a, area_b) if smaller else area_a + area_b - shared)


@njit(cache=True, nogil=True)
def may_cover(masks, a, b, threshold, smaller):
    """Whether boxes and areas alone leave it open that two masks cover more than the threshold."""
    boxes, areas = masks[3], masks[4]
    h = min(boxes[a, 2], boxes[b, 2]) - max(boxes[a, 0], boxes[b, 0])
    w = min(boxes[a, 3], boxes[b, 3]) - max(boxes[a, 1], boxes[b, 1])
    if h <= 0 or w <= 0:
        return False
    most = min(areas[a], areas[b], np.int64(h) * np.int64(w))
    # No division here, and a hair of room for rounding: `covered` decides what is close.
    if smaller:
        return most >= threshold * min(areas[a], areas[b]) * (1 - 1e-9)
    return most * (1 + threshold) >= threshold * (areas[a] + areas[b]) * (1 - 1e-9)


@njit(cache=True, nogil=True)
def shared_by(masks, a, b):
    """Pixels two masks share, of those `with_columns`."""
    starts, lengths, offsets, boxes, _, height, tops, ends, plain = masks
    x0 = max(boxes[a, 1], boxes[b, 1])
    if plain[a] and plain[b]:
        n = max(0, min(boxes[a, 3], boxes[b, 3]) - x0)
        i, j = offsets[a] + x0 - boxes[a, 1], offsets[b] + x0 - boxes[b, 1]
        tops_a, ends_a = tops[i : i + n], ends[i : i + n]
        tops_b, ends_b = tops[j : j + n], ends[j : j + n]
        # int32 all along (plain masks are small enough): eight columns at a time.
        shared = np.int32(0)
        for k in range(n):
            common = np.int32(min(ends_a[k], ends_b[k]) - max(tops_a[k], tops_b[k]))
            shared += max(np.int32(0), common)
        return np.int64(shared)
    at = np.int64(x0) * height
    a0 = first_run_after(starts, lengths, offsets[a], offsets[a + 1], at)
    b0 = first_run_after(starts, lengths, offsets[b], offsets[b + 1], at)
    return shared_pixels(starts, lengths, a0, offsets[a + 1], starts, lengths, b0, offsets[b + 1])


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
