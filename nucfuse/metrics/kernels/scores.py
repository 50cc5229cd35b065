"""Panoptic quality, both Jaccard readings and object Dice from sparse overlaps, compiled."""

import numpy as np
from numba import njit

from nucfuse.metrics.kernels.assignment import heaviest_matching
from nucfuse.metrics.kernels.matching import iou_weights


@njit(cache=True, nogil=True)
def ratio(numerator, denominator, n_true, n_pred):
    """The quotient; 1 where neither side has nuclei, 0 where nothing else is defined."""
    if n_true == 0 and n_pred == 0:
        return 1.0
    if denominator == 0:
        return 0.0
    return numerator / denominator


@njit(cache=True, nogil=True)
def total(areas):
    """Sum of the areas."""
    pixels = np.int64(0)
    for a in areas:
        pixels += a
    return pixels


@njit(cache=True, nogil=True)
def panoptic(of_true, n_pred, pixels, unions):
    """Panoptic, segmentation and recognition quality of the hits at IoU > 0.5."""
    n_true = of_true.size
    hits, iou = 0, 0.0
    for k in of_true:
        if k >= 0:
            hits += 1
            iou += pixels[k] / unions[k]
    sq = ratio(iou, hits, n_true, n_pred)
    rq = ratio(2.0 * hits, n_true + n_pred, n_true, n_pred)
    return sq * rq, sq, rq


@njit(cache=True, nogil=True)
def aji(best_true, cols, pixels, unions, true_areas, pred_areas):
    """Aggregated Jaccard index: each truth with its closest prediction, which may serve twice."""
    used = np.zeros(pred_areas.size, np.bool_)
    shared, united = np.int64(0), np.int64(0)
    for t in range(true_areas.size):
        k = best_true[t]
        if k < 0:
            united += true_areas[t]
        else:
            shared += pixels[k]
            united += unions[k]
            used[cols[k]] = True
    for p in range(pred_areas.size):
        if not used[p]:
            united += pred_areas[p]
    return ratio(shared, united, true_areas.size, pred_areas.size)


@njit(cache=True, nogil=True)
def aji_plus(rows, cols, pixels, unions, true_areas, pred_areas):
    """Aggregated Jaccard index of the one-to-one assignment of the largest total IoU."""
    weights = iou_weights(pixels, unions)
    of_true = heaviest_matching(rows, cols, weights, true_areas.size, pred_areas.size)
    shared = np.int64(0)
    for k in of_true:
        if k >= 0:
            shared += pixels[k]
    # Unions of the pairs and areas of all that is unpaired are all areas less what pairs share.
    united = total(true_areas) + total(pred_areas) - shared
    return ratio(shared, united, true_areas.size, pred_areas.size)


@njit(cache=True, nogil=True)
def object_dice(most_true, most_pred, pixels, unions, true_areas, pred_areas):
    """Mean of both sides' area-weighted Dice with the partner that shares most."""
    n_true, n_pred = true_areas.size, pred_areas.size
    of_true = _weighted_dice(most_true, pixels, unions, true_areas)
    of_pred = _weighted_dice(most_pred, pixels, unions, pred_areas)
    return ratio(0.5 * (of_true + of_pred), 1, n_true, n_pred)


@njit(cache=True, nogil=True)
def _weighted_dice(most, pixels, unions, areas):
    """Mean Dice of one side with the partners, weighted by area; 0 without area."""
    weighted = 0.0
    for i in range(areas.size):
        k = most[i]
        if k >= 0:
            weighted += areas[i] * (2.0 * pixels[k] / (pixels[k] + unions[k]))
    return weighted / max(1, total(areas))
