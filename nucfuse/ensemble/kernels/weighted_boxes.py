"""Compiled weighted boxes fusion. Arguments are checked; nothing here raises."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels.grid import Grid, cells_of, grid_over
from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.ensemble.kernels.pair_overlap import box_overlap
from nucfuse.kernels.jit import kernel
from nucfuse.masks.kernels.arrays import grown

MEAN, MAX, MODELS, ABSENT = range(4)  # how the score of a fused box is made


class Boxes(NamedTuple):
    """N boxes of all models: corners (N, 4), and each one's score, class and model (N,)."""

    corners: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int32]
    models: NDArray[np.int64]


class Clusters(NamedTuple):
    """Room for clusters: their fused boxes (N, 4) and classes (N,), and the cells they lie in.

    ``known`` (N, 4) are row and column of the first and of the last cell each is entered in.
    """

    boxes: NDArray[np.float64]
    classes: NDArray[np.int32]
    known: NDArray[np.int32]


class Cells(NamedTuple):
    """Clusters by cell: ``heads[cell]`` is its first entry, ``links[entry]`` the next, -1 the end.

    ``members[entry]`` is the cluster.
    """

    grid: Grid
    heads: NDArray[np.int32]
    links: NDArray[np.int32]
    members: NDArray[np.int32]


class Tally(NamedTuple):
    """What scores are made of, (C,) each.

    Sum and largest of the members' strengths, their number, the weight of their models, that of
    each model once, and the number of models.
    """

    strength: NDArray[np.float64]
    strongest: NDArray[np.float64]
    size: NDArray[np.int64]
    weight: NDArray[np.float64]
    present: NDArray[np.float64]
    n_models: NDArray[np.int32]


@kernel
def weighted_boxes(boxes, weights, min_score, threshold, how):
    """All of weighted boxes fusion, in one call as it is short for the boxes of one image.

    ``how`` is one of the numbers above. Returns boxes, scores, classes, votes and by as `BoxFusion`
    has them.
    """
    used = np.flatnonzero((boxes.scores >= min_score) & (weights[boxes.models] > 0))
    own = Boxes(boxes.corners[used], boxes.scores[used], boxes.classes[used], boxes.models[used])
    strengths = own.scores * weights[own.models]
    cluster_of, clusters = _clustered(own, strengths, threshold)
    tally = _tally(cluster_of, len(clusters.boxes), strengths, own.models, weights)
    scores = _scores(tally, weights, how)
    order = descending_order(scores)
    number = np.empty(order.size, np.int32)
    for k in range(order.size):
        number[order[k]] = k
    by = np.full(boxes.scores.size, -1, np.int32)
    by[used] = number[cluster_of]
    return (
        clusters.boxes[order],
        scores[order],
        clusters.classes[order],
        tally.n_models[order],
        by,
    )


