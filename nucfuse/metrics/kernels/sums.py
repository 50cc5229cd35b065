"""The sums over the nuclei of an image that its scores are quotients of, in compiled code."""

from typing import NamedTuple

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.metrics.kernels import anatomy
from nucfuse.metrics.kernels.matching import closest_and_fullest


class Sums(NamedTuple):
    """Numerators and denominators of the scores of one image, in pixels unless said otherwise.

    Attributes
    ----------
    half_hits : int
        Pairs of IoU above 0.5, whatever the rule of a hit.
    half_iou : float
        Sum of their IoU.
    aji_shared, aji_united : int
        See `jaccard.aji`.
    true_area, pred_area : int
        Sum over the nuclei; pixels in several count several times.
    true_dice, pred_dice : float
        Dice of each nucleus with its partner, averaged with the areas as weights; no pixels.
    """

    half_hits: int
    half_iou: float
    aji_shared: int
    aji_united: int
    true_area: int
    pred_area: int
    true_dice: float
    pred_dice: float


@kernel
def count_image(pairs, hit, half_hit, is_hit, areas, n_true):
    """Everything about one image that needs a loop over its nuclei.

    Parameters
    ----------
    pairs : Pairs
    hit, half_hit : int64 (T + N,)
        The pair that is the hit at 50 % by the rule of the score, and by ">"; -1 for none.
    is_hit : bool (P, T + N)
        Hits at each threshold.
    areas : int64 (T + N,)

    Returns
    -------
    sums : Sums
    kinds : int8 (T + N,)
    counts : (int64 (P,), int64 (2, 6, P + 1))
        See `anatomy.count_hits`.
    closest : int64 (T + N,)
        The pair of the largest IoU, -1 for none.
    """
    closest, fullest = closest_and_fullest(pairs, n_true, areas.size - n_true)
    host, guests = anatomy.hosts_and_guests(pairs, hit, fullest, areas, n_true)
    kinds, bits = anatomy.kinds_of(pairs, hit, closest, host, guests, n_true)
    counts = anatomy.count_hits(is_hit, bits, n_true)
    half_hits, half_iou = _half_hits(pairs, half_hit[:n_true])
    shared, united = _aji(pairs, closest[:n_true], areas, n_true)
    true_area, true_dice = _dice(pairs, fullest[:n_true], areas[:n_true])
    pred_area, pred_dice = _dice(pairs, fullest[n_true:], areas[n_true:])
    sums = Sums(half_hits, half_iou, shared, united, true_area, pred_area, true_dice, pred_dice)
    return sums, kinds, counts, closest


@kernel
def _half_hits(pairs, hit):
    """Truths hit at an IoU above 0.5, and the sum of these IoU."""
    hits, iou = 0, 0.0
    for k in hit:
        if k >= 0 and 2 * pairs.pixels[k] > pairs.unions[k]:
            hits += 1
            iou += pairs.pixels[k] / pairs.unions[k]
    return hits, iou


@kernel
def _aji(pairs, closest, areas, n_true):
    """Pixels shared by each truth with its closest prediction, and united, as AJI counts them."""
    is_used = np.zeros(areas.size, np.bool_)
    shared, united = np.int64(0), np.int64(0)
    for t in range(n_true):
        k = closest[t]
        if k < 0:
            united += areas[t]
        else:
            shared += pairs.pixels[k]
            united += pairs.unions[k]
            is_used[n_true + pairs.cols[k]] = True
    for p in range(n_true, areas.size):
        if not is_used[p]:
            united += areas[p]
    return shared, united


@kernel
def _dice(pairs, fullest, areas):
    """Area of one side, and its mean Dice with the partners weighted by area; 0 without area."""
    total, weighted = np.int64(0), 0.0
    for i in range(areas.size):
        total += areas[i]
        k = fullest[i]
        if k >= 0:
            weighted += areas[i] * (2.0 * pairs.pixels[k] / (pairs.pixels[k] + pairs.unions[k]))
    return total, weighted / max(1, total)
