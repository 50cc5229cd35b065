"""Ranked average precision as pycocotools computes it, in compiled code."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import group_offsets

# What a detection is at one threshold and area range.
FALSE, HIT, IGNORED = 0, 1, 2


@kernel
def _pairs_of_pred(cols, same_class, n_pred):
    """Pairs of each prediction in the order of the truths: ``pairs[first[p]:first[p + 1]]``."""
    groups = np.empty(cols.size, np.int64)
    for k in range(cols.size):
        groups[k] = cols[k] if same_class[k] else -1
    first = group_offsets(groups, n_pred)
    pairs = np.empty(first[n_pred], np.int64)
    cursor = first.copy()
    for k in range(cols.size):
        if groups[k] >= 0:
            pairs[cursor[groups[k]]] = k
            cursor[groups[k]] += 1
    return first, pairs


@kernel
def match_ranked(pairs, true_areas, pred_areas, same_class, order, thresholds, ranges):
    """Say what each detection is, by area range and threshold, uint8 (A * P, N), as ranked.

    Detections choose in the order of their confidence. Each takes the free truth of the largest
    IoU that reaches the threshold, the last of equal ones; truths outside the area range count for
    nothing and are taken only where no other is free. Unmatched detections outside the range count
    for nothing, too.
    """
    first, of_pred = _pairs_of_pred(pairs.cols, same_class, pred_areas.size)
    iou = np.empty(pairs.rows.size)
    for k in range(iou.size):
        iou[k] = pairs.pixels[k] / pairs.unions[k]
    codes = np.zeros((ranges.shape[0] * thresholds.size, order.size), np.uint8)
    counts, free = np.empty(true_areas.size, np.bool_), np.empty(true_areas.size, np.bool_)
    for a in range(ranges.shape[0]):
        low, high = ranges[a]
        for t in range(true_areas.size):
            counts[t] = low <= true_areas[t] <= high
        for i in range(thresholds.size):
            free[:] = True
            least = min(thresholds[i], 1 - 1e-10)
            for d in range(order.size):
                p = order[d]
                own = of_pred[first[p] : first[p + 1]]
                code = _match_one(own, pairs.rows, iou, counts, least, free)
                if code == FALSE and not low <= pred_areas[p] <= high:
                    code = IGNORED
                codes[a * thresholds.size + i, d] = code
    return codes


@kernel
def _match_one(own, rows, iou, counts, least, free):
    """Match one detection, whose pairs are ``own``, and take its truth."""
    taken, ignored = -1, -1
    best, best_ignored = least, least
    for k in own:
        t = rows[k]
        if not free[t]:
            continue
        if counts[t]:
            if iou[k] >= best:
                taken, best = t, iou[k]
        elif iou[k] >= best_ignored:
            ignored, best_ignored = t, iou[k]
    if taken >= 0:
        free[taken] = False
        return HIT
    if ignored >= 0:
        free[ignored] = False
        return IGNORED
    return FALSE


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


@kernel
def resampled_ap(hits, first, image_of, image_weights, n_true, recalls):
    """Mean precision over L lists and all recalls for each resampling of the images, (B,).

    Every detection counts (as in the area range "all"), so that how many were seen is the same
    for all lists, and only hits are visited: ``hits[first[i]:first[i + 1]]`` are the ranks of
    those of list i. image_of (D,), image_weights (B, I), n_true (B,); NaN without truths.
    """
    ap = np.zeros(image_weights.shape[0])
    seen = np.empty(image_of.size)
    precision = np.empty(hits.size)
    recall = np.empty(hits.size)
    for b in range(ap.size):
        if n_true[b] == 0:
            ap[b] = np.nan
            continue
        count = 0.0
        for d in range(image_of.size):
            count += image_weights[b, image_of[d]]
            seen[d] = count
        for i in range(first.size - 1):
            tp = 0.0
            for h in range(first[i], first[i + 1]):
                tp += image_weights[b, image_of[hits[h]]]
                recall[h] = tp / n_true[b]
                precision[h] = tp / (seen[hits[h]] + np.finfo(np.float64).eps)
            own = slice(first[i], first[i + 1])
            ap[b] += _interpolated(precision[own], recall[own], recalls) / (first.size - 1)
    return ap


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
