"""Ranked average precision as pycocotools computes it, in compiled code."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import group_offsets

# What a detection is at one threshold and area range.
FALSE, HIT, IGNORED = 0, 1, 2


class Candidates(NamedTuple):
    """Pairs of one class that share pixels, in the order of the truths, (K,) each.

    Attributes
    ----------
    rows, cols : int32
        Truth and detection.
    iou : float64
        Where the truth is a crowd region, the share of the detection that lies in it.
    """

    rows: NDArray[np.int32]
    cols: NDArray[np.int32]
    iou: NDArray[np.float64]


class Regions(NamedTuple):
    """Areas of the truths, float64 (T,), and whether each is a crowd region, bool (T,)."""

    areas: NDArray[np.float64]
    is_crowd: NDArray[np.bool_]


@kernel
def _pairs_of_pred(cols, n_pred):
    """Pairs of each prediction in the order of the truths: ``pairs[first[p]:first[p + 1]]``."""
    first = group_offsets(cols, n_pred)
    pairs = np.empty(first[n_pred], np.int64)
    cursor = first.copy()
    for k in range(cols.size):
        pairs[cursor[cols[k]]] = k
        cursor[cols[k]] += 1
    return first, pairs


@kernel
def match_ranked(candidates, truths, pred_areas, order, thresholds, ranges):
    """Say what each detection is, by area range and threshold, uint8 (A * P, N), as ranked.

    Detections choose in the order of their confidence. Each takes the free truth of the largest
    IoU that reaches the threshold, the last of equal ones; crowds and truths outside the area range
    count for nothing and are taken only where no other is free. A crowd is always free. Unmatched
    detections outside the range count for nothing, too.
    """
    first, of_pred = _pairs_of_pred(candidates.cols, pred_areas.size)
    codes = np.zeros((ranges.shape[0] * thresholds.size, order.size), np.uint8)
    n_true = truths.areas.size
    counts, free = np.empty(n_true, np.bool_), np.empty(n_true, np.bool_)
    for a in range(ranges.shape[0]):
        low, high = ranges[a]
        for t in range(n_true):
            counts[t] = low <= truths.areas[t] <= high and not truths.is_crowd[t]
        for i in range(thresholds.size):
            free[:] = True
            least = min(thresholds[i], 1 - 1e-10)
            for d in range(order.size):
                p = order[d]
                own = of_pred[first[p] : first[p + 1]]
                taken = _match_one(own, candidates, counts, least, free)
                if taken >= 0:
                    free[taken] = truths.is_crowd[taken]
                    codes[a * thresholds.size + i, d] = HIT if counts[taken] else IGNORED
                elif not low <= pred_areas[p] <= high:
                    codes[a * thresholds.size + i, d] = IGNORED
    return codes


@kernel
def _match_one(own, candidates, counts, least, free):
    """Find the truth that a detection, whose pairs are ``own``, takes; -1 for none."""
    taken, ignored = -1, -1
    best, best_ignored = least, least
    for k in own:
        t, iou = candidates.rows[k], candidates.iou[k]
        if not free[t]:
            continue
        if counts[t]:
            if iou >= best:
                taken, best = t, iou
        elif iou >= best_ignored:
            ignored, best_ignored = t, iou
    return taken if taken >= 0 else ignored


@kernel
def precision_at_recalls(codes, weights, n_true, recalls, precision):
    """Interpolated precision of one ranked list at each recall, filled in; returns the last recall.

    ``weights`` say how often each detection counts. Only hits raise recall, and precision is
    largest right after one, so nothing is kept of the others.
    """
    n_hits = 0
    for c in codes:
        n_hits += c == HIT
    at_recall = np.empty(n_hits)
    at_precision = np.empty(n_hits)
    tp, seen = 0.0, 0.0
    n = 0
    for d in range(codes.size):
        if codes[d] == IGNORED or weights[d] == 0:
            continue
        seen += weights[d]
        if codes[d] == HIT:
            tp += weights[d]
            at_recall[n] = tp / n_true
            at_precision[n] = tp / (seen + np.finfo(np.float64).eps)
            n += 1
    for h in range(n - 2, -1, -1):
        at_precision[h] = max(at_precision[h], at_precision[h + 1])
    h = 0
    for r in range(recalls.size):
        while h < n and at_recall[h] < recalls[r]:
            h += 1
        precision[r] = at_precision[h] if h < n else 0.0
    return at_recall[n - 1] if n > 0 else 0.0


@kernel
def curves(codes, weights, n_true, recalls):
    """Precision (L, R) and last recall (L,) of L ranked lists with n_true (L,) truths, above 0."""
    precision = np.empty((codes.shape[0], recalls.size))
    last = np.empty(codes.shape[0])
    for i in range(codes.shape[0]):
        last[i] = precision_at_recalls(codes[i], weights, n_true[i], recalls, precision[i])
    return precision, last


class Ranks(NamedTuple):
    """Ranks of some detections in each of L lists: ``ranks[first[i]:first[i + 1]]``, ascending."""

    ranks: NDArray[np.int64]
    first: NDArray[np.int64]


@kernel
def resampled_ap(hits, ignored, image_of, image_weights, n_true, recalls):
    """Mean precision over L lists and all recalls for each resampling of the images, (B,).

    Only hits and what is ignored are visited, both as Ranks; all other detections of the D are
    false. image_of (D,), image_weights (B, I), n_true (B,); NaN without truths.
    """
    ap = np.zeros(image_weights.shape[0])
    n_lists = hits.first.size - 1
    weights, seen = np.empty(image_of.size), np.empty(image_of.size)
    for b in range(ap.size):
        if n_true[b] == 0:
            ap[b] = np.nan
            continue
        count = 0.0
        for d in range(image_of.size):
            weights[d] = image_weights[b, image_of[d]]
            count += weights[d]
            seen[d] = count
        for i in range(n_lists):
            own = hits.ranks[hits.first[i] : hits.first[i + 1]]
            skipped = ignored.ranks[ignored.first[i] : ignored.first[i + 1]]
            precision, recall = _precisions_at_hits(own, skipped, weights, seen)
            ap[b] += _interpolated(precision, recall / n_true[b], recalls) / n_lists
    return ap


@kernel
def _precisions_at_hits(hits, skipped, weights, seen):
    """Precision and true positives after each hit of one list; ranks, weights, cumulated ones."""
    precision, true_positives = np.empty(hits.size), np.empty(hits.size)
    tp, out = 0.0, 0.0
    s = 0
    for h in range(hits.size):
        while s < skipped.size and skipped[s] < hits[h]:
            out += weights[skipped[s]]
            s += 1
        tp += weights[hits[h]]
        true_positives[h] = tp
        precision[h] = tp / (seen[hits[h]] - out + np.finfo(np.float64).eps)
    return precision, true_positives


@kernel
def _interpolated(precision, recall, recalls):
    """Mean over the recalls of the largest precision there or beyond; 0 where none gets so far."""
    h = recall.size - 1
    top, total = 0.0, 0.0
    for r in range(recalls.size - 1, -1, -1):
        while h >= 0 and recall[h] >= recalls[r]:
            top = max(top, precision[h])
            h -= 1
        total += top
    return total / recalls.size
