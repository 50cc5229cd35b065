"""Compiled votes on plain masks (one run in every column), all columns at once. Nothing raises.

Loops over columns hold no branch and no division, so that they compile to vector instructions: on
8,000 nuclei in a 2048 x 2048 image this takes a third of the time of walking along the runs.
"""

import numpy as np
from numba import njit

_FAR = np.int32(2**31 - 1)  # below every row


@njit(cache=True, nogil=True)
def _fill(masks, members, x0, w, begins, ends, last_begin, first_end):
    """Write where each member begins and ends in each of w columns, far and -1 where it has no run.

    Also the last begin and the first end of those that have one.
    """
    offsets, boxes, tops, bottoms = masks[2], masks[3], masks[6], masks[7]
    last_begin[:] = -1
    first_end[:] = _FAR
    for k in range(members.size):
        m = members[k]
        begins[k, :w] = _FAR
        ends[k, :w] = -1
        a, n = boxes[m, 1] - x0, boxes[m, 3] - boxes[m, 1]
        top, bottom = tops[offsets[m] : offsets[m] + n], bottoms[offsets[m] : offsets[m] + n]
        begin, end = begins[k, a : a + n], ends[k, a : a + n]
        latest, earliest = last_begin[a : a + n], first_end[a : a + n]
        for x in range(n):
            begin[x], end[x] = top[x], bottom[x]
            latest[x] = max(latest[x], top[x])
            earliest[x] = min(earliest[x], bottom[x])


@njit(cache=True, nogil=True)
def _quorums(begins, ends, votes, needed, cast, left, low, high):
    """Write the first and last (half-open) row with enough votes in each column.

    Right where all runs of a column share a row: then votes only rise to there and fall from there.
    """
    w = cast.size
    low[:] = _FAR
    high[:] = _FAR
    total = votes.sum()
    for j in range(votes.size):
        begin_j, end_j = begins[j, :w], ends[j, :w]
        cast[:] = 0
        left[:] = total
        for k in range(votes.size):
            begin_k, end_k, vote = begins[k, :w], ends[k, :w], votes[k]
            for x in range(w):
                cast[x] += vote if begin_k[x] <= begin_j[x] else 0
            for x in range(w):
                left[x] -= vote if end_k[x] <= end_j[x] else 0
        for x in range(w):
            low[x] = min(low[x], begin_j[x] if cast[x] > needed else _FAR)
            high[x] = min(high[x], end_j[x] if left[x] <= needed else _FAR)


@njit(cache=True, nogil=True)
def columns_of(masks, members):
    """First and last (half-open) column of some masks; the last is -1 unless all are plain."""
    boxes, plain = masks[3], masks[8]
    x0, x1 = boxes[members[0], 1], boxes[members[0], 3]
    for m in members:
        if not plain[m]:
            return x0, np.int32(-1)
        x0, x1 = min(x0, boxes[m, 1]), max(x1, boxes[m, 3])
    return x0, x1


@njit(cache=True, nogil=True)
def vote_in_columns(masks, members, votes, needed, x0, w, room):
    """Vote on plain masks in w columns; the rows that are in are in the first two rows of room[0].

    ``room`` is int32 (4, W), int32 (K, W) twice and int64 (2, W) to work in, for K members and W
    columns. In a column without votes enough, the first row is not above the last (half-open) one.
    Returns False if the runs of a column do not all share a row: then it may need two runs.
    """
    rows, begins, ends, counts = room  # each row contiguous, or nothing is vectorised
    last_begin, first_end = rows[2, :w], rows[3, :w]
    _fill(masks, members, x0, w, begins, ends, last_begin, first_end)
    n_apart = 0
    for x in range(w):
        n_apart += last_begin[x] >= first_end[x]
    if n_apart:
        return False
    _quorums(begins, ends, votes, needed, counts[0, :w], counts[1, :w], rows[0, :w], rows[1, :w])
    return True
