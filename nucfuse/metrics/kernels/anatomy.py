"""What went wrong with each nucleus, and what correcting it would give, in compiled code.

Arrays over nuclei hold the T truths first, then the N predictions, (T + N,).
"""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.metrics.kernels.matching import no_pairs

# Kinds of nuclei, in the order of `anatomy.KINDS`.
HIT, SPLIT, MERGED, POOR_BOUNDARY, MISSED, SPURIOUS = 0, 1, 2, 3, 4, 5
# What can be corrected, in the order of `anatomy.CORRECTABLE`; a nucleus has one bit for each.
N_CORRECTIONS = 6
_MISSED, _SPURIOUS, _SPLIT, _MERGED, _POOR, _IMPRECISE = 1, 2, 4, 8, 16, 32
# A pair of this IoU or more that is no hit found its nucleus, but not its outline.
POOR_BOUNDARY_PERCENT = 10


@kernel
def hosts_and_guests(pairs, hit, fullest, areas, n_true):
    """Find the nucleus that holds more than half of each one, and how many each one holds.

    Host: -1 for none, and where a nucleus hits another one than that which holds most of it.
    """
    host, guests = no_pairs(areas.size), np.zeros(areas.size, np.int64)
    for i in range(areas.size):
        k = fullest[i]
        if k < 0 or 2 * pairs.pixels[k] <= areas[i] or (hit[i] >= 0 and hit[i] != k):
            continue
        host[i] = n_true + pairs.cols[k] if i < n_true else pairs.rows[k]
        guests[host[i]] += 1
    return host, guests


@kernel
def kinds_of(pairs, hit, closest, host, guests, n_true):
    """Kind of each nucleus, int8, and the bits of what corrects it, uint8, (T + N,) each."""
    kinds, bits = np.empty(hit.size, np.int8), np.zeros(hit.size, np.uint8)
    for i in range(hit.size):
        holds = guests[i] >= 2
        held = host[i] >= 0 and guests[host[i]] >= 2
        cut, run_together = (holds, held) if i < n_true else (held, holds)
        kind, bit = (MISSED, _MISSED) if i < n_true else (SPURIOUS, _SPURIOUS)
        if cut or run_together or hit[i] >= 0:
            kind = HIT if hit[i] >= 0 else SPLIT if cut else MERGED
            bit = _SPLIT * cut | _MERGED * run_together | _IMPRECISE * (hit[i] >= 0)
        kinds[i], bits[i] = kind, bit
    for t in range(n_true):
        k = closest[t]
        if kinds[t] != MISSED or k < 0:
            continue
        p = n_true + pairs.cols[k]
        poor = 100 * pairs.pixels[k] >= POOR_BOUNDARY_PERCENT * pairs.unions[k]
        if poor and closest[p] == k and kinds[p] == SPURIOUS:
            kinds[t] = kinds[p] = POOR_BOUNDARY
            bits[t] = bits[p] = _POOR
    return kinds, bits


@kernel
def count_hits(is_hit, bits, n_true):
    """Hits at each threshold, and what each correction would add to them and take away.

    Corrected of one thing, an image gains truths as hits and loses predictions at each threshold:
    those with the bit that are no hits there.

    Returns
    -------
    tp : int64 (P,)
        Truths that are hit.
    corrections : int64 (2, 6, P + 1)
        Truths gained, predictions lost; in the last column all with the bit, hits or not.
    """
    n_thresholds = is_hit.shape[0]
    tp = np.zeros(n_thresholds, np.int64)
    corrections = np.zeros((2, N_CORRECTIONS, n_thresholds + 1), np.int64)
    for i in range(bits.size):
        counts = corrections[0] if i < n_true else corrections[1]
        for c in range(N_CORRECTIONS):
            counts[c, n_thresholds] += bits[i] >> c & 1
        for p in range(n_thresholds):
            if is_hit[p, i]:
                tp[p] += i < n_true
                continue
            for c in range(N_CORRECTIONS):
                counts[c, p] += bits[i] >> c & 1
    return tp, corrections
