"""Compiled search for masks that match: of different models, one class, IoU above a threshold.

Masks lie in a grid by their core, the one or few columns that every mask matching them must reach,
and are looked up in the cells of whole boxes. So a mask is in few cells: of 8,000 nuclei of four
models this leaves a fifth of the neighbours to look at. Nothing here raises.
"""

import numpy as np
from numba import njit

from nucfuse.ensemble.kernels.grid import cell_at, plan_grid
from nucfuse.ensemble.kernels.pair_overlap import covered, may_cover
from nucfuse.ensemble.kernels.vote_columns import plain_masks
from nucfuse.masks.kernels.arrays import grown
from nucfuse.masks.kernels.mask_overlap import shared_pixels


@njit(cache=True, nogil=True)
def matching_pairs(masks, models, classes, threshold):
    """Pairs of masks of different models and one class with IoU > threshold: first, second, IoU.

    ``masks`` as in `_pair_kernels`. Most neighbours only brush each other: their boxes and areas
    rule them out unread. All pairs are found before any is measured, which keeps both loops short.
    """
    first, second = _candidates(masks, models, classes, threshold)
    areas, shared = masks[4], _shared(masks, first, second)
    ious = np.empty(first.size, np.float64)
    n = 0
    for k in range(first.size):
        iou = covered(shared[k], areas[first[k]], areas[second[k]], False)
        if iou > threshold:
            first[n], second[n], ious[n] = first[k], second[k], iou
            n += 1
    return first[:n], second[:n], ious[:n]


@njit(cache=True, nogil=True)
def _shared(masks, first, second):
    """Pixels the masks of each pair share, int64; plain ones in all common columns at once.

    The loop has no calls and is over slices, int32 as soon as it fits: six times as fast.
    """
    starts, lengths, offsets, boxes = masks[:4]
    plain = plain_masks(masks)
    pixels = np.empty(first.size, np.int64)
    for p in range(first.size):
        a, b = first[p], second[p]
        if not (plain[a] and plain[b]):
            pixels[p] = shared_pixels(
                starts, lengths, offsets[a], offsets[a + 1],
                starts, lengths, offsets[b], offsets[b + 1],
            )  # fmt: skip
            continue
        x0 = max(boxes[a, 1], boxes[b, 1])
        n = max(0, min(boxes[a, 3], boxes[b, 3]) - x0)
        i, j = offsets[a] + x0 - boxes[a, 1], offsets[b] + x0 - boxes[b, 1]
        begins_a, sizes_a = starts[i : i + n], lengths[i : i + n]
        begins_b, sizes_b = starts[j : j + n], lengths[j : j + n]
        shared = np.int32(0)  # plain masks are small enough
        for k in range(n):
            later = np.int32(begins_b[k] - begins_a[k])
            common = np.int32(min(sizes_a[k], later + sizes_b[k]) - max(np.int32(0), later))
            shared += max(np.int32(0), common)
        pixels[p] = shared
    return pixels


@njit(cache=True, nogil=True)
def core_columns(masks, threshold):
    """First and last column of the core of each mask, int32 (N, 2); a mask that matches reaches it.

    To match by more than the threshold t, it must share more than t x area of the pixels, all in
    the columns of its own box. So of the pixels in the order of their columns, that box has a
    stretch longer than t x area, which has a pixel between the places t x area from either end: the
    middle one, if t is a half or more.
    """
    starts, lengths, offsets, _, areas, height = masks[:6]
    core = np.zeros((areas.size, 2), np.int32)
    for m in range(areas.size):
        area = areas[m]
        # A hair less, for the product may have been rounded up.
        place = area // 2 if threshold >= 0.5 else np.int64(threshold * area * (1 - 1e-12))
        before, run = np.int64(0), offsets[m]
        for side in range(2 if area else 0):
            if side and threshold >= 0.5:
                core[m, 1] = core[m, 0]
                continue
            place = area - 1 - place if side else place
            while before + lengths[run] <= place:
                before += lengths[run]
                run += 1
            core[m, side] = (starts[run] + place - before) // height
    return core


