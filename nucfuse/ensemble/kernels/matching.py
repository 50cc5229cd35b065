"""Compiled search for masks that overlap much: of different groups and of one class.

Masks lie in a grid by their cores, the middle that all that covers them well must reach, and are
looked up in the cells of whole boxes. So a mask is in few cells. Nothing here raises.
"""

import numpy as np

from nucfuse.ensemble.kernels.grid import cells_of, grid_over
from nucfuse.ensemble.kernels.pair_overlap import covered, may_cover, shared_by
from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import grown

_ALL = np.int64(2**62)  # more pixels than any masks share


@kernel
def matching_pairs(masks, groups, classes, threshold):
    """Pairs of masks of different groups and one class with IoU > threshold: first, second, IoU.

    ``first < second``, (K,) each. Most neighbours only brush each other: their boxes and areas rule
    them out unread.
    """
    areas = masks.areas
    second, first = candidate_pairs(masks, groups, classes, threshold, False)
    ious = np.empty(first.size)
    n = 0
    for k in range(first.size):
        a, b = first[k], second[k]
        iou = covered(shared_by(masks, a, b, _ALL), areas[a], areas[b], False)
        if iou > threshold:
            first[n], second[n], ious[n] = a, b, iou
            n += 1
    return first[:n], second[:n], ious[:n]


@kernel
def candidate_pairs(masks, groups, classes, threshold, smaller):
    """Pairs of masks that boxes, areas, groups and classes do not rule out, int32 (K,) both.

    The first index is above the second. ``groups`` and ``classes`` may have no entries; for the
    rest see `covered`.
    """
    boxes, areas = masks.boxes, masks.areas
    grid = grid_over(boxes)
    cores = _core_cells(grid, boxes, areas, 0.0 if smaller else threshold)
    ends, members = _by_cell(grid, cores, areas)
    first, second = np.empty(2 * areas.size + 16, np.int32), np.empty(2 * areas.size + 16, np.int32)
    n = 0
    for a in range(areas.size):
        if areas[a] == 0:
            continue
        y0, x0, y1, x1 = boxes[a, 0], boxes[a, 1], boxes[a, 2], boxes[a, 3]
        r0, c0, r1, c1 = cells_of(grid, y0, x0, y1 - 1, x1 - 1)
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                cell = r * grid.n_cols + c
                # Unsigned, or Numba allows for indices that count from the end.
                for e in range(np.uint64(ends[cell]), np.uint64(ends[cell + 1])):
                    b = np.uint64(members[e])
                    if b >= np.uint64(a):
                        break
                    h = min(y1, boxes[b, 2]) - max(y0, boxes[b, 0])
                    w = min(x1, boxes[b, 3]) - max(x0, boxes[b, 1])
                    is_first_shared = (max(cores[b, 0], r0) == r) & (max(cores[b, 1], c0) == c)
                    # One number, not four branches: each of these is a coin's toss.
                    if not is_first_shared & (h > 0) & (w > 0):
                        continue
                    if not may_cover(areas[a], areas[b], h, w, threshold, smaller):
                        continue
                    if groups.size > 0 and groups[a] == groups[b]:
                        continue
                    if classes.size > 0 and classes[a] != classes[b]:
                        continue
                    if n == first.size:
                        first, second = grown(first, 2 * n), grown(second, 2 * n)
                    first[n], second[n] = a, b
                    n += 1
    return first[:n], second[:n]


@kernel
def _core_cells(grid, boxes, areas, share):
    """Cells of the core of each mask's box, int32 (N, 4); see `cells_of`.

    What shares more than ``share`` of a mask's area with it reaches beyond the first rows of its
    box that have no more pixels than that, and in the same way beyond the last ones: its box meets
    the core, what is left of the box without these rows and columns (or one point of what they
    share). The core of an ellipse at a half is a fifth as wide as its box.
    """
    cells = np.empty(boxes.shape, np.int32)
    for i in range(areas.size):
        y0, x0, y1, x1 = boxes[i, 0], boxes[i, 1], boxes[i, 2] - 1, boxes[i, 3] - 1
        least = share * areas[i] * (1 - 1e-9)
        dy = min(np.floor(least / max(1, x1 - x0 + 1)), (y1 - y0) * 0.5)
        dx = min(np.floor(least / max(1, y1 - y0 + 1)), (x1 - x0) * 0.5)
        cell = cells_of(grid, y0 + dy, x0 + dx, y1 - dy, x1 - dx)
        cells[i, 0], cells[i, 1], cells[i, 2], cells[i, 3] = cell
    return cells


@kernel
def _by_cell(grid, cells, areas):
    """Masks with pixels by the cells they are in, ascending: ``members[ends[c]:ends[c + 1]]``."""
    n_cells = grid.n_rows * grid.n_cols
    ends = np.zeros(n_cells + 2, np.int64)
    for i in range(areas.size):
        if areas[i] > 0:
            for r in range(cells[i, 0], cells[i, 2] + 1):
                for c in range(cells[i, 1], cells[i, 3] + 1):
                    ends[r * grid.n_cols + c + 2] += 1
    for cell in range(n_cells):
        ends[cell + 2] += ends[cell + 1]
    members = np.empty(ends[n_cells + 1], np.int32)
    for i in range(areas.size):
        if areas[i] > 0:
            for r in range(cells[i, 0], cells[i, 2] + 1):
                for c in range(cells[i, 1], cells[i, 3] + 1):
                    cell = r * grid.n_cols + c + 1
                    members[ends[cell]] = i
                    ends[cell] += 1
    return ends, members
