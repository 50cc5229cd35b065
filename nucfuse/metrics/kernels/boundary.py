"""Boundaries of run-length masks, on their crops, in compiled code."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.runs import crop


class Depths(NamedTuple):
    """What `depths` found: crops of N masks one after the other, (P,); where each begins; boxes."""

    flat: NDArray[np.int16]
    begins: NDArray[np.int64]
    boxes: NDArray[np.int32]


@kernel
def depths(starts, lengths, offsets, boxes, height, distance):
    """How deep each pixel of each mask lies in it, up to ``distance``.

    Returns the crops at the boxes one after the other, flat, int16, 0 outside the mask and 1 on
    its rim, at most ``distance + 1``; where each begins, int64 (N + 1,); and how many pixels of
    each mask are at most ``distance`` deep, int64 (N,).
    """
    n = boxes.shape[0]
    begins = np.zeros(n + 1, np.int64)
    for m in range(n):
        sides = np.int64(boxes[m, 2] - boxes[m, 0]) * (boxes[m, 3] - boxes[m, 1])
        begins[m + 1] = begins[m] + sides
    flat = np.zeros(begins[n], np.int16)
    areas = np.zeros(n, np.int64)
    for m in range(n):
        mask = crop(starts, lengths, offsets[m], offsets[m + 1], boxes[m], height)
        areas[m] = _fill_depths(mask, distance, flat[begins[m] : begins[m + 1]])
    return flat, begins, areas


@kernel
def _fill_depths(mask, distance, flat):
    """King's moves from each pixel of a crop to the nearest one outside the mask, capped.

    Beyond the crop is outside, and so beyond the image. Two passes are exact for this distance, as
    an erosion by a 3 x 3 square for each step would be. Returns the pixels not deeper than asked.
    """
    rows, columns = mask.shape
    padded = np.zeros((rows + 2, columns + 2), np.int16)
    most = distance + 1
    for y in range(1, rows + 1):
        for x in range(1, columns + 1):
            if mask[y - 1, x - 1]:
                above = min(padded[y - 1, x - 1], padded[y - 1, x], padded[y - 1, x + 1])
                padded[y, x] = min(min(above, padded[y, x - 1]) + 1, most)
    near = 0
    for y in range(rows, 0, -1):
        for x in range(columns, 0, -1):
            if mask[y - 1, x - 1]:
                below = min(padded[y + 1, x - 1], padded[y + 1, x], padded[y + 1, x + 1])
                depth = min(padded[y, x], min(below, padded[y, x + 1]) + 1)
                padded[y, x] = depth
                flat[(y - 1) * columns + x - 1] = depth
                near += depth <= distance
    return near


@kernel
def shared_boundaries(rows, cols, true, pred, distance):
    """Pixels not deeper than ``distance`` in either mask of each pair, int64 (K,)."""
    shared = np.zeros(rows.size, np.int64)
    for k in range(rows.size):
        a, b = true.boxes[rows[k]], pred.boxes[cols[k]]
        a_width, b_width = a[3] - a[1], b[3] - b[1]
        x0, x1 = max(a[1], b[1]), min(a[3], b[3])
        for y in range(max(a[0], b[0]), min(a[2], b[2])):
            in_a = true.begins[rows[k]] + (y - a[0]) * a_width - a[1]
            in_b = pred.begins[cols[k]] + (y - b[0]) * b_width - b[1]
            for x in range(x0, x1):
                in_both = 0 < true.flat[in_a + x] <= distance
                shared[k] += in_both and 0 < pred.flat[in_b + x] <= distance
    return shared


@kernel
def paint_contours(flat, begins, boxes, image):
    """Set the rim pixels of all masks to 1 in an image (H, W); returns how many are set."""
    painted = 0
    for m in range(boxes.shape[0]):
        at = begins[m]
        for y in range(boxes[m, 0], boxes[m, 2]):
            for x in range(boxes[m, 1], boxes[m, 3]):
                if flat[at] == 1 and image[y, x] == 0:
                    image[y, x] = 1
                    painted += 1
                at += 1
    return painted


@kernel
def count_near(own, other, offsets):
    """Pixels set in one image (H, W) with a pixel set in the other at one of the offsets (D, 2).

    Contours are few pixels and mostly lie close, so that offsets in order of their length are
    tried at each: 664 images took 5 s by distance transforms of whole images.
    """
    height, width = own.shape
    near = 0
    for y in range(height):
        for x in range(width):
            if own[y, x] == 0:
                continue
            for i in range(offsets.shape[0]):
                v, u = y + offsets[i, 0], x + offsets[i, 1]
                if 0 <= v < height and 0 <= u < width and other[v, u] != 0:
                    near += 1
                    break
    return near
