"""Re-voting outlines: the nuclei of one model, each outline that of the majority."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.nuclei.candidates import Candidates
from nucfuse.ensemble.nuclei.clusters import Clusters, find_clusters
from nucfuse.ensemble.nuclei.parameters import Revote
from nucfuse.ensemble.nuclei.provenance import MethodResult, Outcome
from nucfuse.ensemble.nuclei.results import priority_of, with_merged_sources
from nucfuse.ensemble.nuclei.weighted import fused_scores, voted
from nucfuse.masks.instances import Instances


def revote(candidates: Candidates, settings: Revote) -> MethodResult:
    """Give the nuclei of the primary set, where enough models agree, the majority's outline.

    None is added, none removed; score and class stay those of the primary's nucleus. In a cluster
    of at least ``min_votes`` models the outline becomes the pixels with more than ``threshold`` of
    the members' votes (score x weight), unless there are none. Members of smaller clusters are
    suppressed by the primary's nucleus; what matches no nucleus of it is dropped.
    """
    model = candidates.primary_model(settings.primary)
    clusters = find_clusters(candidates, settings.iou)
    is_own = candidates.models[clusters.members] == model
    order = np.argsort(clusters.members[is_own])
    own = clusters.members[is_own][order]
    clusters = clusters[clusters.numbers[is_own][order]]
    fused = voted(candidates, clusters, settings.threshold, absent=0.0)
    replaced = (clusters.votes >= settings.min_votes) & (fused.areas > 0)
    is_own = candidates.models[clusters.members] == model
    made_from = clusters.only(replaced[clusters.numbers] | is_own)
    results = _either(replaced, fused, candidates.masks[own])
    outcomes, by = _outcomes(candidates, clusters, own, replaced)
    return MethodResult(
        with_merged_sources(results, candidates, made_from),
        priority_of(fused_scores(candidates, clusters), candidates.ranks[own]),
        clusters.votes.astype(np.int32),
        made_from,
        outcomes,
        by,
    )


def _either(choice: NDArray[np.bool_], first: Instances, second: Instances) -> Instances:
    """Mask i of the first where chosen, else of the second; all else is the second's."""
    n = len(second)
    both = Instances.concatenate([first, second])[np.where(choice, 0, n) + np.arange(n)]
    return replace(
        second,
        starts=both.starts,
        lengths=both.lengths,
        offsets=both.offsets,
        boxes=both.boxes,
        areas=both.areas,
    )


def _outcomes(
    candidates: Candidates, clusters: Clusters, own: NDArray[np.int32], replaced: NDArray[np.bool_]
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Outcome and by of each candidate."""
    n = len(candidates.masks)
    outcomes, by = np.full(n, Outcome.DROPPED, np.int8), np.full(n, -1, np.int32)
    members, numbers = clusters.members, clusters.numbers
    fused = replaced[numbers]
    outcomes[members] = np.where(fused, Outcome.FUSED, Outcome.SUPPRESSED)
    by[members] = np.where(fused, numbers, own[numbers])
    outcomes[own] = np.where(replaced, Outcome.FUSED, Outcome.KEPT)
    by[own] = np.arange(own.size)
    return outcomes, by
