"""All that follows from the overlaps of one image, in one compiled call."""

import numpy as np
from numba import njit

from nucfuse.metrics.kernels import anatomy as errors
from nucfuse.metrics.kernels import scores
from nucfuse.metrics.kernels.matching import closest, hits_at, most_shared, unions_of

# What `measure_image` writes, in this order, after the sizes of both sides.
SCORE_COLUMNS = (
    "dsb_ap", "pq", "sq", "rq", "aji", "aji_plus", "dice", "pixel_iou", "object_dice",
)  # fmt: skip
ERROR_COLUMNS = ("missed", "spurious", "split", "merged", "poor_boundary")
_N_SCORES = len(SCORE_COLUMNS)
_N_ERRORS = len(ERROR_COLUMNS)


@njit(cache=True, nogil=True)
def measure_image(rows, cols, pixels, true_areas, pred_areas, true_fg, pred_fg, shared_fg,
                  disjoint, percents, strict):  # fmt: skip
    """One image -> its numbers, hits per threshold, and arrays over its truths, then predictions.

    Returns
    -------
    numbers : float64 (scores, errors, mended scores), ordered as the column names
    tp : int64 (P,)
    kinds : int8 (T + N,)
    hit, best : int64 (T + N,), the pair that is the hit and the closest pair, -1 for none
    unions : int64 (K,)
    """
    n_true, n_pred = true_areas.size, pred_areas.size
    n = n_true + n_pred
    unions = unions_of(rows, cols, pixels, true_areas, pred_areas)
    hit, best, kinds = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int8)
    hits_at(rows, cols, pixels, unions, 50, strict, disjoint, hit[:n_true], hit[n_true:])
    best[:n_true] = closest(rows, pixels, unions, n_true)
    best[n_true:] = closest(cols, pixels, unions, n_pred)
    most_true = most_shared(rows, pixels, unions, n_true)
    most_pred = most_shared(cols, pixels, unions, n_pred)
    numbers = np.zeros(_N_SCORES + _N_ERRORS + errors.N_MENDS)
    bits = _find_errors(rows, cols, pixels, unions, true_areas, pred_areas, hit, best, most_true,
                        most_pred, kinds, numbers[_N_SCORES : _N_SCORES + _N_ERRORS])  # fmt: skip
    tp, hits = _precision(rows, cols, pixels, unions, n_true, n_pred, percents, strict, disjoint,
                          bits, numbers[:1], numbers[_N_SCORES + _N_ERRORS :])  # fmt: skip
    of_true = hit[:n_true]
    if not strict:
        hits_at(rows, cols, pixels, unions, 50, True, disjoint, hits[:n_true], hits[n_true:])
        of_true = hits[:n_true]
    numbers[1], numbers[2], numbers[3] = scores.panoptic(of_true, n_pred, pixels, unions)
    numbers[4] = scores.aji(best[:n_true], cols, pixels, unions, true_areas, pred_areas)
    numbers[5] = scores.aji_plus(rows, cols, pixels, unions, true_areas, pred_areas)
    numbers[6] = scores.ratio(2.0 * shared_fg, true_fg + pred_fg, n_true, n_pred)
    numbers[7] = scores.ratio(shared_fg, true_fg + pred_fg - shared_fg, n_true, n_pred)
    numbers[8] = scores.object_dice(most_true, most_pred, pixels, unions, true_areas, pred_areas)
    return numbers, tp, kinds, hit, best, unions


@njit(cache=True, nogil=True)
def _find_errors(rows, cols, pixels, unions, true_areas, pred_areas, hit, best,
                 most_true, most_pred, kinds, counts):  # fmt: skip
    """Fill in the kinds and their counts; returns the bits of what mends each nucleus."""
    n_true = true_areas.size
    hit_true, hit_pred = hit[:n_true], hit[n_true:]
    host_of_true = errors.hosts(most_true, pixels, true_areas, cols, hit_true)
    host_of_pred = errors.hosts(most_pred, pixels, pred_areas, rows, hit_pred)
    pieces = errors.guests(host_of_pred, n_true)
    swallowed = errors.guests(host_of_true, pred_areas.size)
    errors.classify(rows, cols, pixels, unions, hit_true, hit_pred, best[:n_true], best[n_true:],
                    host_of_true, host_of_pred, pieces, swallowed, kinds)  # fmt: skip
    counts[0] = (kinds == errors.MISSED).sum()
    counts[1] = (kinds == errors.SPURIOUS).sum()
    counts[2] = (pieces >= 2).sum()
    counts[3] = (swallowed >= 2).sum()
    counts[4] = (kinds[:n_true] == errors.POOR_BOUNDARY).sum()
    return errors.mends(
        kinds, hit_true, hit_pred, host_of_true, host_of_pred, pieces, swallowed
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _precision(rows, cols, pixels, unions, n_true, n_pred, percents, strict, disjoint,
               bits, mean_ap, mended):  # fmt: skip
    """Hits per threshold; fills in the mean of TP / (TP + FP + FN), as it is and as mended."""
    hits = np.empty(n_true + n_pred, np.int64)
    tp = np.empty(percents.size, np.int64)
    for i in range(percents.size):
        tp[i] = hits_at(rows, cols, pixels, unions, percents[i], strict, disjoint,
                        hits[:n_true], hits[n_true:])  # fmt: skip
        mean_ap[0] += scores.ratio(tp[i], n_true + n_pred - tp[i], n_true, n_pred)
        errors.add_mended(bits, hits[:n_true], hits[n_true:], tp[i], mended)
    mean_ap /= percents.size
    mended /= percents.size
    return tp, hits
