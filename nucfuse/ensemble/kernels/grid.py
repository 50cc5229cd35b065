"""Compiled grid of cells over boxes: which boxes may touch. Nothing here raises."""

from typing import NamedTuple

import numpy as np

from nucfuse.kernels.jit import kernel


class Grid(NamedTuple):
    """Square cells: where they begin, how many there are per unit of length, and in all."""

    top: float
    left: float
    per_unit: float
    n_rows: int
    n_cols: int


@kernel
def grid_over(boxes):
    """Lay a `Grid` over boxes (N, 4) with an area: y0, x0, y1, x1, in any unit.

    Cells are about as large as a box, so that both the boxes per cell and the cells per box are
    few; there are at most about twice as many cells as boxes.
    """
    top, left, bottom, right = np.inf, np.inf, -np.inf, -np.inf
    area, filled = 0.0, 0
    for i in range(boxes.shape[0]):
        h, w = boxes[i, 2] - boxes[i, 0], boxes[i, 3] - boxes[i, 1]
        if h > 0 and w > 0:
            area += h * w
            filled += 1
            top, left = min(top, boxes[i, 0]), min(left, boxes[i, 1])
            bottom, right = max(bottom, boxes[i, 2]), max(right, boxes[i, 3])
    if filled == 0:
        return Grid(0.0, 0.0, 0.0, 1, 1)
    h, w = bottom - top, right - left
    # The third term bounds the cells of a thin strip; the last keeps the quotient finite.
    cell = max(np.sqrt(area / filled), np.sqrt(h * w / filled), (h + w) / filled, 1e-300)
    return Grid(top, left, 1 / cell, int(h / cell) + 1, int(w / cell) + 1)


@kernel
def cells_of(grid, y0, x0, y1, x1):
    """Row and column of the first and of the last cell that a box touches, or the nearest ones."""
    return (
        _cell_at(y0 - grid.top, grid.per_unit, grid.n_rows),
        _cell_at(x0 - grid.left, grid.per_unit, grid.n_cols),
        _cell_at(y1 - grid.top, grid.per_unit, grid.n_rows),
        _cell_at(x1 - grid.left, grid.per_unit, grid.n_cols),
    )


@kernel
def _cell_at(distance, per_unit, n_cells):
    # Limits before the conversion: a box without area may lie anywhere.
    return np.int32(min(max(distance * per_unit, 0.0), n_cells - 1.0))
