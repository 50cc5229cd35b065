"""Compiled loops over pairs of masks and boxes: how much of each other they cover."""

import numpy as np

from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.mask_overlap import first_run_after, shared_pixels


@kernel
def covered(shared, area_a, area_b, smaller):
    """Intersection over union, or over the smaller of two areas."""
    return shared / (min(area_a, area_b) if smaller else area_a + area_b - shared)


@kernel
def may_cover(area_a, area_b, h, w, threshold, smaller):
    """Whether two masks whose boxes share h x w pixels may cover each other above the threshold."""
    least = min(area_a, area_b)
    most = min(least, np.int64(h) * np.int64(w))
    # No division here, and a hair of room for rounding: `covered` decides what is close.
    if smaller:
        return most >= threshold * least * (1 - 1e-9)
    return most * (1 + threshold) >= threshold * (area_a + area_b) * (1 - 1e-9)


@kernel
def enough_shared(area_a, area_b, threshold, smaller):
    """So many shared pixels are above the threshold, whatever rounding does in `covered`."""
    whole = min(area_a, area_b) if smaller else (area_a + area_b) / (1 + threshold)
    return np.int64(threshold * whole * (1 + 1e-9)) + 1


@kernel
def shared_by(masks, a, b, enough):
    """Pixels two masks share: column by column where both have one run in each, else run by run.

    Counting may end once there are ``enough``: some of their pixels, no less than that, then.
    """
    starts, lengths, offsets, boxes, _, height = masks
    x0 = np.int64(max(boxes[a, 1], boxes[b, 1]))
    n = max(0, min(boxes[a, 3], boxes[b, 3]) - x0)
    begin, end = x0 * height, (x0 + n) * height
    a0, a1, b0, b1 = offsets[a], offsets[a + 1], offsets[b], offsets[b + 1]
    if a1 - a0 == boxes[a, 3] - boxes[a, 1] and b1 - b0 == boxes[b, 3] - boxes[b, 1]:
        i, j = a0 + x0 - boxes[a, 1], b0 + x0 - boxes[b, 1]
        shared = _shared_in_columns(masks, i, j, x0, n, enough)
        # What two runs share they share anywhere, but there may be more: unless in these columns
        # each has its run, and no run before or after them reaches in.
        if shared >= enough or (
            shared >= 0
            and (i == a0 or starts[i - 1] + lengths[i - 1] <= begin)
            and (j == b0 or starts[j - 1] + lengths[j - 1] <= begin)
            and (i + n == a1 or starts[i + n] >= end)
            and (j + n == b1 or starts[j + n] >= end)
        ):
            return shared
    a0 = first_run_after(starts, lengths, a0, a1, begin)
    b0 = first_run_after(starts, lengths, b0, b1, begin)
    return shared_pixels(starts, lengths, a0, a1, starts, lengths, b0, b1)


@kernel
def _shared_in_columns(masks, i, j, x0, n, enough):
    """Pixels that runs from i and from j on share, one of each in each of n columns; -1 if not so.

    That they lie in their columns is looked at in the same loop, a few columns at a time: a pass
    over all masks beforehand takes longer. It ends where ``enough`` are shared, wherever they lie.
    """
    starts, lengths, height = masks.starts, masks.lengths, masks.height
    p, q = np.uint64(i), np.uint64(j)  # unsigned: a negative index would count from the end
    shared, least, left, begin = np.int64(0), np.int64(0), n, x0 * height
    while left > 0 and shared < enough:
        for k in range(np.uint64(min(left, 8))):
            top_a, top_b = starts[p + k] - begin, starts[q + k] - begin
            end_a, end_b = top_a + lengths[p + k], top_b + lengths[q + k]
            shared += max(0, min(end_a, end_b) - max(top_a, top_b))
            least |= min(top_a, top_b) | (height - max(end_a, end_b))  # negative if one is
            begin += height
        p, q, left = p + np.uint64(8), q + np.uint64(8), left - 8
    return shared if least >= 0 or shared >= enough else np.int64(-1)


@kernel
def box_overlap(boxes_a, a, boxes_b, b):
    """Intersection over union of two boxes y0, x0, y1, x1; 0 if they share no area."""
    y0, x0, y1, x1 = boxes_a[a, 0], boxes_a[a, 1], boxes_a[a, 2], boxes_a[a, 3]
    v0, u0, v1, u1 = boxes_b[b, 0], boxes_b[b, 1], boxes_b[b, 2], boxes_b[b, 3]
    h, w = min(y1, v1) - max(y0, v0), min(x1, u1) - max(x0, u0)
    if h <= 0 or w <= 0:
        return 0.0
    return h * w / ((y1 - y0) * (x1 - x0) + (v1 - v0) * (u1 - u0) - h * w)
