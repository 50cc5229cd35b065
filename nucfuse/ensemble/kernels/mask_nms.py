"""Compiled greedy suppression. Arguments are checked; nothing here raises."""

import numpy as np
from numba import njit

from nucfuse.ensemble.kernels.grid import cell_at, cell_rects, empty_grid, insert, plan_grid
from nucfuse.ensemble.kernels.mask_nms_small import kept_of_few, suits_blocks
from nucfuse.ensemble.kernels.pair_overlap import (
    box_overlap,
    covered,
    enough_shared,
    may_cover,
    shared_by,
)

# What is known of a mask besides the number of the one that suppresses it.
KEPT, OPEN = -1, -2
_ONE = np.uint64(1)
_FEW = 24  # so many members of a cell are sorted by insertion


@njit(cache=True, nogil=True)
def score_ranks(scores, bits):
    """Numbers int64 (N,) that ascend where float32 scores (and their bits) fall; NaN is 1.0.

    Of equal scores the lower index comes first: no two numbers are equal, and nothing is sorted.
    """
    ranks = np.empty(scores.size, np.int64)
    for i in range(scores.size):
        level = np.int64(bits[i])
        if np.isnan(scores[i]):
            level = np.int64(0x3F800000)
        elif scores[i] == 0:  # which has two signs
            level = np.int64(0)
        elif level < 0:
            level ^= np.int64(0x7FFFFFFF)
        ranks[i] = ~level * np.int64(2**32) + i
    return ranks


@njit(cache=True, nogil=True)
def kept_masks(masks, classes, scores, bits, threshold, smaller):
    """Masks that greedy suppression keeps, in ascending order, int64 (K,); see `suppress_masks`."""
    if suits_blocks(masks[3]):
        strengths = np.empty(scores.size)
        for i in range(scores.size):
            strengths[i] = 1.0 if np.isnan(scores[i]) else scores[i]
        stays = kept_of_few(masks, classes, strengths, threshold, smaller)
    else:
        ranks = score_ranks(scores, bits)
        nobody = np.empty(0, np.int32)
        stays = suppress_masks(masks, nobody, classes, ranks, threshold, smaller, True) < 0
    kept, n = np.empty(stays.size, np.int64), 0
    for i in range(stays.size):
        kept[n] = i
        n += stays[i]
    return kept[:n]


@njit(cache=True, nogil=True)
def suppress_masks(masks, groups, classes, ranks, threshold, smaller, first):
    """Greedy suppression of masks, the lowest rank first; who suppressed each, int32 (N,), -1 kept.

    Of several kept masks that cover one by more than the threshold, the lowest rank counts, or,
    with ``first``, the one that is found first: that does not change what is kept. Masks
    of one group, or of two classes, leave each other alone; either array may have no entries.

    The greedy pass goes through the image from place to place instead of from rank to rank: what a
    mask has to wait for lies near it, and is settled first. In the order of ranks, every look at
    one of 10^6 masks misses the cache, and costs four times as much.
    """
    starts, lengths, offsets, boxes, areas, height = masks
    rects, cores, n_cols, n_cells = _search_rects(boxes, areas, threshold, smaller)
    firsts, members, levels = _ranked_cells(cores, n_cols, n_cells, masks[4], ranks)
    by = np.full(ranks.size, _read_through(starts, lengths), np.int32)
    by[members] = OPEN
    # A row for each mask that waits: itself, where it does (row, column and entry of the grid),
    # and the best of its suppressors so far. One loop: arrays handed to a function for each mask
    # would be counted in and out, which takes longer than the search.
    stack, depth = np.empty((64, 5), np.int64), 0
    for root in members:
        if by[root] != OPEN:
            continue
        a, r, c, best = root, rects[root, 0], rects[root, 1], np.int64(KEPT)
        e = firsts[r * n_cols + c]
        while True:
            limit = ranks[a] if best == KEPT else ranks[best]
            awaited = -1
            while r <= rects[a, 2]:
                end = firsts[r * n_cols + c + 1]
                while e < end and levels[e] < limit:
                    b = members[e]
                    if by[b] < 0 and (
                        max(rects[a, 0], cores[b, 0]) == r
                        and max(rects[a, 1], cores[b, 1]) == c
                        and _may_suppress(boxes, areas, groups, classes, a, b, threshold, smaller)
                    ):
                        if by[b] == OPEN:
                            awaited = b
                            break
                        enough = enough_shared(areas[a], areas[b], threshold, smaller)
                        shared = shared_by(starts, lengths, offsets, boxes, height, a, b, enough)
                        if covered(shared, areas[a], areas[b], smaller) > threshold:
                            best, limit = np.int64(b), ranks[b]
                            if first:
                                break
                    e += 1
                if awaited >= 0 or (first and best >= 0):
                    break
                c += 1
                if c > rects[a, 3]:
                    c = rects[a, 1]
                    r += 1
                    if r > rects[a, 2]:
                        break
                e = firsts[r * n_cols + c]
            if awaited >= 0:
                if depth == stack.shape[0]:
                    longer = np.empty((2 * depth, 5), np.int64)
                    longer[:depth] = stack
                    stack = longer
                stack[depth, 0] = a
                stack[depth, 1] = r
                stack[depth, 2] = c
                stack[depth, 3] = e
                stack[depth, 4] = best
                depth += 1
                a, r, c = awaited, rects[awaited, 0], rects[awaited, 1]
                e, best = firsts[r * n_cols + c], np.int64(KEPT)
            else:
                by[a] = best
                if depth == 0:
                    break
                depth -= 1
                a, r, c, e, best = (
                    np.int32(stack[depth, 0]),
                    np.int32(stack[depth, 1]),
                    np.int32(stack[depth, 2]),
                    stack[depth, 3],
                    stack[depth, 4],
                )
    return by


