"""What kernels pass to each other, and loops over plain arrays that several of them need.

Nothing here raises.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


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


_ONE = np.uint64(1)
# Gathers the lowest bits of 8 bytes in the top byte.
_GATHER, _TOP_BYTE = np.uint64(0x0102040810204080), np.uint64(56)
# A de Bruijn sequence: times a power of 2, its top 6 bits are another number for each power.
_DE_BRUIJN, _TOP_BITS = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
_POWER_OF = np.zeros(64, np.int64)
for _power in range(64):
    _POWER_OF[(int(_DE_BRUIJN) << _power & (1 << 64) - 1) >> 58] = _power


@njit(cache=True, nogil=True)
def grown(array, size):
    """The same entries at the front of a larger array (size,)."""
    larger = np.empty(size, array.dtype)
    # Not larger[: array.size] = array: that takes ten times as long to compile.
    for i in range(array.size):
        larger[i] = array[i]
    return larger


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def lowest(values):
    """Smallest of some integers, 0 if there are none."""
    low = np.int64(0)
    for v in values:
        low = min(low, v)
    return low


@njit(cache=True, nogil=True)
def ranks_of(ids):
    """Rank of each id among the distinct positive ones (-1 for 0), and these in ascending order.

    By a table where the ids are dense, by sorting where they have wide gaps.
    """
    largest = np.int64(0)
    for i in ids:
        largest = max(largest, i)
    ranks = np.empty(ids.size, np.int32)
    if largest <= 16 * ids.size + 1024:
        table = np.full(largest + 1, -1, np.int32)
        for i in ids:
            table[i] = 0
        n = 0
        for i in range(1, largest + 1):
            if table[i] == 0:
                table[i] = n
                n += 1
        table[0] = -1
        distinct = np.empty(n, np.int64)
        for k in range(ids.size):
            r = table[ids[k]]
            ranks[k] = r
            if r >= 0:
                distinct[r] = ids[k]
        return ranks, distinct
    order = np.argsort(ids)
    distinct = np.empty(ids.size, np.int64)
    n = 0
    for k in order:
        if ids[k] == 0:
            ranks[k] = -1
            continue
        if n == 0 or distinct[n - 1] != ids[k]:
            distinct[n] = ids[k]
            n += 1
        ranks[k] = n - 1
    return ranks, distinct[:n]


@njit(cache=True, nogil=True)
def flagged(flags, first, positions):
    """Write ``first + k`` for each k with ``flags[k] == 1``, else 0, uint8 (64 n,); how many.

    64 flags at a time become the bits of one number, whose powers of 2 are taken off one by one.
    """
    words = flags.view(np.uint64)
    n = 0
    for block in range(0, words.size, 8):
        bits = np.uint64(0)
        for w in range(8):
            bits |= ((words[block + w] * _GATHER) >> _TOP_BYTE) << np.uint64(w * 8)
        while bits != 0:
            lowest = bits & (~bits + _ONE)
            positions[n] = first + block * 8 + _POWER_OF[(lowest * _DE_BRUIJN) >> _TOP_BITS]
            n += 1
            bits ^= lowest
    return n


@njit(cache=True, nogil=True)
def lowest_bit(bits):
    """Position of the lowest 1 of a uint64 that is not 0."""
    return _POWER_OF[((bits & (~bits + _ONE)) * _DE_BRUIJN) >> _TOP_BITS]


@njit(cache=True, nogil=True)
def root_of(parents, i):
    """The root of an element in a forest of sets (union-find); shortens the way there."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i
