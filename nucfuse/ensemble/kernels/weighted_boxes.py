"""Compiled weighted boxes fusion. Arguments are checked; nothing here raises."""

import numpy as np
from numba import njit

from nucfuse.ensemble.kernels.grid import cell_at, plan_grid
from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.ensemble.kernels.pair_overlap import box_overlap
from nucfuse.masks.kernels.runs import grown


@njit(cache=True, nogil=True)
def _cells(boxes, i, plan, n_rows, n_cols):
    """Row and column of the first and of the last cell a box touches."""
    return (
        cell_at(boxes[i, 0], plan[0], plan[2], n_rows),
        cell_at(boxes[i, 1], plan[1], plan[2], n_cols),
        cell_at(boxes[i, 2], plan[0], plan[2], n_rows),
        cell_at(boxes[i, 3], plan[1], plan[2], n_cols),
    )


@njit(cache=True, nogil=True)
def _cells_to_search(boxes, i, plan, n_rows, n_cols, threshold):
    """Cells that any box is in that matches this one by more than the threshold.

    Above a half it covers more than half of its height and of its width, hence its centre.
    """
    if threshold < 0.5:
        return _cells(boxes, i, plan, n_rows, n_cols)
    r = cell_at((boxes[i, 0] + boxes[i, 2]) / 2, plan[0], plan[2], n_rows)
    c = cell_at((boxes[i, 1] + boxes[i, 3]) / 2, plan[1], plan[2], n_cols)
    return r, c, r, c


@njit(cache=True, nogil=True)
def _enter(grid, rect, known, cluster, n_cols):
    """Enter a cluster in the cells of its box that it is not in yet; the grid, grown if need be.

    ``known[cluster]`` is the rectangle of cells it is in, empty if its last row is below its first.
    """
    heads, links, members, n = grid
    old_r0, old_c0 = known[cluster, 0], known[cluster, 1]
    old_r1, old_c1 = known[cluster, 2], known[cluster, 3]
    r0, c0, r1, c1 = rect
    if old_r0 <= old_r1:
        r0, c0, r1, c1 = min(r0, old_r0), min(c0, old_c0), max(r1, old_r1), max(c1, old_c1)
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            if old_r0 <= r <= old_r1 and old_c0 <= c <= old_c1:
                continue
            if n == links.size:
                links, members = grown(links, 2 * n), grown(members, 2 * n)
            cell = r * n_cols + c
            members[n], links[n], heads[cell] = cluster, heads[cell], n
            n += 1
    known[cluster, 0], known[cluster, 1] = r0, c0
    known[cluster, 2], known[cluster, 3] = r1, c1
    return heads, links, members, n


@njit(cache=True, nogil=True)
def _is_in(rect, outer):
    """Whether a rectangle of cells lies in another one."""
    return (
        outer[0] <= rect[0] and outer[1] <= rect[1] and rect[2] <= outer[2] and rect[3] <= outer[3]
    )


@njit(cache=True, nogil=True)
def _best_match(grid, rect, boxes, b, label, fused, labels, threshold, n_cols):
    """Cluster of a box's class with the largest IoU above the threshold, -1 if there is none.

    Of equal ones the first made.
    """
    heads, links, members, _ = grid
    best, most = np.int32(-1), threshold
    r0, c0, r1, c1 = rect
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            entry = heads[r * n_cols + c]
            while entry >= 0:
                k = members[entry]
                entry = links[entry]
                if labels[k] != label:
                    continue
                iou = box_overlap(fused, k, boxes, b)
                if iou > most or (iou == most and k < best):
                    best, most = k, iou
    return best