@njit(cache=True, nogil=True)
def _core_grid(masks, models, threshold, plan, n_rows, n_cols):
    """Where the entries of each cell end, and the entries: mask, box, model, first row and column.

    The masks of a cell come in ascending order, with copies of what they are ruled out by: they
    are read from one end to the other.
    """
    boxes, areas = masks[3], masks[4]
    core = core_columns(masks, threshold)
    rects = np.empty((areas.size, 4), np.int32)
    ends = np.zeros(n_rows * n_cols + 1, np.int64)
    for i in range(areas.size):
        rects[i, 0] = cell_at(boxes[i, 0], plan[0], plan[2], n_rows)
        rects[i, 1] = cell_at(core[i, 0], plan[1], plan[2], n_cols)
        rects[i, 2] = cell_at(boxes[i, 2] - 1, plan[0], plan[2], n_rows) if areas[i] else -1
        rects[i, 3] = cell_at(core[i, 1], plan[1], plan[2], n_cols)
        for r in range(rects[i, 0], rects[i, 2] + 1):
            for c in range(rects[i, 1], rects[i, 3] + 1):
                ends[r * n_cols + c + 1] += 1
    for k in range(ends.size - 1):
        ends[k + 1] += ends[k]
    entries = np.empty((ends[-1], 8), np.int32)
    for i in range(areas.size):
        for r in range(rects[i, 0], rects[i, 2] + 1):
            for c in range(rects[i, 1], rects[i, 3] + 1):
                e = ends[r * n_cols + c]
                ends[r * n_cols + c] += 1
                entries[e, 0], entries[e, 5] = i, models[i]
                entries[e, 6], entries[e, 7] = rects[i, 0], rects[i, 1]
                for d in range(4):
                    entries[e, 1 + d] = boxes[i, d]
    return ends, entries


@njit(cache=True, nogil=True)
def _meets(entry, box, r0, c0, r, c):
    """Whether an entry's box and one whose first cell is (r0, c0) overlap, and first share (r, c).

    One number, not four branches: each of these is a coin's toss.
    """
    return (
        (min(box[2], entry[3]) > max(box[0], entry[1]))
        & (min(box[3], entry[4]) > max(box[1], entry[2]))
        & (max(entry[6], r0) == r)
        & (max(entry[7], c0) == c)
    )


@njit(cache=True, nogil=True)
def _candidates(masks, models, classes, threshold):
    """Pairs that boxes, areas, models and classes do not rule out."""
    boxes, areas = masks[3], masks[4]
    plan, n_rows, n_cols = plan_grid(boxes)
    ends, entries = _core_grid(masks, models, threshold, plan, n_rows, n_cols)
    first, second = np.empty(2 * areas.size, np.int32), np.empty(2 * areas.size, np.int32)
    n = 0
    for a in range(areas.size):
        if areas[a] == 0:
            continue
        y0, x0, y1, x1 = boxes[a, 0], boxes[a, 1], boxes[a, 2], boxes[a, 3]
        r0, c0 = cell_at(y0, plan[0], plan[2], n_rows), cell_at(x0, plan[1], plan[2], n_cols)
        r1 = cell_at(y1 - 1, plan[0], plan[2], n_rows)
        c1 = cell_at(x1 - 1, plan[1], plan[2], n_cols)
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                cell = r * n_cols + c
                for e in range(ends[cell - 1] if cell else 0, ends[cell]):
                    b = entries[e, 0]
                    if b >= a:
                        break
                    meets = _meets(entries[e], (y0, x0, y1, x1), r0, c0, r, c)
                    if not meets or entries[e, 5] == models[a] or classes[a] != classes[b]:
                        continue
                    if not may_cover(boxes, areas, a, b, threshold, False):
                        continue
                    if n == first.size:
                        first, second = grown(first, 2 * n), grown(second, 2 * n)
                    first[n], second[n] = b, a
                    n += 1
    return first[:n], second[:n]
