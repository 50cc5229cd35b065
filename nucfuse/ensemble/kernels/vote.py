"""Compiled votes over the pixels of clusters of masks, on their runs. Nothing here raises.

Clusters of plain masks are left to `_column_kernels`. The members of others are walked through
together, run by run: runs that all have a pixel in common and touch no others are voted on by
comparing their ends, only the rest needs a sweep from end to end (which alone takes three times as
long on 7,600 nuclei in a 2048 x 2048 image).
"""

import numpy as np
from numba import njit

from nucfuse.ensemble.kernels.vote_columns import (
    columns_of,
    emit,
    plain_masks,
    room_for,
    vote_in_columns,
)
from nucfuse.masks.kernels.arrays import grown

_BEYOND = np.int64(1) << 62  # after every pixel


@njit(cache=True, nogil=True)
def _load(runs, mask, run, k, begins, ends):
    """Note where a run of member k of a cluster begins and ends; beyond all if it has no more."""
    starts, lengths, offsets = runs
    if run < offsets[mask + 1]:
        begins[k] = starts[run]
        ends[k] = starts[run] + lengths[run]
    else:
        begins[k] = ends[k] = _BEYOND


@njit(cache=True, nogil=True)
def _alone(runs, masks, cursors, begins, ends):
    """First end of the runs at hand if those begun before it touch no other runs, else -1."""
    starts, _, offsets = runs
    first_end = _BEYOND
    for k in range(masks.size):
        first_end = min(first_end, ends[k])
    last_end, next_begin = np.int64(0), _BEYOND
    for k in range(masks.size):
        if begins[k] >= first_end:
            next_begin = min(next_begin, begins[k])
            continue
        last_end = max(last_end, ends[k])
        if cursors[k] + 1 < offsets[masks[k] + 1]:
            next_begin = min(next_begin, starts[cursors[k] + 1])
    return first_end if last_end <= next_begin else np.int64(-1)


@njit(cache=True, nogil=True)
def _quorum(first_end, begins, ends, votes, needed):
    """First and last (half-open) pixel with enough votes, of runs that all share a pixel."""
    total = np.int64(0)
    for k in range(votes.size):
        if begins[k] < first_end:
            total += votes[k]
    if total <= needed:
        return np.int64(0), np.int64(0)
    begin = end = _BEYOND
    for j in range(votes.size):
        if begins[j] >= first_end:
            continue
        cast, left = np.int64(0), total
        for k in range(votes.size):
            if begins[k] < first_end:
                cast += votes[k] if begins[k] <= begins[j] else 0
                left -= votes[k] if ends[k] <= ends[j] else 0
        if cast > needed:
            begin = min(begin, begins[j])
        if left <= needed:
            end = min(end, ends[j])
    return begin, end


@njit(cache=True, nogil=True)
def _sweep(runs, masks, cursors, begins, ends, votes, needed, out_starts, out_lengths, n, first):
    """Vote from end to end until no run is open; appends to the output and returns its length."""
    cast, is_in, n_open, since = np.int64(0), False, 0, np.int64(0)
    while True:
        at = _BEYOND
        for k in range(masks.size):
            # A run that is open has no begin any more.
            at = min(at, ends[k] if begins[k] < 0 else begins[k])
        for k in range(masks.size):
            if begins[k] == at:
                begins[k] = -1
                cast += votes[k]
                n_open += 1
            elif begins[k] < 0 and ends[k] == at:
                cast -= votes[k]
                n_open -= 1
                cursors[k] += 1
                # The next run of a mask begins later, for runs of one mask do not touch.
                _load(runs, masks[k], cursors[k], k, begins, ends)
        if (cast > needed) != is_in:
            is_in = not is_in
            if is_in:
                since = at
            else:
                n = emit(out_starts, out_lengths, n, first, since, at)
        if n_open == 0:
            return n


@njit(cache=True, nogil=True)
def _vote(runs, masks, votes, needed, state, out_starts, out_lengths, n):
    """Append the runs that win the vote in one cluster to the output; its length then."""
    cursors, begins, ends = state[0, : masks.size], state[1, : masks.size], state[2, : masks.size]
    for k in range(masks.size):
        cursors[k] = runs[2][masks[k]]
        _load(runs, masks[k], cursors[k], k, begins, ends)
    first = n
    while True:
        nearest = _BEYOND
        for k in range(masks.size):
            nearest = min(nearest, begins[k])
        if nearest == _BEYOND:
            return n
        first_end = _alone(runs, masks, cursors, begins, ends)
        if first_end < 0:
            n = _sweep(
                runs, masks, cursors, begins, ends, votes, needed, out_starts, out_lengths, n, first
            )
            continue
        begin, end = _quorum(first_end, begins, ends, votes, needed)
        if begin < end:
            n = emit(out_starts, out_lengths, n, first, begin, end)
        for k in range(masks.size):
            if begins[k] < first_end:
                cursors[k] += 1
                _load(runs, masks[k], cursors[k], k, begins, ends)


@njit(cache=True, nogil=True)
def _sizes(masks, members, groups):
    """Runs of the members of each cluster; members of the largest, columns of the widest one."""
    offsets, boxes = masks[2], masks[3]
    runs = np.zeros(groups.size - 1, np.int64)
    most, widest = np.int64(0), np.int64(0)
    for c in range(runs.size):
        x0, x1 = np.int64(boxes[members[groups[c]], 1]), np.int64(0)
        for m in members[groups[c] : groups[c + 1]]:
            runs[c] += offsets[m + 1] - offsets[m]
            x0, x1 = min(x0, boxes[m, 1]), max(x1, boxes[m, 3])
        most, widest = max(most, groups[c + 1] - groups[c]), max(widest, x1 - x0)
    return runs, most, widest


@njit(cache=True, nogil=True)
def voted_runs(masks, members, groups, votes, needed):
    """Pixels of each cluster whose members cast more votes than needed -> starts, lengths, offsets.

    Cluster c has the masks ``members[groups[c]:groups[c + 1]]``; each casts its ``votes`` (int64,
    in the order of members) on all of its pixels, and a pixel with more than ``needed[c]`` is in.
    ``masks`` as in `_pair_kernels`. O(runs x members of a cluster).
    """
    plain = plain_masks(masks)
    sizes, most, widest = _sizes(masks, members, groups)
    # Most results have no more runs than their largest member: fresh memory is what takes time.
    room = 2 * sizes.sum() // max(1, most)
    out_starts, out_lengths = np.empty(room, np.int64), np.empty(room, np.int64)
    out_offsets = np.zeros(needed.size + 1, np.int64)
    state, rows = np.empty((3, most), np.int64), room_for(most, widest)
    n = 0
    for c in range(needed.size):
        if n + sizes[c] > out_starts.size:
            size = 2 * n + sizes[c]
            out_starts, out_lengths = grown(out_starts, size), grown(out_lengths, size)
        own, cast = members[groups[c] : groups[c + 1]], votes[groups[c] : groups[c + 1]]
        x0, x1 = columns_of(masks[3], plain, own)
        if x1 >= 0:
            n = vote_in_columns(
                masks, own, cast, needed[c], x0, x1, rows, out_starts, out_lengths, n
            )
        else:
            n = _vote(masks[:3], own, cast, needed[c], state, out_starts, out_lengths, n)
        out_offsets[c + 1] = n
    return out_starts[:n], out_lengths[:n], out_offsets
