"""Many pixels at a time as the bits of one number. Nothing here raises."""

import numpy as np

from nucfuse.kernels.jit import kernel

_ONE = np.uint64(1)
# Gathers the lowest bits of 8 bytes in the top byte.
_GATHER, _TOP_BYTE = np.uint64(0x0102040810204080), np.uint64(56)
# A de Bruijn sequence: times a power of 2, its top 6 bits are another number for each power.
_DE_BRUIJN, _TOP_BITS = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
_POWER_OF = np.zeros(64, np.int64)
for _power in range(64):
    _POWER_OF[(int(_DE_BRUIJN) << _power & (1 << 64) - 1) >> 58] = _power


@kernel
def lowest_bit(bits):
    """Position of the lowest 1 of a uint64 that is not 0."""
    return _POWER_OF[((bits & (~bits + _ONE)) * _DE_BRUIJN) >> _TOP_BITS]


@kernel
def flagged(flags, first, positions):
    """Write ``first + k`` for each k with ``flags[k] == 1``, else 0, uint8 (64 n,); how many.

    64 flags at a time become the bits of one number, whose ones are taken off from the lowest.
    """
    words = flags.view(np.uint64)
    n = 0
    for block in range(0, words.size, 8):
        bits = np.uint64(0)
        for w in range(8):
            bits |= ((words[block + w] * _GATHER) >> _TOP_BYTE) << np.uint64(w * 8)
        while bits != 0:
            positions[n] = first + block * 8 + lowest_bit(bits)
            n += 1
            bits &= bits - _ONE
    return n
