"""Compiled suppression of boxes sorted into strips: a kept box meets those with centres near it.

What a box may suppress has its centre near its own: along one axis it lies in a few strips, whose
boxes follow each other in memory and are compared 16 at a time, without a branch, in float32. A
search in a grid costs wrongly predicted branches: all boxes of 100 real images take half the time.
"""

import numpy as np
from numba import njit

# Below, and in spans beyond these, float32 leaves too much in doubt.
_LOWEST, _HUGE = 0.1, 1e100
# Boxes in the strips around a box, on average, for which a grid is not quicker yet.
_MOST = 192.0
_FEW = 256
# A block is 16 boxes: 16 times y0, then as often x0, y1, x1, share of the area, class, state.
_TWO, _ONCE = np.uint64(2), np.uint64(16)
_X0, _Y1, _X1, _AREA = np.uint64(16), np.uint64(32), np.uint64(48), np.uint64(64)
_CLASS, _STATE, _BLOCK = np.uint64(80), np.uint64(96), np.uint64(112)
# States: surely suppressed, perhaps suppressed, kept. No box that is kept is surely suppressed.
_NONE, _GONE, _DOUBT, _KEPT = np.int32(0), np.int32(1), np.int32(2), np.int32(4)
# More than rounding to float32 moves a difference of areas, for each unit of height and width, or a
# place, in units of the frame.
_MARGIN = 2.0**-20
_ZERO = np.float32(0)


@njit(cache=True, nogil=True)
def floats_for(n):
    """Size of the blocks of n boxes."""
    return (n + 15) // 16 * np.int64(_BLOCK)


@njit(cache=True, nogil=True)
def suits_strips(n, frame, sums, threshold):
    """Whether `suppress_strips` is the quicker way, and exact.

    ``frame`` is the top, left, height and width of what holds all n boxes, ``sums`` of their
    heights and of their widths.
    """
    span = max(frame[2], frame[3])
    if threshold < _LOWEST or not 1 / _HUGE < span < _HUGE:
        return False
    reach = 2 * _reach(threshold)
    near = min(sums[0] * reach / max(frame[2], span / _HUGE),
               sums[1] * reach / max(frame[3], span / _HUGE))  # fmt: skip
    return n <= _FEW or near <= _MOST


@njit(cache=True, nogil=True, inline="always")
def _reach(threshold):
    """How far the centres of boxes with IoU above a threshold are apart, in heights of either.

    Of heights a and b they share more than t max(a, b); so the distance of the centres is less than
    (a + b) / 2 - t max(a, b), and neither height is above the other one / t.
    """
    return 1 - threshold if threshold >= 0.5 else 0.5 / threshold - 0.5


@njit(cache=True, nogil=True, inline="always")
def suppress_strips(given, threshold, frame, sums, room, out):
    """Write the boxes kept of one image, in the given order; returns their number.

    ``frame`` and ``sums`` are as for `suits_strips`. ``room`` is the blocks, float32, `floats_for`
    of them; and in int32 the box at each place (n,), the place and the strip of each box (n,), and
    where each strip ends (n + 1,) or more.
    """
    boxes, classes, order = given
    blocks, numbers, places, _, ends = room
    states = blocks.view(np.int32)
    # Strips along the axis in which boxes are smaller.
    axis = np.uint64(sums[0] * frame[3] > sums[1] * frame[2])
    per_unit = _line_up(boxes, classes, threshold, frame, axis, room)
    reach, last, n_kept = _reach(threshold), order.size - 1.0, 0
    for number in order:
        place = np.uint64(places[number])
        at = _slot(place)
        state = states[at + _STATE]
        if state & _GONE:
            continue
        low, high = blocks[at + axis * _X0], blocks[at + axis * _X0 + _Y1]
        middle, far = (low + high) * 0.5, (high - low) * reach + _MARGIN
        first = np.int32(max((middle - far) * per_unit, 0.0))
        begin = np.uint64(ends[first - 1] if first > 0 else 0)
        end = np.uint64(ends[np.int32(min((middle + far) * per_unit, last))])
        near = begin // _ONCE, (end + _ONCE - np.uint64(1)) // _ONCE
        if state & _DOUBT and _is_covered(given, number, numbers, states, near, threshold):
            continue
        states[at + _STATE] = _KEPT
        _mark(blocks, states, at, near)
        out[n_kept] = number
        n_kept += 1
    return n_kept


