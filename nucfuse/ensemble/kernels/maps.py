"""Compiled loops that fuse probability maps; arguments are checked by `fuse_maps`.

Every loop runs over a whole array or slice by `range(size)`: with other bounds Numba expects
negative indices and does not vectorise (measured: three times slower).
"""

import numpy as np

from nucfuse.kernels.jit import kernel

# float32 from 0 to 1 read as uint32: larger ones are above 1, negative, infinite or NaN (or -0.0).
BITS_OF_ONE = 0x3F800000
_HALF = np.float32(0.5)
_BLOCK = 2048  # pixels; a block of each of four maps fits the L1 cache


@kernel
def largest_bits(values):
    """float32 (n,) -> uint32, at most `BITS_OF_ONE` if all values lie in [0, 1]."""
    bits = values.view(np.uint32)
    worst = np.uint32(0)
    for i in range(bits.size):
        worst = max(worst, bits[i])
    return worst


@kernel
def add(values, weight, total):
    """Add weight * values, (n,), to total, float64 (n,)."""
    for i in range(values.size):
        total[i] += weight * values[i]


@kernel
def mean_of_four(a, b, c, d, weights, out):
    """Weighted sum of four maps, float32 (n,), into out; returns their `largest_bits`.

    One pass in registers: 2.6 ms for 2048 x 2048, where NumPy's mean of the stacked maps takes
    7 ms without checking the range.
    """
    bits_a, bits_b = a.view(np.uint32), b.view(np.uint32)
    bits_c, bits_d = c.view(np.uint32), d.view(np.uint32)
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    worst = np.uint32(0)
    for i in range(out.size):
        out[i] = w0 * a[i] + w1 * b[i] + w2 * c[i] + w3 * d[i]
        worst = max(worst, bits_a[i], bits_b[i], bits_c[i], bits_d[i])
    return worst


@kernel
def median_of_three(a, b, c, out):
    """Median of three maps, float32 (n,), into out; returns their `largest_bits`."""
    bits_a, bits_b, bits_c = a.view(np.uint32), b.view(np.uint32), c.view(np.uint32)
    worst = np.uint32(0)
    for i in range(out.size):
        out[i] = max(min(a[i], b[i]), min(max(a[i], b[i]), c[i]))
        worst = max(worst, bits_a[i], bits_b[i], bits_c[i])
    return worst


@kernel
def median_of_four(a, b, c, d, out):
    """Mean of the middle two of four maps, float32 (n,), into out; returns their `largest_bits`."""
    bits_a, bits_b = a.view(np.uint32), b.view(np.uint32)
    bits_c, bits_d = c.view(np.uint32), d.view(np.uint32)
    worst = np.uint32(0)
    for i in range(out.size):
        low = max(min(a[i], b[i]), min(c[i], d[i]))
        high = min(max(a[i], b[i]), max(c[i], d[i]))
        out[i] = (low + high) * _HALF
        worst = max(worst, bits_a[i], bits_b[i], bits_c[i], bits_d[i])
    return worst


@kernel
def rank_mean(values, network, shares, out):
    """Sort each pixel's K values and take the mean over the ranks, weighted by their shares.

    Parameters
    ----------
    values : float32 (K, n) in [0, 1], sorted in place
        Compared as int32, which has the same order and one instruction for the smaller of two.
    network : int64 (P, 2), pairs of rows to put into order, one pair after the other
    shares : float64 (K,), sum 1
    out : float32 (n,)
    """
    total = np.empty(_BLOCK)
    for start in range(0, out.size, _BLOCK):
        end = min(out.size, start + _BLOCK)
        for pair in range(network.shape[0]):
            low = values[network[pair, 0], start:end].view(np.int32)
            high = values[network[pair, 1], start:end].view(np.int32)
            for i in range(low.size):
                x, y = low[i], high[i]
                low[i], high[i] = min(x, y), max(x, y)
        total[:] = 0
        for rank in range(shares.size):
            if shares[rank] > 0:
                add(values[rank, start:end], shares[rank], total)
        out[start:end] = total[: end - start]


@kernel
def weighted_rank_mean(values, weights, low, high, out):
    """Mean of each pixel's values between two quantiles of their weight.

    Parameters
    ----------
    values : float32 (K, n)
    weights : float64 (K, n) or (K, 1), each pixel's sum positive
    low, high : float, 0 <= low < high <= 1
    out : float32 (n,)
    """
    n_maps, n = values.shape
    ranked, weight_of = np.empty(n_maps, np.float32), np.empty(n_maps)
    for i in range(n):
        column = i if weights.shape[1] > 1 else 0
        whole = 0.0
        for m in range(n_maps):
            value, weight = values[m, i], weights[m, column]
            j = m
            while j > 0 and ranked[j - 1] > value:
                ranked[j], weight_of[j] = ranked[j - 1], weight_of[j - 1]
                j -= 1
            ranked[j], weight_of[j] = value, weight
            whole += weight
        below, total, taken = 0.0, 0.0, 0.0
        for m in range(n_maps):
            above = below + weight_of[m]
            share = max(0.0, min(above, high * whole) - max(below, low * whole))
            total += share * ranked[m]
            taken += share
            below = above
        out[i] = total / taken
