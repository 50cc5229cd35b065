"""Compiled grid of cells: which boxes may touch. Arguments are checked; nothing raises."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def plan_grid(boxes):
    """Where a grid over boxes (N, 4: y0, x0, y1, x1, in any unit) begins, its scale and its size.

    Returns float64 (3,): top, left, cells per unit of length; and the numbers of rows and columns.
    Cells are about as large as a box, so that both the boxes per cell and the cells per box are
    few; there are at most about twice as many cells as boxes.
    """
    low, high = np.zeros(2), np.zeros(2)
    area, filled = 0.0, 0
    for i in range(boxes.shape[0]):
        h, w = boxes[i, 2] - boxes[i, 0], boxes[i, 3] - boxes[i, 1]
        if h <= 0 or w <= 0:
            continue
        area += h * w
        for d in range(2):
            low[d] = boxes[i, d] if filled == 0 else min(low[d], boxes[i, d])
            high[d] = boxes[i, d + 2] if filled == 0 else max(high[d], boxes[i, d + 2])
        filled += 1
    if filled == 0:
        return np.zeros(3), 1, 1
    h, w = high[0] - low[0], high[1] - low[1]
    # The third term bounds the cells of a thin strip; the last keeps the quotient finite.
    cell = max(np.sqrt(area / filled), np.sqrt(h * w / filled), (h + w) / filled, 1e-300)
    return np.array([low[0], low[1], 1 / cell]), int(h / cell) + 1, int(w / cell) + 1


@njit(cache=True, nogil=True)
def cell_at(position, origin, per_unit, n_cells):
    """Row or column of the grid that a coordinate lies in, or the nearest one."""
    # Limits before the conversion: a box without area may lie anywhere.
    return np.int32(min(max((position - origin) * per_unit, 0.0), n_cells - 1.0))


@njit(cache=True, nogil=True)
def cell_rects(boxes, closed):
    """Cells each box touches, int32 (N, 4): row, column of the first and of the last one.

    ``closed`` is 1 if y1, x1 are whole pixels just outside the boxes, else 0. Also returns the
    columns and the cells of the grid.
    """
    plan, n_rows, n_cols = plan_grid(boxes)
    top, left, per_unit = plan[0], plan[1], plan[2]
    rects = np.empty((boxes.shape[0], 4), np.int32)
    for i in range(boxes.shape[0]):
        rects[i, 0] = cell_at(boxes[i, 0], top, per_unit, n_rows)
        rects[i, 1] = cell_at(boxes[i, 1], left, per_unit, n_cols)
        rects[i, 2] = max(rects[i, 0], cell_at(boxes[i, 2] - closed, top, per_unit, n_rows))
        rects[i, 3] = max(rects[i, 1], cell_at(boxes[i, 3] - closed, left, per_unit, n_cols))
    return rects, n_cols, n_rows * n_cols


@njit(cache=True, nogil=True)
def empty_grid(rects, n_cols, n_cells):
    """A grid that holds no box yet and has room for all: heads, links, members, counts, columns.

    ``heads[cell]`` is the first entry of a cell, ``links[entry]`` the next one, -1 the end;
    ``members[entry]`` is the box and ``counts[0]`` the number of entries.
    """
    room = 0
    for i in range(rects.shape[0]):
        room += (rects[i, 2] - rects[i, 0] + 1) * (rects[i, 3] - rects[i, 1] + 1)
    heads = np.full(n_cells, -1, np.int32)
    links, members = np.empty(room, np.int32), np.empty(room, np.int32)
    return heads, links, members, np.array([0, n_cols])


@njit(cache=True, nogil=True)
def insert(grid, rect, box):
    """Enter a box in every cell of its rectangle."""
    heads, links, members, counts = grid
    n = counts[0]
    for r in range(rect[0], rect[2] + 1):
        for c in range(rect[1], rect[3] + 1):
            cell = r * counts[1] + c
            members[n], links[n], heads[cell] = box, heads[cell], n
            n += 1
    counts[0] = n


@njit(cache=True, nogil=True)
def meet_in(rects, a, b, r, c):
    """Whether (r, c) is the first cell that two boxes share: there, and only there, they meet."""
    return max(rects[a, 0], rects[b, 0]) == r and max(rects[a, 1], rects[b, 1]) == c
