"""Compiled suppression of boxes, in one call for all images and all steps. Nothing here raises."""

import numpy as np
from numba import njit

from nucfuse.ensemble.kernels.box_nms_strips import floats_for, suits_strips, suppress_strips
from nucfuse.ensemble.kernels.grid import cell_at
from nucfuse.ensemble.kernels.order import descending
from nucfuse.masks.kernels.arrays import grown

# What `kept_boxes` says instead of the number of a bad box.
ALL_GOOD, NOT_BY_IMAGE = -1, -2


@njit(cache=True, nogil=True)
def kept_boxes(boxes, scores, classes, images, threshold):
    """Greedy suppression of float64 boxes (N, 4), image by image.

    Returns the boxes kept, int64 (K,), by image and in each from the highest score (NaN: 1.0) to
    the lowest; and the first box that is not finite or ends before it begins, or another of the
    numbers above. ``images`` (N,) has to ascend, and may have no entries if there is but one;
    ``scores`` and ``classes`` (N,) may have none if all are equal.
    """
    n, scores = boxes.shape[0], _without_nan(scores)
    largest = _largest_image(images, n)
    out, (order, buckets, strips) = np.empty(n, np.int64), _rooms(largest)
    n_out = begin = 0
    while begin < n:
        end = begin + 1 if images.size else n
        while end < n and images[end] == images[begin]:
            end += 1
        if end < n and images[end] < images[begin]:
            return out[:n_out], NOT_BY_IMAGE
        bad, frame, sums = _survey(boxes, begin, end)
        if bad >= 0:
            return out[:n_out], bad
        ranked = order[: end - begin]
        if scores.size:
            descending(scores[begin:end], ranked, buckets)
        else:
            ranked[:] = np.arange(end - begin)
        given = boxes[begin:end], classes[begin:end], ranked
        if suits_strips(end - begin, frame, sums, threshold):
            n_kept = suppress_strips(given, threshold, frame, sums, strips, out[n_out:])
        else:
            n_kept = _suppress(given, threshold, grid_over(given[0], frame), out[n_out:])
        for k in range(n_out, n_out + n_kept):
            out[k] += begin
        n_out += n_kept
        begin = end
    return out[:n_out], ALL_GOOD


@njit(cache=True, nogil=True)
def _without_nan(scores):
    """The scores, 1.0 instead of NaN: the same array, if there is none."""
    if not np.isnan(scores).any():
        return scores
    return np.where(np.isnan(scores), 1.0, scores)


@njit(cache=True, nogil=True)
def weights_from(scores):
    """The scores, 1.0 instead of NaN, and whether all are finite and not negative."""
    values, good = _without_nan(scores), True
    for v in values:
        good &= 0 <= v < np.inf
    return values, good


@njit(cache=True, nogil=True, inline="always")
def _rooms(n):
    """An order to write to, and room for `descending` and for `suppress_strips`, for n boxes.

    All whole numbers are in one array: to ask for five takes as long as to suppress ten boxes.
    Strips use what the sort is done with.
    """
    room = np.empty(6 * n + 1, np.int32)
    ends, buckets = room[: 2 * n + 1], room[2 * n + 1 : 3 * n + 1]
    order, numbers, places = (
        room[3 * n + 1 : 4 * n + 1],
        room[4 * n + 1 : 5 * n + 1],
        room[5 * n + 1 :],
    )
    blocks = np.empty(floats_for(n), np.float32)
    return order, (buckets, ends, np.empty(n)), (blocks, numbers, places, buckets, ends)


@njit(cache=True, nogil=True)
def _largest_image(images, n):
    """Boxes of the image that has the most."""
    if images.size == 0:
        return n
    largest = begin = 0
    for i in range(1, n + 1):
        if i == n or images[i] != images[begin]:
            largest, begin = max(largest, i - begin), i
    return largest


@njit(cache=True, nogil=True, inline="always")
def _survey(boxes, begin, end):
    """Of some boxes, the first bad one or -1; top, left, height, width; sums of heights, widths."""
    top, left, bottom, right = np.inf, np.inf, -np.inf, -np.inf
    tall, wide, good = 0.0, 0.0, True
    for i in range(begin, end):
        y0, x0, y1, x1 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        good &= (y0 <= y1) & (y1 < np.inf) & (x0 <= x1) & (x1 < np.inf)
        if not good:
            break
        top, left = (y0 if y0 < top else top), (x0 if x0 < left else left)
        bottom, right = (y1 if y1 > bottom else bottom), (x1 if x1 > right else right)
        tall, wide = tall + (y1 - y0), wide + (x1 - x0)
    if good and min(top, left) > -np.inf:
        return -1, (top, left, bottom - top, right - left), (tall, wide)
    return begin + first_bad_box(boxes[begin:end]), (0.0, 0.0, 0.0, 0.0), (0.0, 0.0)


