"""Compiled soft and matrix suppression, on sparse pairs. Nothing here raises."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import group_offsets


class Neighbours(NamedTuple):
    """Which masks each overlaps: mask i ``others[offsets[i]:offsets[i + 1]]``, by these IoU."""

    offsets: NDArray[np.int64]
    others: NDArray[np.int32]
    ious: NDArray[np.float64]


@kernel
def neighbours(first, second, ious, n):
    """`Neighbours` of n masks from the pairs that overlap."""
    n_pairs = first.size
    owners = np.empty(2 * n_pairs, np.int32)
    for k in range(n_pairs):
        owners[2 * k], owners[2 * k + 1] = first[k], second[k]
    offsets = group_offsets(owners, n)
    others, values = np.empty(2 * n_pairs, np.int32), np.empty(2 * n_pairs)
    cursor = offsets.copy()
    for k in range(2 * n_pairs):
        at = cursor[owners[k]]
        others[at], values[at] = owners[k ^ 1], ious[k // 2]
        cursor[owners[k]] += 1
    return Neighbours(offsets, others, values)


@kernel
def soft_scores(near, scores, weights, order, threshold, sigma, min_score):
    """Scores after soft suppression, and who lowered each most (-1: nobody); O(pairs log N).

    The mask with the highest score x weight is taken out (of equal ones the first in ``order``) and
    lowers the scores of those it overlaps and that are still in: by 1 - IoU above the threshold if
    ``sigma`` is 0, else by exp(-IoU ** 2 / sigma). What has fallen to ``min_score`` lowers nobody.
    """
    n = order.size
    scores, keys = scores.copy(), np.empty(n)
    ranks, places = np.empty(n, np.int32), np.empty(n, np.int32)
    by, worst = np.full(n, -1, np.int32), np.zeros(n)
    heap = np.empty(n, np.int32)
    for rank in range(n):
        m = order[rank]
        heap[rank], ranks[m], places[m], keys[m] = m, rank, rank, scores[m] * weights[m]
    for size in range(n, 0, -1):
        m = heap[0]
        places[m] = -1
        if size > 1:
            heap[0] = heap[size - 1]
            _sink(heap[: size - 1], 0, places, keys, ranks)
        if scores[m] <= min_score:
            continue
        for e in range(near.offsets[m], near.offsets[m + 1]):
            other, iou = near.others[e], near.ious[e]
            if places[other] < 0 or (sigma == 0 and iou <= threshold):
                continue
            scores[other] *= 1 - iou if sigma == 0 else np.exp(-iou * iou / sigma)
            keys[other] = scores[other] * weights[other]
            if iou > worst[other]:
                by[other], worst[other] = m, iou
            _sink(heap[: size - 1], places[other], places, keys, ranks)
    return scores, by


@kernel
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


@kernel
def _before(a, b, keys, ranks):
    """Whether mask a leaves the heap before mask b."""
    return keys[a] > keys[b] or (keys[a] == keys[b] and ranks[a] < ranks[b])


@kernel
def matrix_scores(near, scores, ranks, sigma):
    """Scores after matrix suppression, and who lowered each (-1: nobody); O(pairs).

    Each mask is lowered by the one before it in rank that lowers it most; the effect of a mask is
    the less the more it is itself covered by one before it.
    """
    n = ranks.size
    cover = np.zeros(n)
    for m in range(n):
        for e in range(near.offsets[m], near.offsets[m + 1]):
            if ranks[near.others[e]] < ranks[m]:
                cover[m] = max(cover[m], near.ious[e])
    lowered, by = np.empty(n), np.full(n, -1, np.int32)
    for m in range(n):
        least = 1.0
        for e in range(near.offsets[m], near.offsets[m + 1]):
            other, iou = near.others[e], near.ious[e]
            # A copy of a mask before it has no effect of its own: that one has it.
            if ranks[other] > ranks[m] or cover[other] >= 1:
                continue
            if sigma == 0:
                factor = (1 - iou) / (1 - cover[other])
            else:
                factor = np.exp(-sigma * (iou * iou - cover[other] * cover[other]))
            closer = factor == least and by[m] >= 0 and ranks[other] < ranks[by[m]]
            if factor < least or closer:
                least, by[m] = factor, other
        lowered[m] = scores[m] * least
    return lowered, by
