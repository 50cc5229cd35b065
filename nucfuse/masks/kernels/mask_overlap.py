"""Compiled loops over pairs of run-length masks. Arguments are checked; nothing here raises."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import grouped, grown, pairs_by_row


@kernel
def _cell_size(boxes, height, width):
    """Side in pixels of the cells of a grid in which boxes are looked up.

    About as large as a box, which keeps both the boxes per cell and the cells per box few; no
    finer than one cell per mask, so that the grid's memory is O(masks).
    """
    n = boxes.shape[0]
    total = 0.0
    for b in range(n):
        total += float(boxes[b, 2] - boxes[b, 0]) * float(boxes[b, 3] - boxes[b, 1])
    spacing = int((float(height) * float(width) / (n + 1)) ** 0.5)
    return max(8, int((total / max(n, 1)) ** 0.5) + 1, spacing + 1)


@kernel
def _cells_of(box, cell):
    """Grid rows and columns a box touches, half-open; none if it is empty."""
    if box[2] <= box[0]:
        return 0, 0, 0, 0
    return box[0] // cell, (box[2] - 1) // cell + 1, box[1] // cell, (box[3] - 1) // cell + 1


@kernel
def _boxes_by_cell(boxes, cell, n_rows, n_cols):
    """Boxes by grid cell: those that touch cell c are ``members[offsets[c]:offsets[c + 1]]``."""
    n = 0
    for b in range(boxes.shape[0]):
        r0, r1, c0, c1 = _cells_of(boxes[b], cell)
        n += (r1 - r0) * (c1 - c0)
    cells, owners = np.empty(n, np.int32), np.empty(n, np.int32)
    n = 0
    for b in range(boxes.shape[0]):
        r0, r1, c0, c1 = _cells_of(boxes[b], cell)
        for r in range(r0, r1):
            for c in range(c0, c1):
                cells[n], owners[n] = r * n_cols + c, b
                n += 1
    members, offsets = grouped(cells, n_rows * n_cols)
    for k in range(n):
        members[k] = owners[members[k]]
    return members, offsets


@kernel
def _meeting(boxes, box, members, cell, r, c, found):
    """Write those members of grid cell (r, c) whose boxes meet a box there; how many.

    Two boxes meet in one cell: that with the upper left corner of what they share.
    """
    n = 0
    for b in members:
        y, x = max(boxes[b, 0], box[0]), max(boxes[b, 1], box[1])
        inside = y < min(boxes[b, 2], box[2]) and x < min(boxes[b, 3], box[3])
        if inside and y // cell == r and x // cell == c:
            found[n] = b
            n += 1
    return n


@kernel
def shared_pixels(  # noqa: PLR0913 - an innermost loop
    starts_a, lengths_a, a, a_end, starts_b, lengths_b, b, b_end
):
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


@kernel
def first_run_after(starts, lengths, begin, end, position):
    """First run of ``begin:end`` that ends after ``position`` (binary search)."""
    while begin < end:
        middle = (begin + end) // 2
        if starts[middle] + lengths[middle] <= position:
            begin = middle + 1
        else:
            end = middle
    return begin


@kernel
def mask_pairs(a, b, width, with_itself):
    """Pairs of masks of two `MaskArrays` that share pixels, sorted by (a, b): rows, cols, pixels.

    A grid over the image, ``width`` pixels wide, proposes pairs whose boxes meet. With itself, only
    pairs of a lower with a higher number are given.
    """
    cell = _cell_size(a.boxes, a.height, width)
    n_cols = (width - 1) // cell + 1
    members, offsets = _boxes_by_cell(a.boxes, cell, (a.height - 1) // cell + 1, n_cols)
    found = np.empty(a.boxes.shape[0], np.int32)
    rows, cols = np.empty(1024, np.int32), np.empty(1024, np.int32)
    pixels = np.empty(1024, np.int64)
    n = 0
    for j in range(b.boxes.shape[0]):
        r0, r1, c0, c1 = _cells_of(b.boxes[j], cell)
        for place in range((r1 - r0) * (c1 - c0)):
            r, c = r0 + place // (c1 - c0), c0 + place % (c1 - c0)
            first, end = offsets[r * n_cols + c], offsets[r * n_cols + c + 1]
            n_found = _meeting(a.boxes, b.boxes[j], members[first:end], cell, r, c, found)
            if n + n_found > rows.size:
                size = 2 * (n + n_found)
                rows, cols, pixels = grown(rows, size), grown(cols, size), grown(pixels, size)
            for i in found[:n_found]:
                rows[n], cols[n] = i, j
                pixels[n] = _shared_by(a, i, b, j) if i < j or not with_itself else 0
                n += pixels[n] > 0
    return pairs_by_row(rows[:n], cols[:n], pixels[:n], a.boxes.shape[0])


@kernel
def _shared_by(a, i, b, j):
    """Pixels that mask i of one set shares with mask j of another, from where both have columns."""
    at = np.int64(max(a.boxes[i, 1], b.boxes[j, 1])) * a.height
    end_a, end_b = a.offsets[i + 1], b.offsets[j + 1]
    return shared_pixels(
        a.starts, a.lengths, first_run_after(a.starts, a.lengths, a.offsets[i], end_a, at), end_a,
        b.starts, b.lengths, first_run_after(b.starts, b.lengths, b.offsets[j], end_b, at), end_b,
    )  # fmt: skip
