"""What went wrong with each nucleus, and what mending it would give, in compiled code."""

import numpy as np
from numba import njit

# Kinds of nuclei, in the order of `errors.KINDS`.
HIT, SPLIT, MERGED, POOR_BOUNDARY, MISSED, SPURIOUS = 0, 1, 2, 3, 4, 5
# What can be mended, in the order of `errors.MENDABLE`; a nucleus carries one bit for each.
N_MENDS = 6
_MISSED, _SPURIOUS, _SPLIT, _MERGED, _POOR, _IMPRECISE = 1, 2, 4, 8, 16, 32
# A pair of this IoU or more that is no hit found its nucleus, but not its outline.
POOR_BOUNDARY_PERCENT = 10


@njit(cache=True, nogil=True)
def hosts(most, pixels, areas, partners, of_own):
    """Partner that holds more than half of each nucleus, -1 if none or if it hit another one."""
    found = np.full(areas.size, -1, np.int64)
    for i in range(areas.size):
        k = most[i]
        if k < 0 or 2 * pixels[k] <= areas[i]:
            continue
        if of_own[i] < 0 or partners[of_own[i]] == partners[k]:
            found[i] = partners[k]
    return found


@njit(cache=True, nogil=True)
def guests(host, n):
    """How many nuclei each of the n partners holds."""
    count = np.zeros(n, np.int64)
    for h in host:
        if h >= 0:
            count[h] += 1
    return count


@njit(cache=True, nogil=True)
def classify(rows, cols, pixels, unions, of_true, of_pred, best_true, best_pred,
             host_of_true, host_of_pred, pieces, swallowed, kinds):  # fmt: skip
    """Fill in the kind of each truth, then of each prediction, int8 (T + N,)."""
    n_true, n_pred = of_true.size, of_pred.size
    for t in range(n_true):
        kinds[t] = MISSED
        if of_true[t] >= 0:
            kinds[t] = HIT
        elif pieces[t] >= 2:
            kinds[t] = SPLIT
        elif host_of_true[t] >= 0 and swallowed[host_of_true[t]] >= 2:
            kinds[t] = MERGED
    for p in range(n_pred):
        kinds[n_true + p] = SPURIOUS
        if of_pred[p] >= 0:
            kinds[n_true + p] = HIT
        elif host_of_pred[p] >= 0 and pieces[host_of_pred[p]] >= 2:
            kinds[n_true + p] = SPLIT
        elif swallowed[p] >= 2:
            kinds[n_true + p] = MERGED
    for t in range(n_true):
        k = best_true[t]
        if kinds[t] != MISSED or k < 0 or best_pred[cols[k]] != k:
            continue
        if kinds[n_true + cols[k]] != SPURIOUS:
            continue
        if 100 * pixels[k] >= POOR_BOUNDARY_PERCENT * unions[k]:
            kinds[t] = POOR_BOUNDARY
            kinds[n_true + cols[k]] = POOR_BOUNDARY


@njit(cache=True, nogil=True)
def mends(kinds, of_true, of_pred, host_of_true, host_of_pred, pieces, swallowed):
    """Bits of what mends each nucleus: a truth becomes a hit, a prediction gives way; (T + N,)."""
    n_true = of_true.size
    bits = np.zeros(kinds.size, np.uint8)
    for t in range(n_true):
        if kinds[t] == MISSED:
            bits[t] |= _MISSED
        elif kinds[t] == POOR_BOUNDARY:
            bits[t] |= _POOR
        if pieces[t] >= 2:
            bits[t] |= _SPLIT
        if host_of_true[t] >= 0 and swallowed[host_of_true[t]] >= 2:
            bits[t] |= _MERGED
        if of_true[t] >= 0:
            bits[t] |= _IMPRECISE
    for p in range(of_pred.size):
        i = n_true + p
        if kinds[i] == SPURIOUS:
            bits[i] |= _SPURIOUS
        elif kinds[i] == POOR_BOUNDARY:
            bits[i] |= _POOR
        if host_of_pred[p] >= 0 and pieces[host_of_pred[p]] >= 2:
            bits[i] |= _SPLIT
        if swallowed[p] >= 2:
            bits[i] |= _MERGED
        if of_pred[p] >= 0:
            bits[i] |= _IMPRECISE
    return bits


@njit(cache=True, nogil=True)
def add_mended(bits, hit_true, hit_pred, tp, mended):
    """Add to each of the six sums the image's precision at one threshold, mended of one thing.

    A truth not hit at the threshold becomes a hit, a prediction that hits nothing is taken away.
    """
    n_true, n_pred = hit_true.size, hit_pred.size
    found = np.zeros(N_MENDS, np.int64)
    removed = np.zeros(N_MENDS, np.int64)
    for i in range(bits.size):
        if bits[i] == 0 or (hit_true[i] if i < n_true else hit_pred[i - n_true]) >= 0:
            continue
        for m in range(N_MENDS):
            if bits[i] >> m & 1:
                if i < n_true:
                    found[m] += 1
                else:
                    removed[m] += 1
    for m in range(N_MENDS):
        left = n_true + n_pred - tp - removed[m]  # a truth found moves from FN to TP
        mended[m] += (tp + found[m]) / left if left > 0 else 1.0
