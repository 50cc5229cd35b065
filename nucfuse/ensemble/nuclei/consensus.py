"""Consensus: only what enough models found."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels.matching import matching_pairs
from nucfuse.ensemble.nuclei.candidates import Candidates
from nucfuse.ensemble.nuclei.clusters import Clusters, find_clusters
from nucfuse.ensemble.nuclei.parameters import Consensus
from nucfuse.ensemble.nuclei.provenance import MethodResult
from nucfuse.ensemble.nuclei.results import result_of_clusters, with_merged_sources
from nucfuse.ensemble.nuclei.weighted import WHOLE_VOTE, fused_scores, result_of_vote
from nucfuse.masks.instances import Instances


def consensus(candidates: Candidates, settings: Consensus) -> MethodResult:
    """Clusters of at least ``min_votes`` models that hold at least ``min_weight`` of all weight.

    Of fewer models than ``min_votes``, all must agree. What such a nucleus looks like is decided by
    its members alone: the pixels with more than half of their votes (score x weight), or the
    medoid, the member with the largest sum of IoU x strength over the others (of equal ones the
    strongest). Its score is that of `weighted`.
    """
    clusters = find_clusters(candidates, settings.iou)
    weight = clusters.sums(candidates.weights[candidates.models]) / candidates.total_weight
    enough = clusters.votes >= min(settings.min_votes, candidates.weights.size)
    clusters = clusters[enough & (weight >= settings.min_weight)]
    if settings.outline == "majority":
        return result_of_vote(candidates, clusters, threshold=0.5, absent=0.0)
    return result_of_clusters(candidates, clusters, _medoids(candidates, clusters))


def _medoids(candidates: Candidates, clusters: Clusters) -> Instances:
    similarity = _similarity(candidates, clusters)[clusters.members]
    # Stable: members come in the order of strength.
    best = np.lexsort((-similarity, clusters.numbers))[clusters.offsets[:-1]]
    medoids = candidates.masks[clusters.members[best]]
    medoids = medoids.with_scores(fused_scores(candidates, clusters))
    return with_merged_sources(medoids, candidates, clusters)


def _similarity(candidates: Candidates, clusters: Clusters) -> NDArray[np.float64]:
    """IoU x strength summed over the other members of each nucleus' cluster, shape (N,)."""
    n, strengths = len(candidates.masks), candidates.strengths
    cluster_of = np.full(n, -1, np.int32)
    cluster_of[clusters.members] = clusters.numbers
    # A cluster as the class of its members: no other pairs are looked at.
    first, second, ious = matching_pairs(
        candidates.masks.arrays, candidates.models, cluster_of, 0.0
    )
    # Whole numbers below 2**53: the sum does not depend on the order.
    to_first = np.rint(ious * strengths[second] * WHOLE_VOTE)
    to_second = np.rint(ious * strengths[first] * WHOLE_VOTE)
    sums = np.bincount(first, to_first, n) + np.bincount(second, to_second, n)
    return np.asarray(sums)
