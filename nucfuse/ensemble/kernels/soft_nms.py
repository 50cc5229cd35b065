"""Compiled soft and matrix suppression, on sparse pairs. Nothing here raises."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def neighbours(first, second, ious, n):
    """Pairs as a list per mask: others and IoUs, those of mask i at offsets[i]:offsets[i + 1]."""
    offsets = np.zeros(n + 1, np.int64)
    for k in range(first.size):
        offsets[first[k] + 1] += 1
        offsets[second[k] + 1] += 1
    for i in range(n):
        offsets[i + 1] += offsets[i]
    cursor = offsets[:-1].copy()
    others, values = np.empty(offsets[n], np.int32), np.empty(offsets[n], np.float64)
    for k in range(first.size):
        for a, b in ((first[k], second[k]), (second[k], first[k])):
            others[cursor[a]], values[cursor[a]] = b, ious[k]
            cursor[a] += 1
    return offsets, others, values


@njit(cache=True, nogil=True)
def _before(a, b, keys, ranks):
    """Whether mask a leaves the heap before mask b."""
    return keys[a] > keys[b] or (keys[a] == keys[b] and ranks[a] < ranks[b])


@njit(cache=True, nogil=True)
def _sink(heap, at, places, keys, ranks):
    """Move the mask at a place of the heap down to where it belongs."""
    m = heap[at]
    while True:
        child = 2 * at + 1
        if child >= heap.size:
            break
        if child + 1 < heap.size and _before(heap[child + 1], heap[child], keys, ranks):
            child += 1
        if not _before(heap[child], m, keys, ranks):
            break
        heap[at] = heap[child]
        places[heap[at]] = at
        at = child
    heap[at] = m
    places[m] = at


@njit(cache=True, nogil=True)
def soft_scores(neighbourhood, scores, weights, order, threshold, sigma, min_score):
    """Scores after soft suppression, and who lowered each most (-1: nobody); O(pairs log N).

    The mask with the highest score x weight is taken out (of equal ones the first in ``order``) and
    lowers the scores of those it overlaps and that are still in: by 1 - IoU above the threshold if
    ``sigma`` is 0, else by exp(-IoU ** 2 / sigma). What has fallen to ``min_score`` lowers nobody.
    """
    offsets, others, ious = neighbourhood
    n = order.size
    scores = scores.copy()
    keys = scores * weights
    ranks, places = np.empty(n, np.int32), np.empty(n, np.int32)
    by, worst = np.full(n, -1, np.int32), np.zeros(n)
    heap = order.astype(np.int32)
    for rank in range(n):
        ranks[order[rank]] = places[order[rank]] = rank
    for size in range(n, 0, -1):
        m = heap[0]
        places[m] = -1
        if size > 1:
            heap[0] = heap[size - 1]
            _sink(heap[: size - 1], 0, places, keys, ranks)
        if scores[m] <= min_score:
            continue
        for e in range(offsets[m], offsets[m + 1]):
            other, iou = others[e], ious[e]
            if places[other] < 0 or (sigma == 0 and iou <= threshold):
                continue
            scores[other] *= 1 - iou if sigma == 0 else np.exp(-iou * iou / sigma)
            keys[other] = scores[other] * weights[other]
            if iou > worst[other]:
                by[other], worst[other] = m, iou
            _sink(heap[: size - 1], places[other], places, keys, ranks)
    return scores, by


@njit(cache=True, nogil=True)
def matrix_scores(neighbourhood, scores, ranks, sigma):
    """Scores after matrix suppression, and who lowered each (-1: nobody); O(pairs).

    Each mask is lowered by the one before it in rank that lowers it most; the effect of a mask is
    the less the more it is itself covered by one before it.
    """
    offsets, others, ious = neighbourhood
    n = ranks.size
    cover = np.zeros(n)
    for m in range(n):
        for e in range(offsets[m], offsets[m + 1]):
            if ranks[others[e]] < ranks[m]:
                cover[m] = max(cover[m], ious[e])
    factors, by = np.ones(n), np.full(n, -1, np.int32)
    for m in range(n):
        for e in range(offsets[m], offsets[m + 1]):
            other = others[e]
            # A copy of a mask before it has no effect of its own: that one has it.
            if ranks[other] > ranks[m] or cover[other] >= 1:
                continue
            if sigma == 0:
                factor = (1 - ious[e]) / (1 - cover[other])
            else:
                factor = np.exp(-sigma * (ious[e] * ious[e] - cover[other] * cover[other]))
            closer = factor == factors[m] and by[m] >= 0 and ranks[other] < ranks[by[m]]
            if factor < factors[m] or closer:
                factors[m], by[m] = factor, other
    return scores * factors, by