@njit(cache=True, nogil=True, inline="always")
def _slot(place):
    """Where the top of the box at a place is in the blocks."""
    return (place // _ONCE) * _BLOCK + place % _ONCE


@njit(cache=True, nogil=True, inline="always")
def _line_up(boxes, classes, threshold, frame, axis, room):
    """Write the boxes strip by strip, the frame being of size 1; returns the strips per unit.

    ``axis`` is 1 for strips along x.
    """
    blocks, numbers, places, strips, ends = room
    states = blocks.view(np.int32)
    top, left, height, width = frame
    n, span = boxes.shape[0], max(height, width)
    scale, share = 1 / span, threshold / (1 + threshold)
    per_unit = (n - 1) * span / max(width if axis else height, span / _HUGE)
    first, to_strip = (left if axis else top), scale * per_unit * 0.5
    ends[: n + 1] = 0
    for a in range(n):
        strip = np.int32((boxes[a, axis] - first + (boxes[a, axis + _TWO] - first)) * to_strip)
        strips[a] = strip
        ends[np.uint64(strip + 1)] += 1
    total = np.int32(0)
    for k in range(1, n + 1):
        total = np.int32(total + ends[k])
        ends[k] = total
    _clear(blocks, states, n)
    for a in range(n):
        strip = np.uint64(strips[a])
        place = np.uint64(ends[strip])
        ends[strip] += 1
        y0, x0 = (boxes[a, 0] - top) * scale, (boxes[a, 1] - left) * scale
        y1, x1 = (boxes[a, 2] - top) * scale, (boxes[a, 3] - left) * scale
        at = _slot(place)
        blocks[at], blocks[at + _X0], blocks[at + _Y1], blocks[at + _X1] = y0, x0, y1, x1
        blocks[at + _AREA] = (y1 - y0) * (x1 - x0) * share
        numbers[place], places[a] = a, place
        if classes.size:
            states[at + _CLASS] = classes[a]
    return per_unit


@njit(cache=True, nogil=True, inline="always")
def _clear(blocks, states, n):
    """Set class and state of n boxes to 0, and fill the last block with boxes that meet none."""
    n_blocks = np.uint64((n + 15) // 16)
    for block in range(n_blocks):
        for i in range(_CLASS, _BLOCK):
            states[block * _BLOCK + i] = 0
    last = (n_blocks - np.uint64(1)) * _BLOCK
    for i in range(_AREA):
        blocks[last + i] = 2
    for i in range(_AREA, _CLASS):
        blocks[last + i] = 1


@njit(cache=True, nogil=True, inline="always")
def _mark(blocks, states, at, near):
    """Set the states of boxes in some blocks by the box at a slot.

    IoU > t means intersection > t / (1 + t) (sum of areas): no division. The inner loop has no
    branch, a fixed length and 32 bits throughout: it is compiled to vector instructions.
    """
    y0, x0, y1, x1 = blocks[at], blocks[at + _X0], blocks[at + _Y1], blocks[at + _X1]
    # Sides are rounded too: of a box that is tiny in this frame, nothing may be left of them.
    margin = (y1 - y0 + x1 - x0 + np.float32(_MARGIN)) * np.float32(_MARGIN)
    sure, least = blocks[at + _AREA] + margin, blocks[at + _AREA] - margin
    label = states[at + _CLASS]
    for block in range(near[0], near[1]):
        for i in range(_ONCE):
            at = block * _BLOCK + i
            low, high = blocks[at], blocks[at + _Y1]
            h = (y1 if y1 < high else high) - (y0 if y0 > low else low)
            low, high = blocks[at + _X0], blocks[at + _X1]
            w = (x1 if x1 < high else high) - (x0 if x0 > low else low)
            h = h if h > _ZERO else _ZERO  # a width below 0 makes the product so
            over = h * w - blocks[at + _AREA]
            state = (_GONE if over > sure else _NONE) | (_DOUBT if over >= least else _NONE)
            state = state if states[at + _CLASS] == label else _NONE
            states[at + _STATE] = np.int32(states[at + _STATE] | state)


@njit(cache=True, nogil=True)
def _is_covered(given, b, numbers, states, near, threshold):
    """Whether a kept box in some blocks covers box b by more than the threshold."""
    boxes, classes, _ = given
    area = (boxes[b, 2] - boxes[b, 0]) * (boxes[b, 3] - boxes[b, 1])
    for place in range(near[0] * _ONCE, min(near[1] * _ONCE, np.uint64(numbers.size))):
        if not states[_slot(np.uint64(place)) + _STATE] & _KEPT:
            continue
        a = numbers[place]
        h = min(boxes[a, 2], boxes[b, 2]) - max(boxes[a, 0], boxes[b, 0])
        w = min(boxes[a, 3], boxes[b, 3]) - max(boxes[a, 1], boxes[b, 1])
        if h <= 0 or w <= 0 or (classes.size and classes[a] != classes[b]):
            continue
        other = (boxes[a, 2] - boxes[a, 0]) * (boxes[a, 3] - boxes[a, 1])
        if h * w / (area + other - h * w) > threshold:
            return True
    return False
