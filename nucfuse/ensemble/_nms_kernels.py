"""Compiled greedy suppression. Arguments are checked; nothing here raises."""

import numpy as np
from numba import njit

from nucfuse.ensemble._grid_kernels import (
    cell_at,
    cell_rects,
    empty_grid,
    insert,
    meet_in,
    plan_grid,
)
from nucfuse.ensemble._pair_kernels import box_overlap, covered, may_cover, shared_by, with_columns


@njit(cache=True, nogil=True)
def suppress_masks(masks, groups, classes, order, threshold, smaller):
    """Greedy suppression of masks in the given order; who suppressed each, int32 (N,), -1 = kept.

    Of several kept masks that cover one by more than the threshold, the first in order counts.
    Only kept masks enter the grid, so what is suppressed costs one comparison and is forgotten.
    Masks of one group leave each other alone.
    """
    n = order.size
    masks = with_columns(masks)
    rects, n_cols, n_cells = cell_rects(masks[3], 1)
    grid = empty_grid(rects, n_cols, n_cells)
    heads, links, members, _ = grid
    ranks, by = np.empty(n, np.int32), np.full(n, -1, np.int32)
    for rank in range(n):
        a = order[rank]
        ranks[a] = best = rank
        if masks[4][a] == 0:
            continue
        for r in range(rects[a, 0], rects[a, 2] + 1):
            for c in range(rects[a, 1], rects[a, 3] + 1):
                entry = heads[r * n_cols + c]
                while entry >= 0:
                    b = members[entry]
                    entry = links[entry]
                    if ranks[b] >= best or not meet_in(rects, a, b, r, c):
                        continue
                    if classes[a] != classes[b] or groups[a] == groups[b]:
                        continue
                    if not may_cover(masks, a, b, threshold, smaller):
                        continue
                    shared = shared_by(masks, a, b)
                    if covered(shared, masks[4][a], masks[4][b], smaller) > threshold:
                        best = ranks[b]
        if best < rank:
            by[a] = order[best]
        else:
            insert(grid, rects[a], a)
    return by


@njit(cache=True, nogil=True)
def first_bad_box(boxes):
    """First box that is not finite or ends before it begins, -1 if there is none."""
    for i in range(boxes.shape[0]):
        for d in range(2):
            if not -np.inf < boxes[i, d] <= boxes[i, d + 2] < np.inf:
                return i
    return -1


@njit(cache=True, nogil=True)
def suppress_boxes(boxes, classes, order, threshold):
    """As `suppress_masks`, for float64 boxes (N, 4) and their IoU.

    With a threshold of a half or more, what suppresses a box covers more than half of its height
    and of its width, hence its centre: only that cell is searched.
    """
    n = order.size
    rects, n_cols, n_cells = cell_rects(boxes, 0)
    grid = empty_grid(rects, n_cols, n_cells)
    heads, links, members, _ = grid
    plan, n_rows, _ = plan_grid(boxes)
    ranks, by = np.empty(n, np.int32), np.full(n, -1, np.int32)
    for rank in range(n):
        a = order[rank]
        ranks[a] = best = rank
        r0, c0, r1, c1 = rects[a, 0], rects[a, 1], rects[a, 2], rects[a, 3]
        if threshold >= 0.5:
            r0 = r1 = cell_at((boxes[a, 0] + boxes[a, 2]) / 2, plan[0], plan[2], n_rows)
            c0 = c1 = cell_at((boxes[a, 1] + boxes[a, 3]) / 2, plan[1], plan[2], n_cols)
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                entry = heads[r * n_cols + c]
                while entry >= 0:
                    b = members[entry]
                    entry = links[entry]
                    if ranks[b] >= best or classes[a] != classes[b]:
                        continue
                    if box_overlap(boxes, a, boxes, b) > threshold:
                        best = ranks[b]
        if best < rank:
            by[a] = order[best]
        else:
            insert(grid, rects[a], a)
    return by
