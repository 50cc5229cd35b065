"""Compiled search for the true box that each of many boxes overlaps most. Nothing here raises.

True boxes are sorted by their upper edge and none is higher than ``tallest``: only those that begin
less than that above a box, and not below it, are looked at. No table of all pairs is made.
"""

import numpy as np

from nucfuse.kernels.jit import kernel


@kernel
def best_matches(boxes, truths, numbers, tallest):
    """Find the true box of largest IoU with each box, that IoU, and the largest of each true box.

    float32 (N, 4), float64 (T, 4), int64 (T,) -> int64 (N,), float64 (N,), float64 (T,). Of equal
    IoU the lowest of ``numbers`` wins, which is what is returned; -1 where nothing is shared.
    """
    n, m = boxes.shape[0], truths.shape[0]
    which, overlaps, best = np.full(n, -1), np.zeros(n), np.zeros(m)
    for i in range(n):
        y0, x0, y1, x1 = _corners(boxes, i)
        for t in range(_first_below(truths, y0 - tallest), m):
            if truths[t, 0] >= y1:
                break
            if truths[t, 1] >= x1 or truths[t, 3] <= x0:
                continue
            iou = _iou(y0, x0, y1, x1, truths, t)
            best[t] = max(best[t], iou)
            if iou > overlaps[i] or (iou == overlaps[i] and iou > 0 and numbers[t] < which[i]):
                which[i], overlaps[i] = numbers[t], iou
    return which, overlaps, best


@kernel
def best_of_some(boxes, truths, overlaps, best, tallest):
    """Which boxes overlap a true box as much as its best one does, bool (N,)."""
    n, m = boxes.shape[0], truths.shape[0]
    found = np.zeros(n, np.bool_)
    lowest = np.inf
    for value in best:
        lowest = min(lowest, value) if value > 0 else lowest
    for i in range(n):
        if overlaps[i] < lowest:  # most boxes: none of a true box's best overlaps less
            continue
        y0, x0, y1, x1 = _corners(boxes, i)
        for t in range(_first_below(truths, y0 - tallest), m):
            if truths[t, 0] >= y1 or found[i]:
                break
            iou = _iou(y0, x0, y1, x1, truths, t)
            found[i] = iou > 0 and iou == best[t]
    return found


@kernel
def _first_below(truths, y):
    """First true box whose upper edge lies below y."""
    low, high = 0, truths.shape[0]
    while low < high:
        middle = (low + high) // 2
        if truths[middle, 0] > y:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def _corners(boxes, i):
    """Of a float32 box, in float64."""
    return (
        np.float64(boxes[i, 0]),
        np.float64(boxes[i, 1]),
        np.float64(boxes[i, 2]),
        np.float64(boxes[i, 3]),
    )


@kernel
def _iou(y0, x0, y1, x1, truths, t):
    """Of a box and a true box."""
    v0, u0, v1, u1 = truths[t, 0], truths[t, 1], truths[t, 2], truths[t, 3]
    h, w = min(y1, v1) - max(y0, v0), min(x1, u1) - max(x0, u0)
    if h <= 0 or w <= 0:
        return 0.0
    return h * w / ((y1 - y0) * (x1 - x0) + (v1 - v0) * (u1 - u0) - h * w)