@njit(cache=True, nogil=True)
def fuse_boxes(boxes, strengths, classes, order, threshold):
    """Clusters of float64 boxes (N, 4) and their weighted mean boxes.

    In the given order each box joins the cluster whose mean box it matches best, which moves that
    box, or begins a new one. Returns the cluster of each box, int32 (N,), and the boxes (C, 4).
    Clusters lie in a grid: O(N) at constant density.
    """
    n = boxes.shape[0]
    plan, n_rows, n_cols = plan_grid(boxes)
    room = 4 * n + 16
    grid = (
        np.full(n_rows * n_cols, -1, np.int32), np.empty(room, np.int32), np.empty(room, np.int32),
        0,
    )  # fmt: skip
    cluster_of = np.empty(n, np.int32)
    fused, sums, total = np.empty((n, 4)), np.zeros((n, 4)), np.zeros(n)
    labels, known = np.empty(n, np.int32), np.zeros((n, 4), np.int32)
    n_clusters = np.int32(0)
    for b in order:
        rect = _cells_to_search(boxes, b, plan, n_rows, n_cols, threshold)
        k = _best_match(grid, rect, boxes, b, classes[b], fused, labels, threshold, n_cols)
        joined = k >= 0
        if not joined:
            k = n_clusters
            n_clusters += 1
            labels[k], fused[k] = classes[b], boxes[b]
            known[k, 2] = -1  # in no cell yet
        cluster_of[b] = k
        total[k] += strengths[b]
        for d in range(4):
            sums[k, d] += strengths[b] * boxes[b, d]
            if joined and total[k] > 0:
                fused[k, d] = sums[k, d] / total[k]
        rect = _cells(fused, k, plan, n_rows, n_cols)
        if not _is_in(rect, known[k]):
            grid = _enter(grid, rect, known, k, n_cols)
    return cluster_of, fused[:n_clusters]


@njit(cache=True, nogil=True)
def tally(cluster_of, n_clusters, strengths, models, weights):
    """What scores are made of, float64 (6, C): rows sum and maximum of the members' strengths,
    their number, the weight of their models, that of each model once, and the number of models.
    """
    table = np.zeros((6, n_clusters))
    first = np.full(n_clusters, -1, np.int64)
    links = np.empty(cluster_of.size, np.int64)
    for i in range(cluster_of.size):
        links[i], first[cluster_of[i]] = first[cluster_of[i]], i
    seen = np.full(weights.size, -1, np.int64)
    for c in range(n_clusters):
        i = first[c]
        while i >= 0:
            weight = weights[models[i]]
            table[0, c] += strengths[i]
            table[1, c] = max(table[1, c], strengths[i])
            table[2, c] += 1
            table[3, c] += weight
            if seen[models[i]] != c:
                seen[models[i]] = c
                table[4, c] += weight
                table[5, c] += 1
            i = links[i]
    return table


@njit(cache=True, nogil=True)
def weighted_boxes(boxes, scores, classes, models, weights, min_score, threshold, how):
    """All of weighted boxes fusion, in one call as it is short for the boxes of one image.

    ``how`` is the number of the way scores are made in `fuse_boxes` of the module `boxes`: mean,
    max, models, absent. Returns boxes, scores, classes, votes and by as `BoxFusion` has them.
    """
    used = np.flatnonzero((scores >= min_score) & (weights[models] > 0))
    own_models = models[used]
    strengths = scores[used] * weights[own_models]
    labels = classes[used]
    cluster_of, fused = fuse_boxes(
        boxes[used], strengths, labels, descending_order(strengths), threshold
    )
    table = tally(cluster_of, len(fused), strengths, own_models, weights)
    values = scored(table, weights, how)
    order = descending_order(values)
    number = np.empty(order.size, np.int32)
    for k in range(order.size):
        number[order[k]] = k
    by, classes_of = np.full(scores.size, -1, np.int32), np.zeros(order.size, np.int32)
    for i in range(used.size):
        by[used[i]] = number[cluster_of[i]]
        classes_of[by[used[i]]] = labels[i]
    votes = table[5][order].astype(np.int32)
    return fused[order], values[order], classes_of, votes, by


@njit(cache=True, nogil=True)
def scored(table, weights, how):
    """Score of each cluster by what `tally` counted, float64 (C,)."""
    total, n_models = weights.sum(), (weights > 0).sum()
    values = np.empty(table.shape[1])
    for c in range(values.size):
        strength, size, member_weight, present = table[0, c], table[2, c], table[3, c], table[4, c]
        if how == 0:
            values[c] = strength / size * min(size, n_models) / total
        elif how == 1:
            values[c] = table[1, c] / weights.max()
        elif how == 2:
            values[c] = strength / member_weight * present / total
        else:
            values[c] = strength / (member_weight + total - present)
    return values
