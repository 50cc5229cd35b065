"""Compiled greedy suppression of masks. Nothing here raises.

Masks that may suppress each other are found first. Then each is settled, wherever it ranks: what it
has to wait for lies near it, and is settled before it. In the order of ranks every look at one of
10^6 masks would miss the cache, and cost four times as much.
"""

import numpy as np

from nucfuse.ensemble.kernels.matching import candidate_pairs
from nucfuse.ensemble.kernels.pair_overlap import covered, enough_shared, shared_by
from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import group_offsets

_KEPT, _OPEN = np.int32(-1), np.int32(-2)


@kernel
def suppress_masks(masks, groups, classes, strengths, threshold, smaller):
    """Which kept mask, the strongest, suppresses each, int32 (N,); -1 if it is kept.

    From the strongest to the weakest (float64 (N,), NaN is 1.0; of equal ones the first), a mask is
    suppressed if a kept one covers it by more than the threshold: their intersection over their
    union, or over the ``smaller`` area. Masks of one group, or of two classes, leave each other
    alone; either array may have no entries.
    """
    first, second = candidate_pairs(masks, groups, classes, threshold, smaller)
    ends, stronger = _stronger_neighbours(first, second, strengths)
    return _settled(masks, ends, stronger, strengths, threshold, smaller)


@kernel
def _settled(masks, ends, stronger, strengths, threshold, smaller):
    """As `suppress_masks`; ``stronger[ends[m]:ends[m + 1]]`` may suppress mask m."""
    n, areas = masks.areas.size, masks.areas
    by, best = np.full(n, _OPEN), np.full(n, _KEPT)
    stack, cursor = np.empty(n, np.int32), ends[:-1].copy()
    for root in range(n):
        stack[0], depth = root, np.int64(by[root] == _OPEN)
        while depth > 0:
            a, awaited = stack[depth - 1], _KEPT
            while awaited == _KEPT and cursor[a] < ends[a + 1]:
                b = stronger[cursor[a]]
                if by[b] == _OPEN:
                    awaited = b
                    continue
                cursor[a] += 1
                if by[b] == _KEPT and (best[a] == _KEPT or _goes_before(b, best[a], strengths)):
                    enough = enough_shared(areas[a], areas[b], threshold, smaller)
                    shared = shared_by(masks, a, b, enough)
                    if covered(shared, areas[a], areas[b], smaller) > threshold:
                        best[a] = b
            if awaited == _KEPT:
                by[a] = best[a]
                depth -= 1
            else:
                stack[depth] = awaited
                depth += 1
    return by


@kernel
def _stronger_neighbours(first, second, strengths):
    """Partners of each mask m that go before it: ``stronger[offsets[m]:offsets[m + 1]]``."""
    weaker = np.empty(first.size, np.int32)
    for k in range(first.size):
        before = _goes_before(first[k], second[k], strengths)
        weaker[k] = second[k] if before else first[k]
    offsets = group_offsets(weaker, strengths.size)
    stronger, cursor = np.empty(first.size, np.int32), offsets[:-1].copy()
    for k in range(first.size):
        m = weaker[k]
        stronger[cursor[m]] = first[k] + second[k] - m
        cursor[m] += 1
    return offsets, stronger


@kernel
def _goes_before(a, b, strengths):
    """Whether mask a is stronger than mask b, or as strong and before it."""
    s, t = strengths[a], strengths[b]
    s, t = (1.0 if np.isnan(s) else s), (1.0 if np.isnan(t) else t)
    return s > t or (s == t and a < b)
