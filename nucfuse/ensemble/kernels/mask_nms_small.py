"""Compiled suppression of the masks of a small image: no grid, each mask meets all kept before it.

Few masks are kept (a quarter, of four models), and the boxes of 32 of them are compared with one at
a time by vector instructions: on 100 real images this takes two thirds of the time of a grid.
"""

import numpy as np
from numba import njit

from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.ensemble.kernels.pair_overlap import covered, enough_shared, may_cover, shared_by

_ONCE = 32
# Masks of an image for which the grid is not quicker yet.
BLOCK_LIMIT = 1024
_ZERO = np.float32(0)
# Sides beyond this are no whole numbers in float32 any more.
_LARGEST = 1 << 23


@njit(cache=True, nogil=True)
def suits_blocks(boxes):
    """Whether `kept_of_few` is the quicker way, and exact."""
    if boxes.shape[0] > BLOCK_LIMIT:
        return False
    for i in range(boxes.shape[0]):
        if boxes[i, 2] > _LARGEST or boxes[i, 3] > _LARGEST:
            return False
    return True


@njit(cache=True, nogil=True)
def kept_of_few(masks, classes, strengths, threshold, smaller):
    """Whether greedy suppression keeps each mask, bool (N,); of equal strengths the first wins.

    ``strengths`` float64 (N,) without NaN; masks of two classes leave each other alone, and
    ``classes`` may have no entries.
    """
    starts, lengths, offsets, boxes, areas, height = masks
    order = descending_order(strengths)
    kept = np.ones(areas.size, np.bool_)
    sides = np.full((areas.size // _ONCE + 1, 5, _ONCE), -1, np.float32)  # the empty meet none
    numbers = np.empty(sides.shape[0] * _ONCE, np.int32)
    close = np.empty(_ONCE, np.uint8)
    words, n = close.view(np.uint64), 0
    for a in order:
        if areas[a] == 0:
            continue
        enough, stays = np.int64(0), True
        for k in range((n + _ONCE - 1) // _ONCE):
            _compare(sides, k, boxes, areas, a, threshold, smaller, close)
            if words[0] | words[1] | words[2] | words[3] == 0:
                continue
            for i in range(_ONCE):
                if close[i] == 0:
                    continue
                b = numbers[k * _ONCE + i]
                if classes.size > 0 and classes[a] != classes[b]:
                    continue
                if not may_cover(boxes, areas, a, b, threshold, smaller):
                    continue
                enough = enough_shared(areas[a], areas[b], threshold, smaller)
                shared = shared_by(starts, lengths, offsets, boxes, height, a, b, enough)
                if covered(shared, areas[a], areas[b], smaller) > threshold:
                    stays = False
                    break
            if not stays:
                break
        kept[a] = stays
        if stays:
            block, at = n // _ONCE, n % _ONCE
            for d in range(4):
                sides[block, d, at] = boxes[a, d]
            sides[block, 4, at] = areas[a]
            numbers[n] = a
            n += 1
    return kept


@njit(cache=True, nogil=True, inline="always")
def _compare(sides, k, boxes, areas, a, threshold, smaller, close):
    """Write which masks of block k may cover mask a by more than the threshold, by boxes and areas.

    A hair too many, for rounding; `may_cover` decides. No branch, a fixed length and 32 bits
    throughout: this is compiled to vector instructions.
    """
    y0, x0 = np.float32(boxes[a, 0]), np.float32(boxes[a, 1])
    y1, x1 = np.float32(boxes[a, 2]), np.float32(boxes[a, 3])
    area, share = np.float32(areas[a]), np.float32(threshold * (1 - 1e-6))
    # most (1 + t) >= t (sum of areas), or most >= t (smaller area)
    more = np.float32(1.0 if smaller else 1 + threshold)
    both, either = np.float32(0.0 if smaller else 1.0), np.float32(1.0 if smaller else 0.0)
    for i in range(_ONCE):
        low, high = sides[k, 0, i], sides[k, 2, i]
        h = (y1 if y1 < high else high) - (y0 if y0 > low else low)
        low, high = sides[k, 1, i], sides[k, 3, i]
        w = (x1 if x1 < high else high) - (x0 if x0 > low else low)
        h, w = (h if h > _ZERO else _ZERO), (w if w > _ZERO else _ZERO)
        other = sides[k, 4, i]
        least = area if area < other else other
        most = h * w if h * w < least else least
        whole = both * (area + other) + either * least
        close[i] = np.uint8((most * more >= share * whole) & (most > _ZERO))
