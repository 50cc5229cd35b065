"""Compiled stable sort of scores. Nothing here raises."""

import numpy as np

from nucfuse.kernels.jit import kernel

_BYTES, _VALUES = 8, 256  # of a float64, and of a byte
_SIGN = np.int64(-(2**63))


@kernel
def descending_order(values):
    """Stable order of float64 (n,), without NaN, from the largest value to the smallest, int64.

    A counting sort byte by byte, without the bytes that all have in common.
    """
    n = values.size
    keys, counts = _sort_keys(values)
    order, other = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        order[i] = i
    for byte in range(_BYTES):
        begin, is_same = np.int64(0), False
        for v in range(_VALUES):
            size = counts[byte * _VALUES + v]
            is_same |= size == n
            counts[byte * _VALUES + v] = begin
            begin += size
        if is_same:
            continue
        for i in order:
            v = byte * _VALUES + ((keys[i] >> (8 * byte)) & 255)
            other[counts[v]] = i
            counts[v] += 1
        order, other = other, order
    return order


@kernel
def _sort_keys(values):
    """Bits that ascend, unsigned, where floats fall; and how often each byte has each value."""
    bits, keys = values.view(np.int64), np.empty(values.size, np.int64)
    counts = np.zeros(_BYTES * _VALUES, np.int64)  # one axis, as all zeros are: less to compile
    for i in range(keys.size):
        # Negative floats fall as their bits rise, others rise with them; zero has two signs.
        keys[i] = bits[i] if values[i] < 0 else ~bits[i] ^ _SIGN
        if values[i] == 0:
            keys[i] = ~np.int64(0) ^ _SIGN
        for byte in range(_BYTES):
            counts[byte * _VALUES + ((keys[i] >> (8 * byte)) & 255)] += 1
    return keys, counts
