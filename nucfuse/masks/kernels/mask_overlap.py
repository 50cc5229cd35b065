"""Compiled loops over pairs of run-length masks. Arguments are checked; nothing here raises."""

import numpy as np
from numba import njit

from nucfuse.masks.kernels.arrays import grown


@njit(cache=True, nogil=True)
def _cells_of(box, cell, n_cols):
    """Grid rows and columns a box touches (half-open)."""
    return box[0] // cell, (box[2] - 1) // cell + 1, box[1] // cell, (box[3] - 1) // cell + 1


@njit(cache=True, nogil=True)
def _binned(boxes, cell, n_rows, n_cols):
    """Boxes by grid cell: ``members[first[c]:first[c + 1]]`` are those that touch cell ``c``."""
    first = np.zeros(n_rows * n_cols + 1, np.int64)
    for fill in range(2):
        if fill == 1:
            for c in range(n_rows * n_cols):
                first[c + 1] += first[c]
            members = np.empty(first[n_rows * n_cols], np.int32)
            cursor = first[:-1].copy()
        for b in range(boxes.shape[0]):
            if boxes[b, 2] <= boxes[b, 0]:
                continue
            r0, r1, c0, c1 = _cells_of(boxes[b], cell, n_cols)
            for r in range(r0, r1):
                for c in range(c0, c1):
                    if fill == 0:
                        first[r * n_cols + c + 1] += 1
                    else:
                        members[cursor[r * n_cols + c]] = b
                        cursor[r * n_cols + c] += 1
    return first, members


@njit(cache=True, nogil=True)
def shared_pixels(starts_a, lengths_a, a, a_end, starts_b, lengths_b, b, b_end):
    """Pixels two masks share, by merging their sorted runs."""
    shared = 0
    while a < a_end and b < b_end:
        end_a = starts_a[a] + lengths_a[a]
        end_b = starts_b[b] + lengths_b[b]
        shared += max(0, min(end_a, end_b) - max(starts_a[a], starts_b[b]))
        if end_a < end_b:
            a += 1
        else:
            b += 1
    return shared


@njit(cache=True, nogil=True)
def first_run_after(starts, lengths, begin, end, position):
    """First run of ``begin:end`` that ends after ``position`` (binary search)."""
    while begin < end:
        middle = (begin + end) // 2
        if starts[middle] + lengths[middle] <= position:
            begin = middle + 1
        else:
            end = middle
    return begin


@njit(cache=True, nogil=True)
def mask_pairs(
    height,
    starts_a,
    lengths_a,
    offsets_a,
    boxes_a,
    starts_b,
    lengths_b,
    offsets_b,
    boxes_b,
    cell,
    n_rows,
    n_cols,
    with_itself,
):
    """Pairs of masks that share pixels, sorted by (a, b): rows, columns, pixels.

    A grid over the image proposes pairs whose boxes meet in the cell; each is taken in the one
    cell that holds the corner of the boxes' intersection. With itself, only pairs a < b are given.
    """  # fmt: skip
    first, members = _binned(boxes_b, cell, n_rows, n_cols)
    rows = np.empty(1024, np.int32)
    cols = np.empty(1024, np.int32)
    pixels = np.empty(1024, np.int64)
    n = 0
    for a in range(boxes_a.shape[0]):
        if boxes_a[a, 2] <= boxes_a[a, 0]:
            continue
        n_before = n
        r0, r1, c0, c1 = _cells_of(boxes_a[a], cell, n_cols)
        for r in range(r0, r1):
            for c in range(c0, c1):
                for k in range(first[r * n_cols + c], first[r * n_cols + c + 1]):
                    b = members[k]
                    y = max(boxes_a[a, 0], boxes_b[b, 0])
                    x = max(boxes_a[a, 1], boxes_b[b, 1])
                    if y // cell != r or x // cell != c or (with_itself and b <= a):
                        continue
                    if y >= boxes_a[a, 2] or y >= boxes_b[b, 2]:
                        continue
                    if x >= boxes_a[a, 3] or x >= boxes_b[b, 3]:
                        continue
                    at = np.int64(x) * height
                    a0 = first_run_after(starts_a, lengths_a, offsets_a[a], offsets_a[a + 1], at)
                    b0 = first_run_after(starts_b, lengths_b, offsets_b[b], offsets_b[b + 1], at)
                    shared = shared_pixels(
                        starts_a, lengths_a, a0, offsets_a[a + 1],
                        starts_b, lengths_b, b0, offsets_b[b + 1],
                    )  # fmt: skip
                    if shared == 0:
                        continue
                    if n == rows.size:
                        rows, cols = grown(rows, 2 * n), grown(cols, 2 * n)
                        pixels = grown(pixels, 2 * n)
                    rows[n], cols[n], pixels[n] = a, b, shared
                    n += 1
        _sort_tail(cols, pixels, n_before, n)
    return rows[:n], cols[:n], pixels[:n]


@njit(cache=True, nogil=True)
def _sort_tail(cols, pixels, begin, end):
    """Sort one row's few pairs by column; many are sorted by an index."""
    if end - begin > 32:
        order = np.argsort(cols[begin:end])
        cols[begin:end] = cols[begin:end][order]
        pixels[begin:end] = pixels[begin:end][order]
        return
    for i in range(begin + 1, end):
        col, pix = cols[i], pixels[i]
        k = i
        while k > begin and cols[k - 1] > col:
            cols[k], pixels[k] = cols[k - 1], pixels[k - 1]
            k -= 1
        cols[k], pixels[k] = col, pix
