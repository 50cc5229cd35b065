"""One-to-one assignment of sparse pairs, in compiled code. Pairs come sorted by row.

The work is that of the pairs that compete: most pairs are settled by a local rule, the rest by
shortest augmenting paths that stay among their neighbours. No table of rows by columns is made.
"""

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import group_offsets
from nucfuse.metrics.kernels.matching import no_pairs

# A sweep that settles one pair can make room for the next; more sweeps than this rarely pay.
_SWEEPS = 4


@kernel
def settle_dominant(rows, cols, weights, n_rows, n_cols):
    """Take pairs at least as heavy as any two they exclude.

    Some best matching holds such a pair: in any other, at most one pair at its row and one at its
    column would make way for it. Pairs taken meanwhile only lower the tops, which stay valid.

    Parameters
    ----------
    rows, cols : int32 (K,)
    weights : float64 (K,)
        Above 0.

    Returns
    -------
    of_row, of_col : int64 (n_rows,), (n_cols,)
        Pair that is taken of each, -1 for none.
    n_open : int
        Pairs left over, at most; 0 if the matching is done.
    """
    of_row, of_col = no_pairs(n_rows), no_pairs(n_cols)
    for _ in range(_SWEEPS):
        row_tops = _two_heaviest(rows, rows, cols, weights, of_row, of_col)
        col_tops = _two_heaviest(cols, rows, cols, weights, of_row, of_col)
        n_settled, n_open = 0, 0
        for k in range(rows.size):
            r, c = rows[k], cols[k]
            if of_row[r] >= 0 or of_col[c] >= 0:
                continue
            w = weights[k]
            at_row = row_tops[r, 1] if w == row_tops[r, 0] else row_tops[r, 0]
            at_col = col_tops[c, 1] if w == col_tops[c, 0] else col_tops[c, 0]
            if w >= at_row + at_col:
                of_row[r], of_col[c] = k, k
                n_settled += 1
            else:
                n_open += 1
        if n_open == 0 or n_settled == 0:
            break
    return of_row, of_col, n_open


@kernel
def _two_heaviest(index, rows, cols, weights, of_row, of_col):
    """Find the two largest weights among the open pairs of each row (or column), float64 (n, 2)."""
    tops = np.zeros((max(of_row.size, of_col.size), 2))
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


class _Graph(NamedTuple):
    """Pairs (K,) by row: those of row r are ``first[r]:first[r + 1]``; only open ones count."""

    first: NDArray[np.int64]
    rows: NDArray[np.int32]
    cols: NDArray[np.int32]
    weights: NDArray[np.float64]
    is_open: NDArray[np.bool_]


class _Prices(NamedTuple):
    """Dual variables: the prices of a pair's row and column are together at least its weight."""

    row: NDArray[np.float64]
    col: NDArray[np.float64]


class _Search(NamedTuple):
    """Shortest path to each column: its cost, its last pair, and whether it is final."""

    cost: NDArray[np.float64]
    via: NDArray[np.int64]
    done: NDArray[np.bool_]


@kernel
def match_rest(rows, cols, weights, of_row, of_col):
    """Hungarian method on the pairs whose row and column are both free, row after row.

    Fills in ``of_row`` and ``of_col`` of `settle_dominant`.
    """
    graph = _Graph(
        group_offsets(rows, of_row.size), rows, cols, weights, np.zeros(rows.size, np.bool_)
    )
    prices = _Prices(np.zeros(of_row.size), np.zeros(of_col.size))
    for k in range(rows.size):
        if of_row[rows[k]] < 0 and of_col[cols[k]] < 0:
            graph.is_open[k] = True
            prices.row[rows[k]] = max(prices.row[rows[k]], weights[k])
    search = _Search(
        np.full(of_col.size, np.inf), no_pairs(of_col.size), np.zeros(of_col.size, np.bool_)
    )
    for r in range(of_row.size):
        if prices.row[r] > 0.0 and of_row[r] < 0:
            _augment(r, graph, prices, search, of_row, of_col)


@kernel
def _augment(source, graph, prices, search, of_row, of_col):
    """Give the source row its best place along the cheapest alternating path.

    Keeps every pair's price at least its weight, and equal for matched pairs.
    """
    touched = [np.int64(-1)]
    best, end_row, end_col = _shortest_path(source, graph, prices, search, of_col, touched)
    cost, done = search.cost, search.done
    prices.row[source] -= best
    for c in touched:
        if c >= 0 and done[c]:
            prices.row[graph.rows[of_col[c]]] -= best - cost[c]
            prices.col[c] += best - cost[c]
    if end_row != source:
        _exchange(source, end_row, end_col, graph, search.via, of_row, of_col)
    for c in touched:
        if c >= 0:
            cost[c], search.via[c], done[c] = np.inf, -1, False


@kernel
def _shortest_path(source, graph, prices, search, of_col, touched):
    """Dijkstra from a row to a free column, or to a row that is left alone (costs its price).

    Returns the cost and the row or column (the other is -1); adds columns it saw to ``touched``.
    """
    heap = [(0.0, np.int64(-1))]
    cost, done = search.cost, search.done
    best, end_row, end_col = prices.row[source], source, -1
    row, so_far = source, 0.0
    while True:
        for k in range(graph.first[row], graph.first[row + 1]):
            c = graph.cols[k]
            if not graph.is_open[k] or done[c]:
                continue
            to = so_far + max(0.0, prices.row[row] + prices.col[c] - graph.weights[k])
            if to >= cost[c] or to >= best:
                continue
            if cost[c] == np.inf:
                touched.append(np.int64(c))
            cost[c], search.via[c] = to, k
            if of_col[c] < 0:
                best, end_row, end_col = to, -1, c
            else:
                heapq.heappush(heap, (to, np.int64(c)))
        c = _nearest(heap, done)
        if c < 0 or cost[c] >= best:
            return best, end_row, end_col
        done[c] = True
        row, so_far = graph.rows[of_col[c]], cost[c]
        if so_far + prices.row[row] < best:
            best, end_row, end_col = so_far + prices.row[row], row, -1


@kernel
def _nearest(heap, done):
    """Pop the cheapest column not done yet; -1 if there is none."""
    while len(heap) > 0:
        c = heapq.heappop(heap)[1]
        if c >= 0 and not done[c]:
            return c
    return np.int64(-1)


@kernel
def _exchange(source, end_row, end_col, graph, via, of_row, of_col):
    """Exchange matched and unmatched pairs from the end of the path back to its source."""
    c = end_col
    if c < 0:
        c = graph.cols[of_row[end_row]]
        of_row[end_row] = -1
    while True:
        k = via[c]
        r = graph.rows[k]
        before = of_row[r]
        of_row[r], of_col[c] = k, k
        if r == source:
            return
        c = graph.cols[before]