@kernel
def _clustered(boxes, strengths, threshold):
    """Cluster of each box, int32 (N,), and the `Clusters`, whose boxes are weighted mean boxes.

    From the strongest on each box joins the cluster whose mean box it matches best, which moves
    that box, or begins a new one. Clusters lie in a grid: O(N) at constant density.
    """
    n = strengths.size
    grid = grid_over(boxes.corners)
    room = 4 * n + 16
    cells = Cells(
        grid,
        np.full(grid.n_rows * grid.n_cols, -1, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
    )
    clusters = Clusters(np.empty((n, 4)), np.empty(n, np.int32), np.zeros((n, 4), np.int32))
    sums, total, cluster_of = np.zeros((n, 4)), np.zeros(n), np.empty(n, np.int32)
    n_clusters, n_entries = np.int32(0), np.int64(0)
    for b in descending_order(strengths):
        k = _best_match(boxes, b, clusters, cells, threshold)
        joined = k >= 0
        if not joined:
            k = n_clusters
            n_clusters += 1
            clusters.classes[k], clusters.boxes[k] = boxes.classes[b], boxes.corners[b]
            clusters.known[k, 2] = -1  # in no cell yet
        cluster_of[b] = k
        total[k] += strengths[b]
        for d in range(4):
            sums[k, d] += strengths[b] * boxes.corners[b, d]
            if joined and total[k] > 0:
                clusters.boxes[k, d] = sums[k, d] / total[k]
        cells, n_entries = _entered(cells, n_entries, clusters, k)
    return cluster_of, Clusters(
        clusters.boxes[:n_clusters], clusters.classes[:n_clusters], clusters.known[:n_clusters]
    )


@kernel
def _best_match(boxes, b, clusters, cells, threshold):
    """Cluster of a box's class with the largest IoU above the threshold, -1 if there is none.

    Of equal ones the first made. Above a half it covers more than half of the box's height and of
    its width, hence its centre: only that cell is searched.
    """
    y0, x0, y1, x1 = boxes.corners[b]
    if threshold >= 0.5:
        y0 = y1 = (y0 + y1) / 2
        x0 = x1 = (x0 + x1) / 2
    r0, c0, r1, c1 = cells_of(cells.grid, y0, x0, y1, x1)
    best, most = np.int32(-1), threshold
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            entry = cells.heads[r * cells.grid.n_cols + c]
            while entry >= 0:
                k = cells.members[entry]
                entry = cells.links[entry]
                if clusters.classes[k] == boxes.classes[b]:
                    iou = box_overlap(clusters.boxes, k, boxes.corners, b)
                    if iou > most or (iou == most and k < best):
                        best, most = k, iou
    return best


@kernel
def _entered(cells, n, clusters, k):
    """Enter a cluster in all cells its box touches by now; the cells, and their entries."""
    known, box = clusters.known, clusters.boxes[k]
    r0, c0, r1, c1 = cells_of(cells.grid, box[0], box[1], box[2], box[3])
    old_r0, old_c0, old_r1, old_c1 = known[k, 0], known[k, 1], known[k, 2], known[k, 3]
    if old_r0 <= r0 and old_c0 <= c0 and r1 <= old_r1 and c1 <= old_c1:
        return cells, n
    if old_r0 <= old_r1:
        r0, c0, r1, c1 = min(r0, old_r0), min(c0, old_c0), max(r1, old_r1), max(c1, old_c1)
    size = n + (r1 - r0 + 1) * (c1 - c0 + 1)
    if size > cells.links.size:
        cells = Cells(
            cells.grid, cells.heads, grown(cells.links, 2 * size), grown(cells.members, 2 * size)
        )
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            if old_r0 <= r <= old_r1 and old_c0 <= c <= old_c1:
                continue
            cell = r * cells.grid.n_cols + c
            cells.members[n], cells.links[n], cells.heads[cell] = k, cells.heads[cell], n
            n += 1
    known[k, 0], known[k, 1], known[k, 2], known[k, 3] = r0, c0, r1, c1
    return cells, n


@kernel
def _tally(cluster_of, n_clusters, strengths, models, weights):
    """Count what the `Tally` of clusters says."""
    tally = Tally(
        np.zeros(n_clusters),
        np.zeros(n_clusters),
        np.zeros(n_clusters, np.int64),
        np.zeros(n_clusters),
        np.zeros(n_clusters),
        np.zeros(n_clusters, np.int32),
    )
    first, links = np.full(n_clusters, -1, np.int64), np.empty(cluster_of.size, np.int64)
    for i in range(cluster_of.size):
        links[i], first[cluster_of[i]] = first[cluster_of[i]], i
    seen = np.full(weights.size, -1, np.int64)
    for c in range(n_clusters):
        i = first[c]
        while i >= 0:
            weight = weights[models[i]]
            tally.strength[c] += strengths[i]
            tally.strongest[c] = max(tally.strongest[c], strengths[i])
            tally.size[c] += 1
            tally.weight[c] += weight
            if seen[models[i]] != c:
                seen[models[i]] = c
                tally.present[c] += weight
                tally.n_models[c] += 1
            i = links[i]
    return tally


@kernel
def _scores(tally, weights, how):
    """Score of each cluster, float64 (C,); see `fuse_boxes`."""
    total, n_models = weights.sum(), (weights > 0).sum()
    if how == MEAN:
        return tally.strength / tally.size * np.minimum(tally.size, n_models) / total
    if how == MAX:
        return tally.strongest / weights.max()
    if how == MODELS:
        return tally.strength / tally.weight * tally.present / total
    return tally.strength / (tally.weight + total - tally.present)
