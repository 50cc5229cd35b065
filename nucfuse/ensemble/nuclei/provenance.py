"""`Fusion`: what came out of several sets of nuclei, and what became of every nucleus put in."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import cast

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.ensemble.kernels.matching import matching_pairs
from nucfuse.ensemble.nuclei.candidates import Candidates
from nucfuse.ensemble.nuclei.clusters import Clusters
from nucfuse.masks.instances import Instances

_NONE = np.empty(0, np.int32)


class Outcome(IntEnum):
    """What became of a nucleus that was put in."""

    KEPT = 0  # a result of its own, perhaps cut where results overlapped
    FUSED = 1  # one of several that a result was made of
    SUPPRESSED = 2  # left out for the sake of another
    DROPPED = 3  # left out: too few votes, too low a score, no pixels, no weight


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """The result of a fusion of M sets with N nuclei together, and its whole provenance.

    Inputs are numbered through: those of the first set, then those of the second, …

    Attributes
    ----------
    instances : Instances
        The R nuclei of the result. The source of each names all models it was made from, as
        "unet+mask_rcnn", in alphabetical order.
    votes : ndarray of int32, shape (R,)
        How many models agree on each: have a nucleus in its cluster, or one it suppressed.
    cut : ndarray of bool, shape (R,)
        Whether it lost pixels to another result, so that results are disjoint.
    contributors : ndarray of int32, shape (C,)
        Inputs each result was made from: ``contributors[offsets[r]:offsets[r + 1]]``, never none.
    offsets : ndarray of int64, shape (R + 1,)
    outcomes : ndarray of int8, shape (N,)
        `Outcome` of each input.
    by : ndarray of int32, shape (N,)
        Kept or fused: the result it went into. Suppressed: the input that suppressed it (that may
        have been dropped in turn). Dropped: -1.
    input_sets : ndarray of int64, shape (M + 1,)
        Inputs ``input_sets[m]:input_sets[m + 1]`` are those of set ``m``.
    """

    instances: Instances
    votes: NDArray[np.int32]
    cut: NDArray[np.bool_]
    contributors: NDArray[np.int32]
    offsets: NDArray[np.int64]
    outcomes: NDArray[np.int8]
    by: NDArray[np.int32]
    input_sets: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many nuclei of each set were kept, fused, suppressed and dropped, shape (M, 4)."""
        n_sets = self.input_sets.size - 1
        models = np.repeat(np.arange(n_sets), np.diff(self.input_sets))
        cells = models * len(Outcome) + self.outcomes
        return np.bincount(cells, minlength=n_sets * len(Outcome)).reshape(n_sets, len(Outcome))

    def made_from(self, result: int) -> list[tuple[int, int]]:
        """Set and place in it of each nucleus that a result was made from."""
        inputs = self.contributors[self.offsets[result] : self.offsets[result + 1]]
        models = np.searchsorted(self.input_sets, inputs, side="right") - 1
        places = inputs - self.input_sets[models]
        return list(zip(models.tolist(), places.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class MethodResult:
    """What a method made of N candidates; results may still overlap.

    Attributes
    ----------
    instances : Instances
        R results, in their order.
    priority : ndarray of int64, shape (R,)
        Who gets a pixel of two results: the lower number. All different.
    votes : ndarray of int32, shape (R,)
    made_from : Clusters
        The candidates each result was made from.
    outcomes : ndarray of int8, shape (N,)
    by : ndarray of int32, shape (N,)
        A result, or a candidate; see `Fusion`.
    """

    instances: Instances
    priority: NDArray[np.int64]
    votes: NDArray[np.int32]
    made_from: Clusters
    outcomes: NDArray[np.int8]
    by: NDArray[np.int32]


def fusion_of(
    result: MethodResult,
    candidates: Candidates,
    input_sets: NDArray[np.int64],
    disjoint: bool,
    min_left: float,
) -> Fusion:
    """Cut overlaps, and number everything as it was put in.

    Parameters
    ----------
    result : MethodResult
    candidates : Candidates
        What it was made of.
    input_sets : ndarray of int64, shape (M + 1,)
        See `Fusion`.
    disjoint : bool
        Whether a pixel of several results goes to one of them: that of the highest priority.
    min_left : float
        Results that lose more than ``1 - min_left`` of their pixels so are dropped.
    """
    whole = result.instances
    instances, parents = whole, np.arange(len(whole))
    if disjoint:
        instances, parents = _without_overlaps(whole, result.priority)
        left = instances.areas >= min_left * whole.areas[parents]
        if not left.all():
            instances, parents = instances[left], parents[left]
    made_from = result.made_from[parents]
    outcomes, by = _of_candidates(result, candidates, parents, made_from)
    all_outcomes = np.full(int(input_sets[-1]), Outcome.DROPPED, np.int8)
    all_by = np.full(all_outcomes.size, -1, np.int32)
    all_outcomes[candidates.inputs], all_by[candidates.inputs] = outcomes, by
    return Fusion(
        instances,
        result.votes[parents],
        instances.areas < whole.areas[parents],
        candidates.inputs[made_from.members],
        made_from.offsets,
        all_outcomes,
        all_by,
        input_sets,
    )


def _without_overlaps(
    instances: Instances, priority: NDArray[np.int64]
) -> tuple[Instances, NDArray[np.int64]]:
    """Disjoint results and which each was; of one cut to pieces, the largest piece."""
    n = len(instances)
    numbers = np.arange(n, dtype=np.int32)
    first, second, _ = matching_pairs(instances.arrays, numbers, _NONE, 0.0)
    contested = np.zeros(n, bool)
    contested[first] = contested[second] = True
    if not contested.any():
        return instances, np.arange(n)
    # Only those that overlap are looked at; they carry their numbers through as classes.
    rivals = replace(instances, scores=-priority.astype(np.float32), classes=numbers)[contested]
    cut = remove_overlaps(rivals, "score", "largest")
    was = cast("NDArray[np.int32]", cut.classes)
    cut = replace(
        cut,
        scores=instances.scores[was],
        sources=instances.sources[was],
        source_names=instances.source_names,
        classes=None if instances.classes is None else instances.classes[was],
    )
    parents = np.concatenate([numbers[~contested], was])
    order = np.argsort(parents, kind="stable")
    return Instances.concatenate([instances[~contested], cut])[order], parents[order]


def _of_candidates(
    result: MethodResult, candidates: Candidates, parents: NDArray[np.int64], made_from: Clusters
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Outcome and by of the candidates; those whose result is gone are dropped."""
    number_of = np.full(len(result.instances) + 1, -1, np.int32)
    number_of[parents] = np.arange(parents.size)
    inside = result.outcomes <= Outcome.FUSED
    outcomes, by = result.outcomes.copy(), np.full(result.by.size, -1, np.int32)
    by[inside] = number_of[result.by[inside]]
    # A nucleus in pieces may be in several results of a union: then any that is left will do.
    other = np.full(by.size, -1, np.int32)
    other[made_from.members[::-1]] = made_from.numbers[::-1]
    by[inside & (by < 0)] = other[inside & (by < 0)]
    left = inside & (by >= 0)
    outcomes[left] = np.where(made_from.votes[by[left]] > 1, Outcome.FUSED, Outcome.KEPT)
    outcomes[inside & ~left] = Outcome.DROPPED
    suppressed = outcomes == Outcome.SUPPRESSED
    by[suppressed] = candidates.inputs[result.by[suppressed]]
    return outcomes, by
