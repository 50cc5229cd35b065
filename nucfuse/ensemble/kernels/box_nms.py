"""Compiled greedy suppression of boxes. Nothing here raises.

Boxes are sorted into strips by their centres, so that what a box may suppress lies near it in
memory and is compared without a branch, several boxes at a time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import group_offsets

_OPEN, _KEPT = np.int32(-1), np.int32(-2)


class Strips(NamedTuple):
    """N boxes by strip: those of strip s are at the places ``offsets[s]:offsets[s + 1]``.

    ``sides`` float64 (4, N) are y0, x0, y1, x1 by place, ``areas`` and ``classes`` (N,) likewise.
    ``places`` (N,) is the place of each box. A centre c on ``axis`` (0: y, 1: x) lies in the strip
    ``(c - first) * per_unit``; ``longest`` is the largest side on it.
    """

    sides: NDArray[np.float64]
    areas: NDArray[np.float64]
    classes: NDArray[np.int32]
    places: NDArray[np.int32]
    offsets: NDArray[np.int64]
    axis: int
    first: float
    per_unit: float
    longest: float


@kernel
def suppress_boxes(boxes, classes, order, threshold):
    """Who suppresses each of float64 boxes (N, 4), int32 (N,): a kept box, or -1 if it is kept.

    Of kept boxes of its class with IoU > threshold that is the first in ``order`` (N,).
    """
    strips = _strips(boxes, classes)
    by = np.full(order.size, _OPEN)  # by place
    for a in order:
        place = strips.places[a]
        if by[place] == _OPEN:
            by[place] = _KEPT
            begin, end = _neighbours(strips, place, threshold)
            _mark(strips, begin, end, place, np.int32(a), threshold, by)
    result = np.empty(order.size, np.int32)
    for a in range(result.size):
        result[a] = max(by[strips.places[a]], _OPEN)
    return result


@kernel
def _strips(boxes, classes):
    """As many strips as boxes, across the axis in which the boxes are small in their frame."""
    n = boxes.shape[0]
    axis, first, length, longest = _best_axis(boxes)
    per_unit = (n - 1) / length if length > 0 else 0.0
    strip_of = np.empty(n, np.int64)
    for i in range(n):
        centre = (boxes[i, axis] + boxes[i, axis + 2]) * 0.5
        strip_of[i] = min(max((centre - first) * per_unit, 0.0), n - 1.0)
    offsets = group_offsets(strip_of, n)
    sides, areas = np.empty((4, n)), np.empty(n)
    labels, places = np.empty(n, np.int32), np.empty(n, np.int32)
    cursor = offsets[:-1].copy()
    for i in range(n):
        place = cursor[strip_of[i]]
        cursor[strip_of[i]] += 1
        for d in range(4):
            sides[d, place] = boxes[i, d]
        areas[place] = (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
        labels[place], places[i] = classes[i], place
    return Strips(sides, areas, labels, places, offsets, axis, first, per_unit, longest)


@kernel
def _best_axis(boxes):
    """Axis; where the boxes begin on it, the length of all together, and the longest one's."""
    best = (0, 0.0, 0.0, 0.0)
    least = np.inf
    for axis in range(2):
        first, last, longest, total = np.inf, -np.inf, 0.0, 0.0
        for i in range(boxes.shape[0]):
            first, last = min(first, boxes[i, axis]), max(last, boxes[i, axis + 2])
            side = boxes[i, axis + 2] - boxes[i, axis]
            longest, total = max(longest, side), total + side
        share = total / (last - first) if last > first else np.inf
        if axis == 0 or share < least:
            best, least = (axis, first, last - first, longest), share
    return best


@kernel
def _neighbours(strips, place, threshold):
    """Places (half-open) of all boxes that may have an IoU above the threshold with one.

    Of sides a and b they share more than t max(a, b), so that the distance of their centres is
    below (a + b) / 2 - t max(a, b), and b is below a / t.
    """
    low, high = strips.sides[strips.axis, place], strips.sides[strips.axis + 2, place]
    side, centre = high - low, (low + high) * 0.5
    reach = (side + strips.longest) * 0.5
    if threshold > 0:
        reach = min(reach, side * (1 - threshold if threshold >= 0.5 else 0.5 / threshold - 0.5))
    reach *= 1 + 1e-9  # for rounding; of the place in the frame as well, below
    last = strips.offsets.size - 2.0
    begin = np.int64(min(max((centre - reach - strips.first) * strips.per_unit - 1e-6, 0.0), last))
    end = np.int64(min(max((centre + reach - strips.first) * strips.per_unit + 1e-6, 0.0), last))
    return strips.offsets[begin], strips.offsets[end + 1]


@kernel
def _mark(strips, begin, end, place, number, threshold, by):
    """Note that box ``number`` at a place suppresses the open ones it covers in a range of places.

    No branch in the loop, and slices instead of bounds: it is compiled to vector instructions.
    """
    y0, x0 = strips.sides[0, place], strips.sides[1, place]
    y1, x1 = strips.sides[2, place], strips.sides[3, place]
    area, label = strips.areas[place], strips.classes[place]
    tops, lefts = strips.sides[0, begin:end], strips.sides[1, begin:end]
    bottoms, rights = strips.sides[2, begin:end], strips.sides[3, begin:end]
    areas, labels, states = strips.areas[begin:end], strips.classes[begin:end], by[begin:end]
    for i in range(states.size):
        h = (y1 if y1 < bottoms[i] else bottoms[i]) - (y0 if y0 > tops[i] else tops[i])
        w = (x1 if x1 < rights[i] else rights[i]) - (x0 if x0 > lefts[i] else lefts[i])
        shared = (h if h > 0 else 0.0) * (w if w > 0 else 0.0)
        union = area + areas[i] - shared
        covered = shared / (union if union > 0 else 1.0) > threshold
        hit = covered & (labels[i] == label) & (states[i] == _OPEN)
        states[i] = number if hit else states[i]
