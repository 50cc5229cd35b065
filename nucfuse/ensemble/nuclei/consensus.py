"""Consensus: only what enough models found."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels.matching import matching_pairs
from nucfuse.ensemble.nuclei.candidates import Pool
from nucfuse.ensemble.nuclei.clusters import Clusters, find_clusters
from nucfuse.ensemble.nuclei.drafts import draft_of_clusters, merged_sources
from nucfuse.ensemble.nuclei.provenance import Draft
from nucfuse.ensemble.nuclei.weighted import fused_draft, fused_scores
from nucfuse.masks.instances import Instances


def consensus(pool: Pool, *, iou: float, min_votes: int, min_weight: float, outline: str) -> Draft:
    """Clusters of at least ``min_votes`` models that hold at least ``min_weight`` of all weight.

    Of fewer models than ``min_votes``, all must agree. What such a nucleus looks like is decided by
    its members alone: the pixels with more than half of their votes (score x weight), or the
    medoid, the member with the largest sum of IoU x strength over the others (of equal ones the
    strongest). Its score is that of `weighted`.
    """
    clusters = find_clusters(pool, iou)
    weight = clusters.sums(pool.weights[pool.models]) / pool.total_weight
    enough = clusters.votes >= min(min_votes, pool.weights.size)
    clusters = clusters[enough & (weight >= min_weight)]
    if outline == "majority":
        return fused_draft(pool, clusters, threshold=0.5, absent=0.0)
    return draft_of_clusters(pool, clusters, _medoids(pool, clusters))


def _medoids(pool: Pool, clusters: Clusters) -> Instances:
    similarity = _similarity(pool, clusters)[clusters.members]
    # Stable: members come in the order of strength.
    best = np.lexsort((-similarity, clusters.numbers))[clusters.offsets[:-1]]
    medoids = pool.masks[clusters.members[best]]
    return merged_sources(medoids.with_scores(fused_scores(pool, clusters)), pool, clusters)


def _similarity(pool: Pool, clusters: Clusters) -> NDArray[np.float64]:
    """IoU x strength summed over the other members of each nucleus' cluster, shape (N,)."""
    masks = pool.masks
    n = len(masks)
    cluster_of = np.full(n, -1, np.int32)
    cluster_of[clusters.members] = clusters.numbers
    # A cluster as the class of its members: no other pairs are looked at.
    first, second, ious = matching_pairs(
        (*masks.runs, masks.boxes, masks.areas, masks.shape[0]), pool.models, cluster_of, 0.0
    )
    # Whole numbers below 2**53: the sum does not depend on the order.
    to_first = np.rint(ious * pool.strengths[second] * 2.0**40)
    to_second = np.rint(ious * pool.strengths[first] * 2.0**40)
    sums = np.bincount(first, to_first, n) + np.bincount(second, to_second, n)
    return np.asarray(sums)
