"""What kernels pass to each other, and loops over plain arrays that several of them need.

Nothing here raises.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.kernels.jit import kernel


class MaskArrays(NamedTuple):
    """The masks of one image as kernels take them; see `Instances` for each array.

    Innermost loops take the arrays they need, one by one: each array of a tuple that is handed on
    is counted in and out at every call.
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    offsets: NDArray[np.int64]
    boxes: NDArray[np.int32]
    areas: NDArray[np.int64]
    height: int


class Pairs(NamedTuple):
    """Pairs of masks that share pixels, (K,) each, sorted by row (truth), then column.

    ``pixels`` are those shared, ``unions`` those in either mask.
    """

    rows: NDArray[np.int32]
    cols: NDArray[np.int32]
    pixels: NDArray[np.int64]
    unions: NDArray[np.int64]


@kernel
def grown(array, size):
    """Return a larger array (size,) that begins with the same entries."""
    larger = np.empty(size, array.dtype)
    # Not larger[: array.size] = array: that takes ten times as long to compile.
    for i in range(array.size):
        larger[i] = array[i]
    return larger


@kernel
def group_offsets(groups, n_groups):
    """Where each group begins once its entries lie together, int64 (n_groups + 1,).

    ``groups`` holds the group of each entry; negative ones are in none. The first half of a
    counting sort: entry k of group g goes to ``offsets[g]`` and those after it.
    """
    offsets = np.zeros(n_groups + 1, np.int64)
    for g in groups:
        if g >= 0:
            offsets[g + 1] += 1
    for g in range(n_groups):
        offsets[g + 1] += offsets[g]
    return offsets


@kernel
def grouped(groups, n_groups):
    """Entries by their group, in each in the order they have: a counting sort.

    Those of group g are ``entries[offsets[g]:offsets[g + 1]]``; groups below 0 drop out.
    """
    offsets = group_offsets(groups, n_groups)
    entries, at = np.empty(offsets[n_groups], np.int64), offsets.copy()
    for k in range(groups.size):
        g = groups[k]
        if g >= 0:
            entries[at[g]] = k
            at[g] += 1
    return entries, offsets


@kernel
def pairs_by_row(rows, cols, pixels, n_rows):
    """Pairs sorted by row in 0..n_rows - 1, in each row in the order they have."""
    order = grouped(rows, n_rows)[0]
    new_rows, new_cols = np.empty(order.size, np.int32), np.empty(order.size, np.int32)
    new_pixels = np.empty(order.size, np.int64)
    for k in range(order.size):
        new_rows[k], new_cols[k] = rows[order[k]], cols[order[k]]
        new_pixels[k] = pixels[order[k]]
    return new_rows, new_cols, new_pixels


@kernel
def extremes(values):
    """Smallest and largest of some integers and 0."""
    low = high = np.int64(0)
    for v in values:
        low, high = min(low, v), max(high, v)
    return low, high


@kernel
def dense_ranks(ids, largest):
    """Rank of each id among the distinct positive ones (-1 for 0), and these in ascending order.

    By a table up to the largest id; where ids have wide gaps, `labels.ranks_of` sorts instead.
    """
    table = np.empty(largest + 1, np.int32)
    for i in range(largest + 1):
        table[i] = -1
    for i in ids:
        table[i] = 0
    table[0] = -1
    distinct = np.empty(min(largest, ids.size), np.int64)
    n = 0
    for i in range(1, largest + 1):
        if table[i] == 0:
            table[i], distinct[n] = n, i
            n += 1
    ranks = np.empty(ids.size, np.int32)
    for k in range(ids.size):
        ranks[k] = table[ids[k]]
    return ranks, distinct[:n]


@kernel
def root_of(parents, i):
    """Find the root of an element in a forest of sets (union-find); shortens the way there."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@kernel
def unite(parents, i, j):
    """Make one set of those of two elements (union-find); its root is the smaller of the two."""
    a, b = root_of(parents, i), root_of(parents, j)
    parents[max(a, b)] = min(a, b)