@njit(cache=True, nogil=True)
def _read_through(starts, lengths):
    """KEPT, after a look at each cache line of the runs.

    In order they are fetched ahead; mask by mask they are not: with this, suppression takes a
    fifth less time.
    """
    seen = np.int64(0)
    for r in range(0, starts.size, 8):
        seen |= starts[r]
    for r in range(0, lengths.size, 16):
        seen |= lengths[r]
    return KEPT if seen >= 0 else OPEN  # none is negative


@njit(cache=True, nogil=True, inline="always")
def _may_suppress(boxes, areas, groups, classes, a, b, threshold, smaller):
    """Whether b may suppress a, as far as class, group, boxes and areas say."""
    if not may_cover(boxes, areas, a, b, threshold, smaller):
        return False
    if classes.size > 0 and classes[a] != classes[b]:
        return False
    return groups.size == 0 or groups[a] != groups[b]


@njit(cache=True, nogil=True)
def _search_rects(boxes, areas, threshold, smaller):
    """Cells of each mask's box and of its core, int32 (N, 4) both; columns and cells of the grid.

    What covers a mask of area A by an IoU above t has more than t A pixels of it. As the first
    t A / width rows have no more, it reaches beyond them, and in the same way beyond the last
    ones: its box meets the core, what is left of the mask's box without these rows and columns
    (one point of what they share, if that is less than nothing). The core of an ellipse at t = 0.5
    is a fifth as wide as its box.
    """
    plan, n_rows, n_cols = plan_grid(boxes)
    top, left, per_unit = plan[0], plan[1], plan[2]
    rects, cores = np.empty(boxes.shape, np.int32), np.empty(boxes.shape, np.int32)
    for i in range(areas.size):
        y0, x0, y1, x1 = boxes[i, 0], boxes[i, 1], boxes[i, 2] - 1, boxes[i, 3] - 1
        rects[i, 0], rects[i, 2] = (
            cell_at(y0, top, per_unit, n_rows),
            cell_at(y1, top, per_unit, n_rows),
        )
        rects[i, 1], rects[i, 3] = (
            cell_at(x0, left, per_unit, n_cols),
            cell_at(x1, left, per_unit, n_cols),
        )
        least = 0.0 if smaller else threshold * areas[i] * (1 - 1e-9)
        dy, dx = np.floor(least / max(1, x1 - x0 + 1)), np.floor(least / max(1, y1 - y0 + 1))
        dy, dx = min(dy, (y1 - y0) * 0.5), min(dx, (x1 - x0) * 0.5)
        cores[i, 0] = cell_at(y0 + dy, top, per_unit, n_rows)
        cores[i, 1] = cell_at(x0 + dx, left, per_unit, n_cols)
        cores[i, 2] = cell_at(y1 - dy, top, per_unit, n_rows)
        cores[i, 3] = cell_at(x1 - dx, left, per_unit, n_cols)
    return rects, cores, n_cols, n_rows * n_cols


