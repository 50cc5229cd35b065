"""Compiled suppression of boxes, in one call for all images and all steps. Nothing here raises."""

import numpy as np
from numba import njit

from nucfuse.ensemble._grid_kernels import cell_at
from nucfuse.ensemble._row_kernels import rows_for, suits_rows, suppress_rows
from nucfuse.ensemble._sort_kernels import buckets_for, descending
from nucfuse.masks._array_kernels import grown


@njit(cache=True, nogil=True)
def kept_boxes(boxes, scores, classes, images, threshold):
    """Greedy suppression of float64 boxes (N, 4), image by image.

    Returns the boxes kept, int64 (K,), by image and in each from the highest score (NaN: 1.0) to
    the lowest; and the first box that is not finite or ends before it begins, -1 if there is none.
    Boxes of one image must follow each other: ``images`` (N,) changes where the next one begins; it
    is empty where there is but one.
    """
    n = scores.size
    out, order, values = np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n)
    buckets, rows = buckets_for(n), rows_for(n)
    n_out = begin = 0
    while begin < n:
        end = begin + 1 if images.size else n
        while end < n and images[end] == images[begin]:
            end += 1
        bad, frame, grid = grid_over(boxes[begin:end])
        if bad >= 0:
            return out[:n_out], begin + bad
        for i in range(begin, end):
            values[i] = 1.0 if np.isnan(scores[i]) else scores[i]
        descending(values[begin:end], order[begin:end], buckets)
        given = boxes[begin:end], classes[begin:end], order[begin:end]
        if suits_rows(end - begin, frame[2], threshold):
            n_kept = suppress_rows(given, threshold, frame, rows, out[n_out:])
        else:
            n_kept = _suppress(given, threshold, grid, out[n_out:])
        for k in range(n_out, n_out + n_kept):
            out[k] += begin
        n_out += n_kept
        begin = end
    return out[:n_out], -1


@njit(cache=True, nogil=True)
def grid_over(boxes):
    """First bad box or -1; top, left and larger side of all; and a grid: plan, rows, columns.

    The grid is as `_grid_kernels.plan_grid` has it, but also spans boxes that have no area.
    """
    n = boxes.shape[0]
    top, left, bottom, right = np.inf, np.inf, -np.inf, -np.inf
    area = 0.0
    for i in range(n):
        y0, x0, y1, x1 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        if not (-np.inf < y0 <= y1 < np.inf and -np.inf < x0 <= x1 < np.inf):
            return i, (0.0, 0.0, 0.0), ((0.0, 0.0, 0.0), 1, 1)
        top, left, bottom, right = min(top, y0), min(left, x0), max(bottom, y1), max(right, x1)
        area += (y1 - y0) * (x1 - x0)
    h, w = bottom - top, right - left
    cell = max(np.sqrt(area / n), np.sqrt(h / n * w), h / n + w / n, 1e-300)
    grid = (top, left, 1 / cell), int(h / cell) + 1, int(w / cell) + 1
    return -1, (top, left, max(h, w)), grid


@njit(cache=True, nogil=True)
def _cells(box, grid):
    """Row and column of the first and of the last cell of a box."""
    plan, n_rows, n_cols = grid
    return (
        cell_at(box[0], plan[0], plan[2], n_rows),
        cell_at(box[1], plan[1], plan[2], n_cols),
        cell_at(box[2], plan[0], plan[2], n_rows),
        cell_at(box[3], plan[1], plan[2], n_cols),
    )


@njit(cache=True, nogil=True)
def _suppress(given, threshold, grid, out):
    """Write the boxes of one image that are kept, in order; returns their number.

    ``heads[cell]`` is the first entry of a cell; an entry is the number of a kept box and the next
    entry, -1 at the end.
    """
    boxes, classes, order = given
    n, n_cols = order.size, grid[2]
    heads = np.full(grid[1] * n_cols, -1, np.int32)
    members, links = np.empty(4 * n + 16, np.int32), np.empty(4 * n + 16, np.int32)
    kept, labels = np.empty((n, 5)), np.empty(n, np.int32)
    lists, found = (heads, members, links), (kept, labels)
    n_kept = n_entries = 0
    for a in order:
        y0, x0, y1, x1 = boxes[a, 0], boxes[a, 1], boxes[a, 2], boxes[a, 3]
        box, area = (y0, x0, y1, x1), (y1 - y0) * (x1 - x0)
        r0, c0, r1, c1 = _cells(box, grid)
        # What suppresses a box by a half or more covers most of its height and width: its centre.
        y, x = (y0 + y1) / 2, (x0 + x1) / 2
        near = _cells((y, x, y, x), grid) if threshold >= 0.5 else (r0, c0, r1, c1)
        if _is_covered(box, area, classes[a], near, n_cols, lists, found, threshold):
            continue
        kept[n_kept, 0], kept[n_kept, 1], kept[n_kept, 2], kept[n_kept, 3] = box
        kept[n_kept, 4], labels[n_kept], out[n_kept] = area, classes[a], a
        n_new = n_entries + (r1 - r0 + 1) * (c1 - c0 + 1)
        if n_new > members.size:
            members, links = grown(members, 2 * n_new), grown(links, 2 * n_new)
            lists = heads, members, links
        for r in range(r0, r1 + 1):
            for cell in range(r * n_cols + c0, r * n_cols + c1 + 1):
                members[n_entries], links[n_entries] = n_kept, heads[cell]
                heads[cell] = n_entries
                n_entries += 1
        n_kept += 1
    return n_kept


@njit(cache=True, nogil=True)
def _is_covered(box, area, label, near, n_cols, lists, found, threshold):
    """Whether a kept box of a class in some cells covers a box by more than the threshold."""
    heads, members, links = lists
    kept, labels = found
    for r in range(near[0], near[2] + 1):
        for cell in range(r * n_cols + near[1], r * n_cols + near[3] + 1):
            entry = heads[cell]
            while entry >= 0:
                k = members[entry]
                entry = links[entry]
                h = min(box[2], kept[k, 2]) - max(box[0], kept[k, 0])
                w = min(box[3], kept[k, 3]) - max(box[1], kept[k, 1])
                if h <= 0 or w <= 0 or labels[k] != label:
                    continue
                if h * w / (area + kept[k, 4] - h * w) > threshold:
                    return True
    return False
