"""Drafts: of clusters that were fused, of nuclei that were let through, of models that agree."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.ensemble.nuclei.candidates import Pool, confidence
from nucfuse.ensemble.nuclei.clusters import Clusters
from nucfuse.ensemble.nuclei.provenance import Draft, Fate
from nucfuse.masks.instances import Instances


def draft_of_clusters(pool: Pool, clusters: Clusters, fused: Instances) -> Draft:
    """Every cluster a result, made from all of its members; what is in no cluster is dropped."""
    n = len(pool.masks)
    fate, by = np.full(n, Fate.DROPPED, np.int8), np.full(n, -1, np.int32)
    votes = clusters.votes
    fate[clusters.members] = np.repeat(np.where(votes > 1, Fate.FUSED, Fate.KEPT), votes)
    by[clusters.members] = clusters.numbers
    return Draft(
        fused, priority_of(fused.scores, pool.ranks[clusters.leaders]), votes.astype(np.int32),
        clusters.members, clusters.offsets, fate, by,
    )  # fmt: skip


def priority_of(scores: NDArray[Any], ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """Place of each result by score, of equal ones by a rank."""
    by_rank = np.argsort(ranks)
    order = by_rank[descending_order(confidence(scores)[by_rank])]
    priority = np.empty(order.size, np.int64)
    priority[order] = np.arange(order.size)
    return priority


def draft_of_survivors(
    pool: Pool, by: NDArray[np.int32], dropped: NDArray[np.bool_], ranks: NDArray[np.int32],
    scores: NDArray[np.float32] | None = None, tiers: NDArray[np.int32] | None = None,
) -> Draft:  # fmt: skip
    """Nuclei let through as they are.

    Parameters
    ----------
    pool : Pool
    by : ndarray of int32, shape (N,)
        The nucleus that suppressed each, -1 if none did.
    dropped : ndarray of bool, shape (N,)
        Left out though nobody suppressed them.
    ranks : ndarray of int32, shape (N,)
        Who gets pixels that two claim: the lower number.
    scores : ndarray of float32, shape (N,)
        Other scores than they had.
    tiers : ndarray of int32, shape (N,)
        Results come in the order of these, then of the places in their own sets.
    """
    n = by.size
    kept = (by < 0) & ~dropped
    keys = (pool.ranks, pool.places) if tiers is None else (pool.ranks, pool.places, tiers)
    order = np.lexsort(keys)
    order = order[kept[order]]
    results = pool.masks[order]
    if scores is not None:
        results = replace(results, scores=scores[order])
    number = np.full(n, -1, np.int32)
    number[order] = np.arange(order.size)
    fate = np.where(kept, Fate.KEPT, np.where(by < 0, Fate.DROPPED, Fate.SUPPRESSED))
    return Draft(
        results, ranks[order].astype(np.int64), _agreement(pool, by, number)[order],
        order.astype(np.int32), np.arange(order.size + 1, dtype=np.int64), fate.astype(np.int8),
        np.where(kept, number, by).astype(np.int32),
    )  # fmt: skip


def _agreement(pool: Pool, by: NDArray[np.int32], number: NDArray[np.int32]) -> NDArray[np.int32]:
    """Models each nucleus stands for: its own and those of what it suppressed, shape (N,)."""
    n_models = pool.weights.size
    heads = np.where(by < 0, np.arange(by.size), by).astype(np.int64)
    pairs = np.unique(heads * n_models + pool.models)
    return np.bincount(pairs // n_models, minlength=by.size).astype(np.int32)


def draft_of_agreement(pool: Pool) -> Draft:
    """The nuclei of the first of models that all say the same."""
    n_models, n_inputs = pool.weights.size, len(pool.masks)
    n = n_inputs // n_models
    results = np.arange(n, dtype=np.int32)
    fate = np.full(n_inputs, Fate.FUSED if n_models > 1 else Fate.KEPT, np.int8)
    return Draft(
        pool.masks[:n], pool.ranks[:n].astype(np.int64), np.full(n, n_models, np.int32),
        np.arange(n_inputs, dtype=np.int32).reshape(n_models, n).T.ravel(),
        np.arange(n + 1, dtype=np.int64) * n_models, fate, np.tile(results, n_models),
    )  # fmt: skip


def merged_sources(results: Instances, pool: Pool, clusters: Clusters) -> Instances:
    """The same masks with the names of all sources of their clusters: "a+b", in alphabet."""
    names = pool.masks.source_names
    of_members = pool.masks.sources[clusters.members]
    codes = np.zeros(len(clusters), np.int64)
    has = np.zeros((len(clusters), len(names)), bool)
    has[clusters.numbers, of_members] = True
    for column in has.T:
        # Numbered anew at every name, so that no count of names overflows the code.
        codes = np.unique(codes * 2 + column, return_inverse=True)[1].astype(np.int64)
    first = np.unique(codes, return_index=True)[1]
    joined = tuple(
        "+".join(sorted({names[k] for k in np.flatnonzero(row)} - {""})) for row in has[first]
    )
    return replace(results, sources=codes.astype(np.int32), source_names=joined or names[:1])
