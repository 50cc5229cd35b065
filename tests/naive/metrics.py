"""Definitions of the scores, restated slowly from boolean stacks. Imports nothing from nucfuse.

A side is a list (or stack) of boolean masks. Fractions keep every comparison exact.
"""

from fractions import Fraction
from functools import cache

import numpy as np

from naive.masks import iou


def area(mask):
    return int(np.count_nonzero(mask))


def shared(a, b):
    return area(a & b)


def is_hit(value, percent, rule):
    """Masks that share no pixel are never a hit."""
    if value == 0:
        return False
    return value > Fraction(percent, 100) if rule == ">" else value >= Fraction(percent, 100)


def best_pairing(worth):
    """Largest sum of tuples over one-to-one pairings; ``worth[t][n]`` is a tuple or None."""
    n_true, n_pred = len(worth), len(worth[0]) if worth else 0
    size = max((len(w) for row in worth for w in row if w), default=1)

    @cache
    def best(t, used):
        if t == n_true:
            return (0,) * size
        found = best(t + 1, used)
        for n in range(n_pred):
            if worth[t][n] is not None and not used >> n & 1:
                rest = best(t + 1, used | 1 << n)
                found = max(found, tuple(map(sum, zip(worth[t][n], rest, strict=True))))
        return found

    return best(0, 0)


def hits_and_iou(true, pred, percent, rule=">"):
    """Most hits of one-to-one pairings, and the largest total IoU that so many hits can have."""
    worth = [
        [(1, iou(t, p)) if is_hit(iou(t, p), percent, rule) else None for p in pred] for t in true
    ]
    found = best_pairing(worth)
    return (int(found[0]), found[1]) if len(found) == 2 else (0, Fraction(0))


def precision(tp, n_true, n_pred):
    """TP / (TP + FP + FN)."""
    if n_true + n_pred == 0:
        return 1.0
    return tp / (n_true + n_pred - tp)


def dsb_ap(true, pred, percents, rule=">"):
    values = [
        precision(hits_and_iou(true, pred, p, rule)[0], len(true), len(pred)) for p in percents
    ]
    return sum(values) / len(values)


def empty_score(true, pred):
    """1.0 if both sides are empty, 0.0 if one is, else None."""
    if len(true) == 0 and len(pred) == 0:
        return 1.0
    return 0.0 if len(true) == 0 or len(pred) == 0 else None


def panoptic(true, pred):
    """PQ, SQ, RQ of Kirillov 2019."""
    special = empty_score(true, pred)
    if special is not None:
        return (special,) * 3
    tp, total = hits_and_iou(true, pred, 50, ">")
    if tp == 0:
        return 0.0, 0.0, 0.0
    fp, fn = len(pred) - tp, len(true) - tp
    sq, rq = float(total) / tp, tp / (tp + fp / 2 + fn / 2)
    return sq * rq, sq, rq


def quotient(a, b):
    return a / b if b else 0.0


def aji(true, pred):
    """Algorithm 1 of Kumar 2017; a truth that nothing overlaps adds its area to U."""
    if len(true) == 0 and len(pred) == 0:
        return 1.0
    c, u, used = 0, 0, set()
    for t in true:
        values = [(iou(t, p), shared(t, p), -j) for j, p in enumerate(pred)]
        if not values or max(values)[0] == 0:
            u += area(t)
            continue
        j = -max(values)[2]
        c += shared(t, pred[j])
        u += area(t | pred[j])
        used.add(j)
    for j, p in enumerate(pred):
        if j not in used:
            u += area(p)
    return quotient(c, u)


def aji_plus(true, pred):
    """One-to-one pairs of the largest total IoU, then of most shared pixels; the rest joins U."""
    if len(true) == 0 and len(pred) == 0:
        return 1.0
    worth = [[(iou(t, p), shared(t, p)) if shared(t, p) else None for p in pred] for t in true]
    pixels = int(best_pairing(worth)[-1])
    # Each paired union is both areas less what they share; the unpaired add their area.
    total = sum(area(m) for m in [*true, *pred])
    return quotient(pixels, total - pixels)


def foreground(masks, shape):
    covered = np.zeros(shape, bool)
    for mask in masks:
        covered |= mask
    return covered


def dice(true, pred, shape):
    if len(true) == 0 and len(pred) == 0:
        return 1.0
    a, b = foreground(true, shape), foreground(pred, shape)
    return quotient(2 * shared(a, b), area(a) + area(b))


def pixel_iou(true, pred, shape):
    if len(true) == 0 and len(pred) == 0:
        return 1.0
    a, b = foreground(true, shape), foreground(pred, shape)
    return quotient(shared(a, b), area(a | b))


def object_dice(true, pred):
    """Sirinukunwattana 2017: both sides, weighted by area, partner of most shared pixels."""
    special = empty_score(true, pred)
    if special is not None:
        return special
    return (_side_dice(true, pred) + _side_dice(pred, true)) / 2


def _side_dice(own, other):
    total = sum(area(m) for m in own)
    score = 0.0
    for mask in own:
        pixels, minus_area = max((shared(mask, o), -area(o)) for o in other)
        if pixels:
            score += area(mask) / total * 2 * pixels / (area(mask) - minus_area)
    return score


