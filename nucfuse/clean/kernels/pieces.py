"""Compiled search for the connected pieces of run-length masks. Nothing raises."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import root_of, unite


@kernel
def _segments(starts, lengths, offsets, height):
    """Cut runs at the bottom of each column: column, top, length of each segment, and offsets."""
    n = 0
    for r in range(starts.size):
        n += (starts[r] + lengths[r] - 1) // height - starts[r] // height + 1
    columns, tops = np.empty(n, np.int32), np.empty(n, np.int32)
    sizes, seg_offsets = np.empty(n, np.int32), np.zeros(offsets.size, np.int64)
    n = r = 0
    for m in range(offsets.size - 1):
        while r < offsets[m + 1]:
            at, end = starts[r], starts[r] + lengths[r]
            while at < end:
                x = at // height
                stop = min(end, (x + 1) * height)
                columns[n], tops[n], sizes[n] = x, at - x * height, stop - at
                n += 1
                at = stop
            r += 1
        seg_offsets[m + 1] = n
    return columns, tops, sizes, seg_offsets


@kernel
def _unite_touching(columns, tops, sizes, parents, first, end):
    """Unite the segments of one mask that touch, by sides or corners."""
    i = first  # the first segment of the column before that may touch segment j
    for j in range(first, end):
        while columns[i] < columns[j] - 1 or (
            columns[i] == columns[j] - 1 and tops[i] + sizes[i] < tops[j]
        ):
            i += 1
        k = i
        while columns[k] == columns[j] - 1 and tops[k] <= tops[j] + sizes[j]:
            unite(parents, k, j)
            k += 1


@kernel
def connected_pieces(starts, lengths, offsets, height):
    """8-connected pieces of masks: column, top, length, piece of each segment; each piece's mask.

    Pieces are numbered by mask, then by their first pixel in column-major order.
    """
    columns, tops, sizes, seg_offsets = _segments(starts, lengths, offsets, height)
    parents, pieces = np.empty(columns.size, np.int32), np.empty(columns.size, np.int32)
    for j in range(columns.size):
        parents[j] = j
    mask_of_piece = np.empty(columns.size, np.int64)
    n = 0
    for m in range(offsets.size - 1):
        _unite_touching(columns, tops, sizes, parents, seg_offsets[m], seg_offsets[m + 1])
        for j in range(seg_offsets[m], seg_offsets[m + 1]):
            root = root_of(parents, j)
            if root == j:
                pieces[j], mask_of_piece[n] = n, m
                n += 1
            else:
                pieces[j] = pieces[root]  # a root is the first segment of its piece
    return columns, tops, sizes, pieces, mask_of_piece[:n]
