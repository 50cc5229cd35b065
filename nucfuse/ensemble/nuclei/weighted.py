"""Weighted mask fusion: every pixel of a cluster of nuclei is voted on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels.vote import swept_runs, voted_runs
from nucfuse.ensemble.nuclei.candidates import Candidates
from nucfuse.ensemble.nuclei.clusters import Clusters, find_clusters
from nucfuse.ensemble.nuclei.parameters import Weighted
from nucfuse.ensemble.nuclei.provenance import MethodResult
from nucfuse.ensemble.nuclei.results import result_of_clusters, with_merged_sources
from nucfuse.masks.instances import Instances

# Votes are whole numbers, so that their sum does not depend on the order of the models and a tie is
# a tie: 2**40 of them for a certain nucleus of the heaviest model, at least one for any.
WHOLE_VOTE = 2.0**40
# Runs voted on one by one in a process, before it compiles the faster kernel (some 2 s; on disk
# then): some 20 ms of work.
_FEW_RUNS = 200_000
_n_swept = 0


def weighted(candidates: Candidates, settings: Weighted) -> MethodResult:
    """Clusters of matching nuclei, each fused to the pixels that win the vote.

    A member casts score x weight on each of its pixels. A pixel is in if it has more than
    ``threshold`` of all votes there could have been: those of all members of its cluster, and
    ``absent`` x weight of each model that has no nucleus there. So a nucleus few models see must
    win against those that do not see it; with ``absent=0`` every nucleus stays and only outlines
    are voted on.

    The score of a result is the sum of score x weight of its members over the weight of all models:
    two of three equal models that are certain give 2/3.

    References
    ----------
    After R. Solovyev et al., "Weighted boxes fusion", Image and Vision Computing 107, 2021,
    https://doi.org/10.1016/j.imavis.2021.104117, with masks and votes per pixel in place of boxes.
    """
    clusters = find_clusters(candidates, settings.iou)
    return result_of_vote(candidates, clusters, settings.threshold, settings.absent)


def result_of_vote(
    candidates: Candidates, clusters: Clusters, threshold: float, absent: float
) -> MethodResult:
    """Vote on clusters; those that are left, fused."""
    fused = voted(candidates, clusters, threshold, absent)
    alive = fused.areas > 0
    if not alive.all():  # else it would only be copied
        clusters, fused = clusters[alive], fused[alive]
    return result_of_clusters(candidates, clusters, fused)


def voted(candidates: Candidates, clusters: Clusters, threshold: float, absent: float) -> Instances:
    """Find the pixels of each cluster that win the vote, perhaps none; see `weighted`."""
    masks = candidates.masks
    votes, of_models = whole_votes(candidates.strengths), whole_votes(candidates.weights)
    missing = of_models.sum() - clusters.sums(of_models[candidates.models])
    needed = _most_without(threshold, clusters.sums(votes) + absent * missing)
    vote = _vote_kernel(masks.starts.size)
    runs = vote(masks.arrays, clusters.members, clusters.offsets, votes[clusters.members], needed)
    classes = None if masks.classes is None else masks.classes[clusters.leaders]
    scores = fused_scores(candidates, clusters)
    fused = Instances.from_runs(masks.shape, *runs, scores=scores, classes=classes)
    return with_merged_sources(fused, candidates, clusters)


def _vote_kernel(n_runs: int) -> Any:
    """Choose the kernel that votes on so many more runs; both give the same."""
    global _n_swept
    _n_swept += n_runs
    return swept_runs if _n_swept <= _FEW_RUNS else voted_runs


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


def fused_scores(candidates: Candidates, clusters: Clusters) -> NDArray[np.float64]:
    """Score x weight of the members over the weight of all models, shape (C,)."""
    return clusters.sums(candidates.strengths) / candidates.total_weight