@njit(cache=True, nogil=True)
def _ranked_cells(cores, n_cols, n_cells, areas, ranks):
    """Masks by cell of their cores, the lowest rank first.

    Where each cell begins, its members, and their ranks: looked up at every visit instead, these
    make the whole suppression 3 % longer.
    """
    firsts = np.zeros(n_cells + 2, np.int64)
    for i in range(areas.size):
        if areas[i] > 0:
            for r in range(cores[i, 0], cores[i, 2] + 1):
                for c in range(cores[i, 1], cores[i, 3] + 1):
                    firsts[r * n_cols + c + 2] += 1
    for cell in range(n_cells):
        firsts[cell + 2] += firsts[cell + 1]
    members = np.empty(firsts[n_cells + 1], np.int32)
    levels = np.empty(members.size, np.int64)
    for i in range(areas.size):
        if areas[i] > 0:
            for r in range(cores[i, 0], cores[i, 2] + 1):
                for c in range(cores[i, 1], cores[i, 3] + 1):
                    cell = r * n_cols + c + 1
                    e = firsts[cell]
                    firsts[cell] += 1
                    members[e], levels[e] = i, ranks[i]
    for cell in range(n_cells):
        begin, end = np.uint64(firsts[cell]), np.uint64(firsts[cell + 1])
        if end - begin > _FEW:
            _sort_by_rank(members[begin:end], levels[begin:end])
            continue
        # By insertion, here: a slice handed to a function costs as much as to sort so few.
        for first in range(begin + _ONE, end):
            member, level, e = members[first], levels[first], np.uint64(first)
            while e > begin and levels[e - _ONE] > level:
                members[e], levels[e] = members[e - _ONE], levels[e - _ONE]
                e -= _ONE
            members[e], levels[e] = member, level
    return firsts, members, levels


@njit(cache=True, nogil=True)
def _sort_by_rank(members, levels):
    """Sort the many members of a cell, and their ranks, in place."""
    order = np.argsort(levels)
    members[:], levels[:] = members[order], levels[order]


@njit(cache=True, nogil=True)
def suppress_boxes(boxes, classes, order, threshold):
    """As `suppress_masks`, for float64 boxes (N, 4) and their IoU.

    With a threshold of a half or more, what suppresses a box covers more than half of its height
    and of its width, hence its centre: only that cell is searched.
    """
    n = order.size
    rects, n_cols, n_cells = cell_rects(boxes, 0)
    grid = empty_grid(rects, n_cols, n_cells)
    heads, links, members, _ = grid
    plan, n_rows, _ = plan_grid(boxes)
    ranks, by = np.empty(n, np.int32), np.full(n, -1, np.int32)
    for rank in range(n):
        a = order[rank]
        ranks[a] = best = rank
        r0, c0, r1, c1 = rects[a, 0], rects[a, 1], rects[a, 2], rects[a, 3]
        if threshold >= 0.5:
            r0 = r1 = cell_at((boxes[a, 0] + boxes[a, 2]) / 2, plan[0], plan[2], n_rows)
            c0 = c1 = cell_at((boxes[a, 1] + boxes[a, 3]) / 2, plan[1], plan[2], n_cols)
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                entry = heads[r * n_cols + c]
                while entry >= 0:
                    b = members[entry]
                    entry = links[entry]
                    if ranks[b] >= best or classes[a] != classes[b]:
                        continue
                    if box_overlap(boxes, a, boxes, b) > threshold:
                        best = ranks[b]
        if best < rank:
            by[a] = order[best]
        else:
            insert(grid, rects[a], a)
    return by
