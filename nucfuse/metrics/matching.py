"""Which predicted nucleus is which true one: the matching every score is taken from."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.kernels.arrays import Pairs
from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.kernels import assignment, matching

# Where two matchings have the same total IoU, the one that shares more pixels is taken; this much
# of the total IoU is given up for it at most.
_TIE = 1e-9


class Hits(NamedTuple):
    """Hits of one image; arrays over nuclei hold its T truths, then its N predictions.

    Attributes
    ----------
    at_half, above_half : ndarray of int64, shape (T + N,)
        Place in the overlaps of the pair that is the hit at IoU 0.5, by the rule of the score and
        by ">" (pairs of exactly 0.5 may be among these and do not count); -1 for none.
    is_hit : ndarray of bool, shape (P, T + N)
        Whether each nucleus is a hit at each threshold.
    """

    at_half: NDArray[np.int64]
    above_half: NDArray[np.int64]
    is_hit: NDArray[np.bool_]


def pairs_of(overlaps: Overlaps) -> Pairs:
    """Hand out the overlaps of an image as kernels take them."""
    return Pairs(overlaps.true_index, overlaps.pred_index, overlaps.pixels, overlaps.unions)


def take_pairs(pairs: Pairs, some: NDArray[Any]) -> Pairs:
    """Select pairs by a mask or by their places."""
    return Pairs(pairs.rows[some], pairs.cols[some], pairs.pixels[some], pairs.unions[some])


def find_hits(
    pairs: Pairs, overlaps: Overlaps, percents: NDArray[np.int64], is_strict: bool
) -> Hits:
    """Match predictions to truths, one to one, at every threshold.

    A pair is a hit if its IoU is above the threshold (strict), or on it, too; compared as integers,
    ``100 * shared > percent * union``. On disjoint masks and thresholds from 50 % the hits are
    unique. Else (lower thresholds, masks that overlap) the number of hits is the largest possible,
    and their total IoU the largest of all such choices.

    Parameters
    ----------
    pairs : Pairs
        Those of ``overlaps``, or some, or with other numbers of pixels.
    overlaps : Overlaps
        Says how many nuclei there are, and whether they are disjoint.
    percents : ndarray of int64, shape (P,)
        Thresholds, see `request.percent_array`.
    is_strict : bool
    """
    sizes = overlaps.true_areas.size, overlaps.pred_areas.size
    disjoint = are_disjoint(overlaps)
    at_half, is_hit = matching.unique_hits(pairs, percents, is_strict, *sizes)
    if disjoint and percents[0] >= 50:
        return Hits(at_half, at_half, is_hit)
    for i, percent in enumerate(percents.tolist()):
        if percent < 50 or not disjoint:
            is_hit[i] = _assigned_hits(pairs, percent, is_strict, *sizes) >= 0
    if disjoint:
        return Hits(at_half, at_half, is_hit)
    at_half = _assigned_hits(pairs, 50, is_strict, *sizes)
    above_half = at_half if is_strict else _assigned_hits(pairs, 50, True, *sizes)
    return Hits(at_half, above_half, is_hit)


def are_disjoint(overlaps: Overlaps) -> bool:
    """Whether no pixel lies in two masks of one side, on either side."""
    return bool(overlaps.true_disjoint and overlaps.pred_disjoint)


def _assigned_hits(
    pairs: Pairs, percent: int, is_strict: bool, n_true: int, n_pred: int
) -> NDArray[np.int64]:
    """Maximum number of one-to-one hits, among these the largest total IoU; pairs, (T + N,)."""
    pixels, least = 100 * pairs.pixels, percent * pairs.unions
    some = np.flatnonzero(pixels > least if is_strict else pixels >= least)
    open_pairs = take_pairs(pairs, some)
    # One more hit must outweigh all IoU that it could cost: at most one for each hit.
    per_hit = min(n_true, n_pred) + 1.0
    weights = per_hit + _iou_weights(open_pairs)
    taken = heaviest_matching(open_pairs.rows, open_pairs.cols, weights, n_true, n_pred)
    hit = np.full(n_true + n_pred, -1, np.int64)
    hit[open_pairs.rows[taken]] = hit[n_true + open_pairs.cols[taken]] = some[taken]
    return hit


def most_iou(pairs: Pairs, n_true: int, n_pred: int) -> NDArray[np.int64]:
    """Pairs (M,) of the one-to-one matching of the largest total IoU."""
    return heaviest_matching(pairs.rows, pairs.cols, _iou_weights(pairs), n_true, n_pred)


def _iou_weights(pairs: Pairs) -> NDArray[np.float64]:
    """IoU of each pair plus a trifle for the pixels it shares, which settles ties."""
    return pairs.pixels / pairs.unions + _TIE * pairs.pixels / (1 + pairs.pixels.sum())


def heaviest_matching(
    rows: NDArray[np.int32], cols: NDArray[np.int32], weights: NDArray[np.float64],
    n_rows: int, n_cols: int,
) -> NDArray[np.int64]:  # fmt: skip
    """One-to-one matching of the largest total weight.

    Parameters
    ----------
    rows, cols : ndarray of int32, shape (K,)
        Pairs sorted by row.
    weights : ndarray of float64, shape (K,)
        Above 0.
    n_rows, n_cols : int

    Returns
    -------
    ndarray of int64, shape (M,)
        The pairs that are taken, by row.
    """
    of_row, of_col, n_open = assignment.settle_dominant(rows, cols, weights, n_rows, n_cols)
    if n_open:
        assignment.match_rest(rows, cols, weights, of_row, of_col)
    return of_row[of_row >= 0]


def partner_of(pairs: NDArray[np.int64], index: NDArray[np.int32]) -> NDArray[np.int64]:
    """Row or column of each pair named by its place in the overlaps; -1 where there is none."""
    partners = np.full(pairs.size, -1, np.int64)
    some = pairs >= 0
    partners[some] = index[pairs[some]]
    return partners


def iou_of(pairs: NDArray[np.int64], of: Pairs) -> NDArray[np.float64]:
    """IoU of each pair named by its place in the overlaps; 0 where there is none."""
    iou = np.zeros(pairs.size)
    some = pairs >= 0
    iou[some] = of.pixels[pairs[some]] / of.unions[pairs[some]]
    return iou
