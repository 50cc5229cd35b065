"""Which nuclei belong together, in compiled code. A pair is named by its place in the overlaps.

Arrays over nuclei hold the T truths first, then the N predictions, (T + N,).
"""

import numpy as np

from nucfuse.kernels.jit import kernel


@kernel
def no_pairs(n):
    """-1 for each of n nuclei, int64 (n,)."""
    pairs = np.empty(n, np.int64)
    for i in range(n):
        pairs[i] = -1
    return pairs


@kernel
def passes(pixels, union, percent, strict):
    """Whether a pair reaches a threshold in whole percents, compared as integers."""
    if strict:
        return 100 * pixels > percent * union
    return 100 * pixels >= percent * union


@kernel
def unique_hits(pairs, percents, strict, n_true, n_pred):
    """Hits where none has to choose: disjoint masks, thresholds from 50 % on.

    An IoU above 0.5 means that each nucleus holds more than half of the other, so the match is
    unique, and at higher thresholds it is the same pair or none; at exactly 0.5 either mask has at
    most two partners, which have no other, and taking the first is a maximum.

    Returns
    -------
    hit : int64 (T + N,)
        The pair that is the hit at 50 %, -1 for none.
    is_hit : bool (P, T + N)
        Whether each nucleus is hit at each threshold.
    """
    hit = no_pairs(n_true + n_pred)
    is_hit = np.zeros((percents.size, hit.size), np.bool_)
    for k in range(pairs.rows.size):
        t, p = pairs.rows[k], n_true + pairs.cols[k]
        if hit[t] >= 0 or hit[p] >= 0 or not passes(pairs.pixels[k], pairs.unions[k], 50, strict):
            continue
        hit[t] = hit[p] = k
        for i in range(percents.size):
            if passes(pairs.pixels[k], pairs.unions[k], percents[i], strict):
                is_hit[i, t] = is_hit[i, p] = True
    return hit, is_hit


@kernel
def closest_and_fullest(pairs, n_true, n_pred):
    """Pair of the largest IoU and pair of the most shared pixels of each nucleus, int64 (T + N,).

    Ties go to more pixels, then to the first, and to the smaller union, then to the first.
    """
    closest, fullest = no_pairs(n_true + n_pred), no_pairs(n_true + n_pred)
    pixels, unions = pairs.pixels, pairs.unions
    for k in range(pixels.size):
        for i in (np.int64(pairs.rows[k]), np.int64(n_true + pairs.cols[k])):
            c, f = closest[i], fullest[i]
            if c < 0:
                closest[i] = fullest[i] = k
                continue
            new, old = pixels[k] * unions[c], pixels[c] * unions[k]
            if new > old or (new == old and pixels[k] > pixels[c]):
                closest[i] = k
            if pixels[k] > pixels[f] or (pixels[k] == pixels[f] and unions[k] < unions[f]):
                fullest[i] = k
    return closest, fullest
