"""Which pairs are hits, in compiled code. A pair is named by its place in the sparse overlaps."""

import numpy as np
from numba import njit

from nucfuse.metrics.kernels.assignment import heaviest_matching

# Where two matchings have the same total IoU, the one that shares more pixels is taken; this much
# of the total IoU is given up for it at most.
TIE = 1e-9


@njit(cache=True, nogil=True)
def unions_of(rows, cols, pixels, true_areas, pred_areas):
    """Pixels in either mask of each pair, int64 (K,)."""
    unions = np.empty(rows.size, np.int64)
    for k in range(rows.size):
        unions[k] = true_areas[rows[k]] + pred_areas[cols[k]] - pixels[k]
    return unions


@njit(cache=True, nogil=True)
def passes(pixels, union, percent, strict):
    """Whether a pair reaches a threshold in whole percents, compared as integers."""
    if strict:
        return 100 * pixels > percent * union
    return 100 * pixels >= percent * union


@njit(cache=True, nogil=True)
def closest(index, pixels, unions, n):
    """Pair of the largest IoU of each row (or column); ties to more pixels, then to the first."""
    best = np.full(n, -1, np.int64)
    for k in range(index.size):
        i = index[k]
        b = best[i]
        if b < 0:
            best[i] = k
            continue
        new, old = pixels[k] * unions[b], pixels[b] * unions[k]
        if new > old or (new == old and pixels[k] > pixels[b]):
            best[i] = k
    return best


@njit(cache=True, nogil=True)
def most_shared(index, pixels, unions, n):
    """Pair of the most shared pixels of each row (or column); ties to the smaller partner."""
    best = np.full(n, -1, np.int64)
    for k in range(index.size):
        i = index[k]
        b = best[i]
        if b < 0 or pixels[k] > pixels[b] or (pixels[k] == pixels[b] and unions[k] < unions[b]):
            best[i] = k
    return best


@njit(cache=True, nogil=True)
def hits_at(rows, cols, pixels, unions, percent, strict, disjoint, of_true, of_pred):
    """Pair that is the hit of each truth and each prediction (-1: none); returns the hits.

    On disjoint masks an IoU above 0.5 means that each holds more than half of the other, so the
    match is unique; at exactly 0.5 either mask has at most two partners, which have no other, and
    taking the first is a maximum. Elsewhere the most hits, of the largest total IoU, are assigned.
    """
    of_true[:] = -1
    of_pred[:] = -1
    if disjoint and percent >= 50:
        hits = 0
        for k in range(rows.size):
            free = of_true[rows[k]] < 0 and of_pred[cols[k]] < 0
            if free and passes(pixels[k], unions[k], percent, strict):
                of_true[rows[k]], of_pred[cols[k]] = k, k
                hits += 1
        return hits
    return _assigned_hits(rows, cols, pixels, unions, percent, strict, of_true, of_pred)


@njit(cache=True, nogil=True)
def _assigned_hits(rows, cols, pixels, unions, percent, strict, of_true, of_pred):
    """Maximum number of one-to-one hits; among these the largest total IoU."""
    kept = np.empty(rows.size, np.int64)
    n = 0
    for k in range(rows.size):
        if passes(pixels[k], unions[k], percent, strict):
            kept[n] = k
            n += 1
    kept = kept[:n]
    # One more hit must outweigh all IoU that it could cost: at most one for each hit.
    per_hit = min(of_true.size, of_pred.size) + 1.0
    weights = per_hit + iou_weights(pixels[kept], unions[kept])
    of_row = heaviest_matching(rows[kept], cols[kept], weights, of_true.size, of_pred.size)
    hits = 0
    for t in range(of_true.size):
        if of_row[t] >= 0:
            k = kept[of_row[t]]
            of_true[t], of_pred[cols[k]] = k, k
            hits += 1
    return hits


@njit(cache=True, nogil=True)
def iou_weights(pixels, unions):
    """IoU of each pair plus a trifle for the pixels it shares, which settles ties."""
    total = np.int64(1)
    for p in pixels:
        total += p
    weights = np.empty(pixels.size)
    for k in range(pixels.size):
        weights[k] = pixels[k] / unions[k] + TIE * pixels[k] / total
    return weights


@njit(cache=True, nogil=True)
def match_image(rows, cols, pixels, unions, n_true, n_pred, percents, strict, disjoint):
    """Hits per threshold (P,), and per truth and prediction: the hit at 50 %, the closest pair."""
    of_true = np.empty(n_true, np.int64)
    of_pred = np.empty(n_pred, np.int64)
    tp = np.empty(percents.size, np.int64)
    for i in range(percents.size):
        tp[i] = hits_at(
            rows, cols, pixels, unions, percents[i], strict, disjoint, of_true, of_pred
        )  # fmt: skip
    hits_at(rows, cols, pixels, unions, 50, strict, disjoint, of_true, of_pred)
    best_true = closest(rows, pixels, unions, n_true)
    best_pred = closest(cols, pixels, unions, n_pred)
    return tp, of_true, of_pred, best_true, best_pred