@njit(cache=True, nogil=True)
def first_bad_box(boxes):
    """First box that is not finite or ends before it begins, -1 if there is none."""
    for i in range(boxes.shape[0]):
        for d in range(2):
            if not -np.inf < boxes[i, d] <= boxes[i, d + 2] < np.inf:
                return i
    return -1


@njit(cache=True, nogil=True)
def grid_over(boxes, frame):
    """A grid: plan, rows, columns.

    It is as `_grid_kernels.plan_grid` has it, but also spans boxes that have no area.
    """
    n, (top, left, h, w), area = boxes.shape[0], frame, 0.0
    for i in range(n):
        area += (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
    cell = max(np.sqrt(area / n), np.sqrt(h / n * w), h / n + w / n, 1e-300)
    return (top, left, 1 / cell), int(h / cell) + 1, int(w / cell) + 1


@njit(cache=True, nogil=True)
def _cells(box, grid):
    """Row and column of the first and of the last cell of a box."""
    plan, n_rows, n_cols = grid
    return (
        cell_at(box[0], plan[0], plan[2], n_rows),
        cell_at(box[1], plan[1], plan[2], n_cols),
        cell_at(box[2], plan[0], plan[2], n_rows),
        cell_at(box[3], plan[1], plan[2], n_cols),
    )


@njit(cache=True, nogil=True)
def _suppress(given, threshold, grid, out):
    """Write the boxes of one image that are kept, in order; returns their number.

    ``heads[cell]`` is the first entry of a cell; an entry is the number of a kept box and the next
    entry, -1 at the end.
    """
    boxes, classes, order = given
    n, n_cols = order.size, grid[2]
    heads = np.full(grid[1] * n_cols, -1, np.int32)
    members, links = np.empty(4 * n + 16, np.int32), np.empty(4 * n + 16, np.int32)
    kept, labels = np.empty((n, 5)), np.empty(n, np.int32)
    lists, found = (heads, members, links), (kept, labels)
    n_kept = n_entries = 0
    for a in order:
        y0, x0, y1, x1 = boxes[a, 0], boxes[a, 1], boxes[a, 2], boxes[a, 3]
        box, area = (y0, x0, y1, x1), (y1 - y0) * (x1 - x0)
        r0, c0, r1, c1 = _cells(box, grid)
        # What suppresses a box by a half or more covers most of its height and width: its centre.
        y, x = (y0 + y1) / 2, (x0 + x1) / 2
        near = _cells((y, x, y, x), grid) if threshold >= 0.5 else (r0, c0, r1, c1)
        label = classes[a] if classes.size else np.int32(0)
        if _is_covered(box, area, label, near, n_cols, lists, found, threshold):
            continue
        kept[n_kept, 0], kept[n_kept, 1], kept[n_kept, 2], kept[n_kept, 3] = box
        kept[n_kept, 4], labels[n_kept], out[n_kept] = area, label, a
        n_new = n_entries + (r1 - r0 + 1) * (c1 - c0 + 1)
        if n_new > members.size:
            members, links = grown(members, 2 * n_new), grown(links, 2 * n_new)
            lists = heads, members, links
        for r in range(r0, r1 + 1):
            for cell in range(r * n_cols + c0, r * n_cols + c1 + 1):
                members[n_entries], links[n_entries] = n_kept, heads[cell]
                heads[cell] = n_entries
                n_entries += 1
        n_kept += 1
    return n_kept


@njit(cache=True, nogil=True)
def _is_covered(box, area, label, near, n_cols, lists, found, threshold):
    """Whether a kept box of a class in some cells covers a box by more than the threshold."""
    heads, members, links = lists
    kept, labels = found
    for r in range(near[0], near[2] + 1):
        for cell in range(r * n_cols + near[1], r * n_cols + near[3] + 1):
            entry = heads[cell]
            while entry >= 0:
                k = members[entry]
                entry = links[entry]
                h = min(box[2], kept[k, 2]) - max(box[0], kept[k, 0])
                w = min(box[3], kept[k, 3]) - max(box[1], kept[k, 1])
                if h <= 0 or w <= 0 or labels[k] != label:
                    continue
                if h * w / (area + kept[k, 4] - h * w) > threshold:
                    return True
    return False
