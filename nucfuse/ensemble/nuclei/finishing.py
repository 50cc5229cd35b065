"""From what a method decided to a `Fusion`: overlaps cut, everything numbered as it was put in."""

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.ensemble.kernels.matching import matching_pairs
from nucfuse.ensemble.nuclei.candidates import Pool
from nucfuse.ensemble.nuclei.provenance import Draft, Fate, Fusion
from nucfuse.masks.instances import Instances


def finished(
    pool: Pool, draft: Draft, input_sets: NDArray[np.int64], disjoint: bool, min_left: float
) -> Fusion:
    """The fusion a draft stands for.

    Parameters
    ----------
    pool : Pool
    draft : Draft
        Of the nuclei of that pool.
    input_sets : ndarray of int64, shape (M + 1,)
        See `Fusion`.
    disjoint : bool
        Whether a pixel of several results goes to one of them: that of the highest priority.
    min_left : float
        Results that lose more than ``1 - min_left`` of their pixels so are dropped.
    """
    instances, parents = draft.instances, np.arange(len(draft.instances))
    if disjoint:
        instances, parents = _parted(draft.instances, draft.priority)
        left = instances.areas >= min_left * draft.instances.areas[parents]
        if not left.all():
            instances, parents = instances[left], parents[left]
    sizes = np.diff(draft.offsets)[parents]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    made_from = draft.contributors[np.repeat(draft.offsets[:-1][parents], sizes) + within]
    fate, by = _renumbered(pool, draft, parents, made_from, sizes, int(input_sets[-1]))
    return Fusion(
        instances, draft.votes[parents], instances.areas < draft.instances.areas[parents],
        pool.inputs[made_from], offsets, fate, by, input_sets,
    )  # fmt: skip


def _parted(
    instances: Instances, priority: NDArray[np.int64]
) -> tuple[Instances, NDArray[np.int64]]:
    """Disjoint results and which each was; of one cut to pieces, the largest piece."""
    n = len(instances)
    numbers = np.arange(n, dtype=np.int32)
    masks = (*instances.runs, instances.boxes, instances.areas, instances.shape[0])
    first, second, _ = matching_pairs(masks, numbers, np.zeros(n, np.int32), 0.0)
    contested = np.zeros(n, bool)
    contested[first] = contested[second] = True
    if not contested.any():
        return instances, np.arange(n)
    # Only those that overlap are swept; they carry their numbers through as classes.
    rivals = replace(instances, scores=-priority.astype(np.float32), classes=numbers)[contested]
    cut = remove_overlaps(rivals, "score", "largest")
    was = cast("NDArray[np.int32]", cut.classes)
    cut = replace(
        cut, scores=instances.scores[was], sources=instances.sources[was],
        source_names=instances.source_names,
        classes=None if instances.classes is None else instances.classes[was],
    )  # fmt: skip
    parents = np.concatenate([numbers[~contested], was])
    order = np.argsort(parents, kind="stable")
    return Instances.concatenate([instances[~contested], cut])[order], parents[order]


def _renumbered(
    pool: Pool, draft: Draft, parents: NDArray[np.int64], made_from: NDArray[np.int32],
    sizes: NDArray[np.int64], n_inputs: int,
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:  # fmt: skip
    """Fate and by of all inputs: those without a say, or whose result is gone, are dropped."""
    result_of = np.full(len(draft.instances) + 1, -1, np.int32)
    result_of[parents] = np.arange(parents.size)
    inside = draft.fate <= Fate.FUSED
    fate, by = draft.fate.copy(), np.full(draft.by.size, -1, np.int32)
    by[inside] = result_of[draft.by[inside]]
    # A nucleus in pieces may be in several results of a union: then any that is left will do.
    other = np.full(by.size, -1, np.int32)
    other[made_from[::-1]] = np.repeat(np.arange(parents.size), sizes)[::-1]
    by[inside & (by < 0)] = other[inside & (by < 0)]
    left = inside & (by >= 0)
    fate[left] = np.where(sizes[by[left]] > 1, Fate.FUSED, Fate.KEPT)
    fate[inside & ~left] = Fate.DROPPED
    suppressed = fate == Fate.SUPPRESSED
    by[suppressed] = pool.inputs[draft.by[suppressed]]
    all_fates = np.full(n_inputs, Fate.DROPPED, np.int8)
    all_by = np.full(n_inputs, -1, np.int32)
    all_fates[pool.inputs], all_by[pool.inputs] = fate, by
    return all_fates, all_by
