"""Re-voting outlines: the nuclei of one model, each outline that of the majority."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.nuclei.candidates import Pool
from nucfuse.ensemble.nuclei.clusters import Clusters, find_clusters
from nucfuse.ensemble.nuclei.drafts import merged_sources, priority_of
from nucfuse.ensemble.nuclei.primary import primary_model
from nucfuse.ensemble.nuclei.provenance import Draft, Fate
from nucfuse.ensemble.nuclei.weighted import fused_scores, voted
from nucfuse.masks.instances import Instances


def revote(pool: Pool, *, primary: int, iou: float, min_votes: int, threshold: float) -> Draft:
    """The nuclei of the primary set, where enough models agree with the outline of the majority.

    None is added, none removed; score and class stay those of the primary's nucleus. In a cluster
    of at least ``min_votes`` models the outline becomes the pixels with more than ``threshold`` of
    the members' votes (score x weight), unless there are none. Members of smaller clusters are
    suppressed by the primary's nucleus; what matches no nucleus of it is dropped.
    """
    model, _ = primary_model(pool, primary, "revote")
    clusters, own = _with_primary(find_clusters(pool, iou), pool, model)
    fused = voted(pool, clusters, threshold, absent=0.0)
    replaced = (clusters.votes >= min_votes) & (fused.areas > 0)
    made_from = clusters.only(replaced[clusters.numbers] | (pool.models[clusters.members] == model))
    results = merged_sources(_either(replaced, fused, pool.masks[own]), pool, made_from)
    fate, by = _fates(pool, clusters, own, replaced)
    return Draft(
        results, priority_of(fused_scores(pool, clusters), pool.ranks[own]),
        clusters.votes.astype(np.int32), made_from.members, made_from.offsets, fate, by,
    )  # fmt: skip


def _with_primary(clusters: Clusters, pool: Pool, model: int) -> tuple[Clusters, NDArray[np.int32]]:
    """Clusters with a nucleus of a model, in the order of its set, and that nucleus of each."""
    is_own = pool.models[clusters.members] == model
    order = np.argsort(clusters.members[is_own])
    return clusters[clusters.numbers[is_own][order]], clusters.members[is_own][order]


def _either(choice: NDArray[np.bool_], first: Instances, second: Instances) -> Instances:
    """Mask i of the first where chosen, else of the second; all else is the second's."""
    n = len(second)
    both = Instances.concatenate([first, second])[np.where(choice, 0, n) + np.arange(n)]
    return replace(
        second, starts=both.starts, lengths=both.lengths, offsets=both.offsets,
        boxes=both.boxes, areas=both.areas,
    )  # fmt: skip


def _fates(
    pool: Pool, clusters: Clusters, own: NDArray[np.int32], replaced: NDArray[np.bool_]
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    n = len(pool.masks)
    fate, by = np.full(n, Fate.DROPPED, np.int8), np.full(n, -1, np.int32)
    members, numbers = clusters.members, clusters.numbers
    fused = replaced[numbers]
    fate[members] = np.where(fused, Fate.FUSED, Fate.SUPPRESSED)
    by[members] = np.where(fused, numbers, own[numbers])
    fate[own] = np.where(replaced, Fate.FUSED, Fate.KEPT)
    by[own] = np.arange(own.size)
    return fate, by
