"""Weighted mask fusion: every pixel of a cluster of nuclei is voted on."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels import vote as kernels
from nucfuse.ensemble.nuclei.candidates import Pool
from nucfuse.ensemble.nuclei.clusters import Clusters, find_clusters
from nucfuse.ensemble.nuclei.drafts import draft_of_clusters, merged_sources
from nucfuse.ensemble.nuclei.provenance import Draft
from nucfuse.masks.instances import Instances

# Votes are whole numbers, so that their sum does not depend on the order of the models and a tie is
# a tie: 2**40 of them for a certain nucleus of the heaviest model, at least one for any.
WHOLE_VOTE = 2.0**40


def weighted(pool: Pool, *, iou: float, threshold: float, absent: float) -> Draft:
    """Clusters of matching nuclei, each fused to the pixels that win the vote.

    A member casts score x weight on each of its pixels. A pixel is in if it has more than
    ``threshold`` of all votes there could have been: those of all members of its cluster, and
    ``absent`` x weight of each model that has no nucleus there. So a nucleus few models see must
    win against those that do not see it; with ``absent=0`` every nucleus stays and only outlines
    are voted on.

    The score of a result is the sum of score x weight of its members over the weight of all models:
    two of three equal models that are certain give 2/3.
    """
    clusters = find_clusters(pool, iou)
    return fused_draft(pool, clusters, threshold, absent)


def fused_draft(pool: Pool, clusters: Clusters, threshold: float, absent: float) -> Draft:
    """What is left of clusters after the vote, as a draft."""
    fused = voted(pool, clusters, threshold, absent)
    alive = fused.areas > 0
    if not alive.all():  # else it would only be copied
        clusters, fused = clusters[alive], fused[alive]
    return draft_of_clusters(pool, clusters, fused)


def voted(pool: Pool, clusters: Clusters, threshold: float, absent: float) -> Instances:
    """The pixels of each cluster that win the vote, perhaps none; see `weighted`."""
    masks = pool.masks
    votes = whole_votes(pool.strengths)
    cast = _sums(votes, clusters)
    missing = whole_votes(pool.weights).sum() - _sums(
        whole_votes(pool.weights)[pool.models], clusters
    )
    needed = _most_without(threshold, cast + absent * missing)
    runs = kernels.voted_runs(
        (*masks.runs, masks.boxes, masks.areas, masks.shape[0]),
        clusters.members, clusters.offsets, votes[clusters.members], needed,
    )  # fmt: skip
    classes = None if masks.classes is None else masks.classes[clusters.leaders]
    fused = Instances.from_runs(
        masks.shape, *runs, scores=fused_scores(pool, clusters), classes=classes
    )
    return merged_sources(fused, pool, clusters)


def _most_without(threshold: float, total: NDArray[np.float64]) -> NDArray[np.int64]:
    """Most votes whose share of the total, as the nearest float, is not above the threshold.

    So 2 of 3 votes are not more than 2 / 3, though 3 * (2 / 3) may be a hair below 2.
    """
    needed = np.floor(threshold * total)
    needed += (needed + 1) / total <= threshold
    needed -= needed / total > threshold
    return needed.astype(np.int64)


def whole_votes(strengths: NDArray[np.float64]) -> NDArray[np.int64]:
    """Strengths in [0, 1] as numbers of votes, at least one."""
    return np.maximum(1, np.rint(strengths * WHOLE_VOTE)).astype(np.int64)


def fused_scores(pool: Pool, clusters: Clusters) -> NDArray[np.float64]:
    """Score x weight of the members over the weight of all models, shape (C,)."""
    return clusters.sums(pool.strengths) / pool.total_weight


def _sums(values: NDArray[np.int64], clusters: Clusters) -> NDArray[np.int64]:
    if len(clusters) == 0:
        return np.zeros(0, np.int64)
    return np.add.reduceat(values[clusters.members], clusters.offsets[:-1])
