"""Results of methods: of clusters that were fused, of survivors, of models that agree."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.ensemble.nuclei.candidates import Candidates, confidence, inverse
from nucfuse.ensemble.nuclei.clusters import Clusters
from nucfuse.ensemble.nuclei.provenance import MethodResult, Outcome
from nucfuse.masks.instances import Instances


def result_of_clusters(
    candidates: Candidates, clusters: Clusters, fused: Instances
) -> MethodResult:
    """Every cluster a result, made from all of its members; what is in no cluster is dropped."""
    n = len(candidates.masks)
    outcomes, by = np.full(n, Outcome.DROPPED, np.int8), np.full(n, -1, np.int32)
    votes = clusters.votes
    kinds = np.where(votes > 1, np.int8(Outcome.FUSED), np.int8(Outcome.KEPT))
    outcomes[clusters.members] = np.repeat(kinds, votes)
    by[clusters.members] = clusters.numbers
    priority = priority_of(fused.scores, candidates.ranks[clusters.leaders])
    return MethodResult(fused, priority, votes.astype(np.int32), clusters, outcomes, by)


def priority_of(scores: NDArray[Any], ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """Place of each result by score, of equal ones by a rank."""
    by_rank = np.argsort(ranks)
    return inverse(by_rank[descending_order(confidence(scores)[by_rank])])


def result_of_survivors(
    candidates: Candidates,
    by: NDArray[np.int32],
    ranks: NDArray[np.integer],
    scores: NDArray[np.float32] | None = None,
    dropped: NDArray[np.bool_] | None = None,
    tiers: NDArray[np.int32] | None = None,
) -> MethodResult:
    """Candidates let through as they are.

    Parameters
    ----------
    candidates : Candidates
    by : ndarray of int32, shape (N,)
        The candidate that suppressed each, -1 if none did.
    ranks : ndarray of int, shape (N,)
        Who gets a pixel of two: the lower number.
    scores : ndarray of float32, shape (N,), optional
        Other scores than they had.
    dropped : ndarray of bool, shape (N,), optional
        Left out though nobody suppressed them.
    tiers : ndarray of int32, shape (N,), optional
        Results come in the order of these, then of the places in their own sets.
    """
    n = by.size
    kept = by < 0 if dropped is None else (by < 0) & ~dropped
    keys = (candidates.ranks, candidates.places)
    order = np.lexsort(keys if tiers is None else (*keys, tiers))
    order = order[kept[order]]
    results = candidates.masks[order]
    if scores is not None:
        results = replace(results, scores=scores[order])
    number = np.full(n, -1, np.int32)
    number[order] = np.arange(order.size)
    lost = np.where(by < 0, Outcome.DROPPED, Outcome.SUPPRESSED)
    return MethodResult(
        results,
        ranks[order].astype(np.int64),
        _agreeing(candidates, by)[order],
        Clusters(order.astype(np.int32), np.arange(order.size + 1)),
        np.where(kept, Outcome.KEPT, lost).astype(np.int8),
        np.where(kept, number, by).astype(np.int32),
    )


def _agreeing(candidates: Candidates, by: NDArray[np.int32]) -> NDArray[np.int32]:
    """Models each nucleus stands for: its own and those of what it suppressed, shape (N,)."""
    n_models = candidates.weights.size
    heads = np.where(by < 0, np.arange(by.size), by).astype(np.int64)
    pairs = np.unique(heads * n_models + candidates.models)
    return np.bincount(pairs // n_models, minlength=by.size).astype(np.int32)


def result_of_agreement(candidates: Candidates) -> MethodResult:
    """Take the nuclei of the first of models that all say the same."""
    n_models, n_inputs = candidates.weights.size, len(candidates.masks)
    n = n_inputs // n_models
    members = np.arange(n_inputs, dtype=np.int32).reshape(n_models, n).T.ravel()
    return MethodResult(
        candidates.masks[:n],
        candidates.ranks[:n].astype(np.int64),
        np.full(n, n_models, np.int32),
        Clusters(members, np.arange(n + 1) * n_models),
        np.full(n_inputs, Outcome.FUSED if n_models > 1 else Outcome.KEPT, np.int8),
        np.tile(np.arange(n, dtype=np.int32), n_models),
    )


def with_merged_sources(
    results: Instances, candidates: Candidates, clusters: Clusters
) -> Instances:
    """Name all sources of the clusters the masks are from: "a+b", in alphabet."""
    names = candidates.masks.source_names
    has = np.zeros((len(clusters), len(names)), bool)
    has[clusters.numbers, candidates.masks.sources[clusters.members]] = True
    codes = np.zeros(len(clusters), np.int64)
    for column in has.T:
        # Numbered anew at every name, so that no count of names overflows the code.
        codes = np.unique(codes * 2 + column, return_inverse=True)[1].astype(np.int64)
    first = np.unique(codes, return_index=True)[1]
    joined = tuple(
        "+".join(sorted({names[k] for k in np.flatnonzero(row)} - {""})) for row in has[first]
    )
    return replace(results, sources=codes.astype(np.int32), source_names=joined or names[:1])
