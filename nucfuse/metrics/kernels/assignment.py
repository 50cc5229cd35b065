"""One-to-one assignment of sparse pairs, in compiled code. Pairs come sorted by row.

The work is that of the pairs that compete: most pairs are settled by a local rule, the rest by
shortest augmenting paths that stay among their neighbours. No table of rows by columns is made.
"""

import heapq

import numpy as np
from numba import njit

# A sweep that settles one pair can make room for the next; more sweeps than this rarely pay.
_SWEEPS = 4


@njit(cache=True, nogil=True)
def heaviest_matching(rows, cols, weights, n_rows, n_cols):
    """Matching of the largest total weight: the pair of each row, -1 if it stays alone.

    Weights are above 0. int32 (K,), (K,), float64 (K,) -> int64 (n_rows,).
    """
    of_row = np.full(n_rows, -1, np.int64)
    of_col = np.full(n_cols, -1, np.int64)
    for _ in range(_SWEEPS):
        settled, open_pairs = _settle_dominant(rows, cols, weights, of_row, of_col)
        if open_pairs == 0:
            return of_row
        if settled == 0:
            break
    _match_rest(rows, cols, weights, of_row, of_col)
    return of_row


@njit(cache=True, nogil=True)
def _settle_dominant(rows, cols, weights, of_row, of_col):
    """Take pairs at least as heavy as any two they exclude; returns taken pairs, pairs left open.

    Some best matching holds such a pair: in any other, at most one pair at its row and one at its
    column would make way for it. Pairs taken meanwhile only lower the tops, which stay valid.
    """
    row_tops = _two_heaviest(rows, rows, cols, weights, of_row, of_col, of_row.size)
    col_tops = _two_heaviest(cols, rows, cols, weights, of_row, of_col, of_col.size)
    settled, left = 0, 0
    for k in range(rows.size):
        r, c = rows[k], cols[k]
        if of_row[r] >= 0 or of_col[c] >= 0:
            continue
        w = weights[k]
        at_row = row_tops[r, 1] if w == row_tops[r, 0] else row_tops[r, 0]
        at_col = col_tops[c, 1] if w == col_tops[c, 0] else col_tops[c, 0]
        if w >= at_row + at_col:
            of_row[r], of_col[c] = k, k
            settled += 1
        else:
            left += 1
    return settled, left


@njit(cache=True, nogil=True)
def _two_heaviest(index, rows, cols, weights, of_row, of_col, n):
    """The two largest weights among the open pairs of each row (or column), float64 (n, 2)."""
    tops = np.zeros((n, 2))
    for k in range(rows.size):
        if of_row[rows[k]] >= 0 or of_col[cols[k]] >= 0:
            continue
        i, w = index[k], weights[k]
        if w > tops[i, 0]:
            tops[i, 1] = tops[i, 0]
            tops[i, 0] = w
        elif w > tops[i, 1]:
            tops[i, 1] = w
    return tops


@njit(cache=True, nogil=True)
def _match_rest(rows, cols, weights, of_row, of_col):
    """Hungarian method on the pairs whose row and column are both free, row after row."""
    is_open = np.zeros(rows.size, np.bool_)
    first = np.zeros(of_row.size + 1, np.int64)
    row_price = np.zeros(of_row.size)
    for k in range(rows.size):
        first[rows[k] + 1] += 1
        if of_row[rows[k]] < 0 and of_col[cols[k]] < 0:
            is_open[k] = True
            row_price[rows[k]] = max(row_price[rows[k]], weights[k])
    for r in range(of_row.size):
        first[r + 1] += first[r]
    col_price = np.zeros(of_col.size)
    cost = np.full(of_col.size, np.inf)
    via = np.full(of_col.size, -1, np.int64)
    done = np.zeros(of_col.size, np.bool_)
    for r in range(of_row.size):
        if row_price[r] > 0.0 and of_row[r] < 0:
            _augment(
                r, first, rows, cols, weights, is_open, row_price, col_price,
                of_row, of_col, cost, via, done,
            )  # fmt: skip


@njit(cache=True, nogil=True)
def _augment(source, first, rows, cols, weights, is_open, row_price, col_price,
             of_row, of_col, cost, via, done):  # fmt: skip
    """Give the source row its best place along the cheapest alternating path (Dijkstra).

    The path ends at a free column, or at a row that is left alone (which costs its price).
    ``cost``, ``via`` and ``done`` are scratch and are handed back as they came.
    """
    heap, touched = [(0.0, np.int64(-1))], [np.int64(-1)]
    best, end_row, end_col = row_price[source], source, -1
    row, so_far = source, 0.0
    while True:
        for k in range(first[row], first[row + 1]):
            c = cols[k]
            if not is_open[k] or done[c]:
                continue
            to = so_far + max(0.0, row_price[row] + col_price[c] - weights[k])
            if to >= cost[c] or to >= best:
                continue
            if cost[c] == np.inf:
                touched.append(np.int64(c))
            cost[c], via[c] = to, k
            if of_col[c] < 0:
                best, end_row, end_col = to, -1, c
            else:
                heapq.heappush(heap, (to, np.int64(c)))
        c = _nearest(heap, done)
        if c < 0 or cost[c] >= best:
            break
        done[c] = True
        row, so_far = rows[of_col[c]], cost[c]
        if so_far + row_price[row] < best:
            best, end_row, end_col = so_far + row_price[row], row, -1
    _update_prices(source, best, touched, rows, row_price, col_price, of_col, cost, done)
    _flip(source, end_row, end_col, rows, cols, of_row, of_col, via)
    for c in touched:
        if c >= 0:
            cost[c], via[c], done[c] = np.inf, -1, False


@njit(cache=True, nogil=True)
def _nearest(heap, done):
    """Pop the cheapest column not done yet; -1 if there is none."""
    while len(heap) > 0:
        c = heapq.heappop(heap)[1]
        if c >= 0 and not done[c]:
            return c
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _update_prices(source, best, touched, rows, row_price, col_price, of_col, cost, done):
    """Keep every pair's price at least its weight, and equal for matched pairs."""
    row_price[source] -= best
    for c in touched:
        if c >= 0 and done[c]:
            row_price[rows[of_col[c]]] -= best - cost[c]
            col_price[c] += best - cost[c]


@njit(cache=True, nogil=True)
def _flip(source, end_row, end_col, rows, cols, of_row, of_col, via):
    """Exchange matched and unmatched pairs from the end of the path back to its source."""
    if end_row == source:
        return
    c = end_col
    if c < 0:
        c = cols[of_row[end_row]]
        of_row[end_row] = -1
    while True:
        k = via[c]
        r = rows[k]
        before = of_row[r]
        of_row[r], of_col[c] = k, k
        if r == source:
            return
        c = cols[before]
