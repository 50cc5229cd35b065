"""Compiled comparison of nuclei that are equally strong. Nothing here raises."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _compared(a, b, unscored, areas, classes, names, starts, lengths, offsets):
    """Below 0 if mask a comes before mask b, above 0 if after, 0 if they are the same."""
    if unscored[a] != unscored[b]:
        return np.int64(unscored[a]) - np.int64(unscored[b])
    if areas[a] != areas[b]:
        return areas[b] - areas[a]
    if classes[a] != classes[b]:
        return np.int64(classes[a]) - classes[b]
    if names[a] != names[b]:
        return np.int64(names[a]) - names[b]
    i, j = offsets[a], offsets[b]
    # Runs of equal areas cannot be a beginning of each other: they differ or are the same.
    while i < offsets[a + 1] and j < offsets[b + 1]:
        if starts[i] != starts[j]:
            return starts[i] - starts[j]
        if lengths[i] != lengths[j]:
            return np.int64(lengths[i]) - lengths[j]
        i += 1
        j += 1
    return np.int64(0)


@njit(cache=True, nogil=True)
def break_ties(order, strengths, places, unscored, areas, classes, names, starts, lengths, offsets):
    """Sort, in place, stretches of ``order`` that are equal in strength and place; their levels.

    Returns the level of each mask, int32 (N,): numbers from 0 in order; the same for the same.
    """
    keys = (unscored, areas, classes, names, starts, lengths, offsets)
    levels = np.empty(order.size, np.int32)
    for k in range(order.size):
        i = k
        m = order[k]
        while i > 0:
            before = order[i - 1]
            if strengths[before] != strengths[m] or places[before] != places[m]:
                break
            if _compared(before, m, *keys) <= 0:
                break
            order[i] = before
            i -= 1
        order[i] = m
    level = -1
    for k in range(order.size):
        m = order[k]
        before = order[k - 1] if k > 0 else m
        same = k > 0 and strengths[before] == strengths[m] and places[before] == places[m]
        if not same or _compared(before, m, *keys) != 0:
            level += 1
        levels[m] = level
    return levels