# ------------------------------------------------------------------------------------------ errors


def first_hits(true, pred, rule=">"):
    """Hits at 50 % of disjoint masks as {truth: prediction}; the first of two at exactly 0.5."""
    hits = {}
    for t, a in enumerate(true):
        for p, b in enumerate(pred):
            if is_hit(iou(a, b), 50, rule) and t not in hits and p not in hits.values():
                hits[t] = p
    return hits


def holder(mask, others, hit):
    """Which of the others holds more than half of a mask; None if none or if it hit another one."""
    for i, other in enumerate(others):
        biggest = all(
            (shared(mask, other), -area(other)) >= (shared(mask, o), -area(o)) for o in others
        )
        if 2 * shared(mask, other) > area(mask) and biggest:
            return i if hit in (None, i) else None
    return None


def anatomy(true, pred, hits):
    """Kinds of truths and of predictions; who holds whom, from the hits {truth: prediction}."""
    back = {p: t for t, p in hits.items()}
    in_true = [holder(p, true, back.get(i)) for i, p in enumerate(pred)]
    in_pred = [holder(t, pred, hits.get(i)) for i, t in enumerate(true)]
    cut = {t for t in range(len(true)) if in_true.count(t) >= 2}
    swallows = {p for p in range(len(pred)) if in_pred.count(p) >= 2}
    true_kinds, pred_kinds = [], []
    for t in range(len(true)):
        kind = "merged" if in_pred[t] in swallows else "missed"
        true_kinds.append("hit" if t in hits else "split" if t in cut else kind)
    for p in range(len(pred)):
        kind = "merged" if p in swallows else "spurious"
        pred_kinds.append("hit" if p in back else "split" if in_true[p] in cut else kind)
    for t, a in enumerate(true):
        p = best_partner(a, pred)
        if p is None or true_kinds[t] != "missed" or pred_kinds[p] != "spurious":
            continue
        if best_partner(pred[p], true) == t and iou(a, pred[p]) >= Fraction(1, 10):
            true_kinds[t] = pred_kinds[p] = "poor_boundary"
    return true_kinds, pred_kinds, in_true, in_pred, cut, swallows


def best_partner(mask, others):
    """Index of the largest IoU above 0, ties to more shared pixels, then to the first."""
    values = [(iou(mask, o), shared(mask, o), -i) for i, o in enumerate(others)]
    if not values or max(values)[0] == 0:
        return None
    return -max(values)[2]


def mended(true, pred, hits, what):
    """The predictions as they would be if one kind of error were mended."""
    true_kinds, pred_kinds, in_true, in_pred, cut, swallows = anatomy(true, pred, hits)
    every = range(len(true))
    if what in ("missed", "poor_boundary"):
        found = [t for t in every if true_kinds[t] == what]
        gone = [p for p, kind in enumerate(pred_kinds) if kind == what]
    elif what == "spurious":
        found, gone = [], [p for p, kind in enumerate(pred_kinds) if kind == what]
    elif what == "split":
        found, gone = list(cut), [p for p in range(len(pred)) if in_true[p] in cut]
    elif what == "merged":
        found, gone = [t for t in every if in_pred[t] in swallows], list(swallows)
    else:
        found, gone = list(hits), list(hits.values())
    return [p for i, p in enumerate(pred) if i not in gone] + [true[t] for t in found]


# ---------------------------------------------------------------------------------------- boundary


def boundary_of(mask, distance):
    """Pixels of a mask with a pixel outside it at most so many king's moves away."""
    height, width = mask.shape
    found = np.zeros_like(mask)
    for y, x in zip(*np.nonzero(mask), strict=True):
        for v in range(y - distance, y + distance + 1):
            for u in range(x - distance, x + distance + 1):
                inside = 0 <= v < height and 0 <= u < width and mask[v, u]
                found[y, x] |= not inside
    return found


def boundary_iou(a, b, distance):
    return iou(boundary_of(a, distance), boundary_of(b, distance))


def boundary_hits(true, pred, percent, rule, distance):
    """Most one-to-one hits by the smaller of mask and boundary IoU."""
    worth = [
        [
            (1,) if is_hit(min(iou(t, p), boundary_iou(t, p, distance)), percent, rule) else None
            for p in pred
        ]
        for t in true
    ]
    return int(best_pairing(worth)[0])


def contour_scores(true, pred, shape, tolerance):
    """Precision, recall and F of contour pixels, each compared with all of the other side."""
    special = empty_score(true, pred)
    if special is not None:
        return (special,) * 3
    points = [
        np.argwhere(foreground([boundary_of(m, 1) for m in side], shape)) for side in (true, pred)
    ]

    def share(own, other):
        if len(own) == 0 or len(other) == 0:
            return 0.0
        near = [((other - p) ** 2).sum(axis=1).min() <= tolerance**2 for p in own]
        return sum(near) / len(near)

    recall, precision = share(*points), share(*points[::-1])
    return precision, recall, quotient(2 * precision * recall, precision + recall)
