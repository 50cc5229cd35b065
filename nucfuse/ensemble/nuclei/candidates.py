"""`Pool`: the nuclei of all models that have a say, in one set and one order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.kernels import ties as kernels
from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.masks.instances import Instances


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """N nuclei of M models with weight, none of them empty.

    Attributes
    ----------
    masks : Instances
    models : ndarray of int32, shape (N,)
        Which model each is from, 0..M - 1: the sets of positive weight, in order.
    weights : ndarray of float64, shape (M,)
        Of the models; the largest is 1.
    inputs : ndarray of int32, shape (N,)
        Number of each nucleus among all inputs, those without weight or pixels included.
    sets : ndarray of int32, shape (M,)
        Number of each model among all sets.
    strengths : ndarray of float64, shape (N,)
        Score x weight of the model; a nucleus without a score counts as 1.0.
    ranks : ndarray of int32, shape (N,)
        Place in the order of strength; see `pooled`.
    levels : ndarray of int32, shape (N,)
        As ranks, but nuclei that only their models tell apart share a level.
    """

    masks: Instances
    models: NDArray[np.int32]
    weights: NDArray[np.float64]
    inputs: NDArray[np.int32]
    sets: NDArray[np.int32]
    places: NDArray[np.int32]
    strengths: NDArray[np.float64]
    ranks: NDArray[np.int32]
    levels: NDArray[np.int32]

    @property
    def order(self) -> NDArray[np.int64]:
        """The nuclei from the strongest to the weakest."""
        order = np.empty(self.ranks.size, np.int64)
        order[self.ranks] = np.arange(self.ranks.size)
        return order

    @property
    def total_weight(self) -> float:
        """Weight of all models. Summed exactly, so that their order does not matter."""
        return math.fsum(self.weights)

    @property
    def classes(self) -> NDArray[np.int32]:
        """Class of each nucleus; one and the same where there are no classes."""
        if self.masks.classes is None:
            return np.zeros(len(self.masks), np.int32)
        return self.masks.classes


def confidence(scores: ArrayLike) -> NDArray[np.float64]:
    """Scores to rank by: a nucleus without one (NaN) counts as 1.0, for its model is sure of it."""
    values = np.asarray(scores, np.float64)
    return np.where(np.isnan(values), 1.0, values)


def pooled(sets: Sequence[Instances], weights: NDArray[np.float64]) -> Pool:
    """The nuclei of the sets of positive weight, without those that have no pixel.

    The order of strength does not depend on the order of the sets: from the highest strength to
    the lowest; of equal ones the lower place in its own set first, then what has a score, the
    larger area, the lower class, the name of the source in alphabetical order, and the outline.
    What is equal in all of that is one nucleus said twice, and has one level.
    """
    has_say = weights > 0
    used = np.flatnonzero(has_say).astype(np.int32)
    parts = [sets[k] for k in used.tolist() if len(sets[k])] or [sets[int(used[0])]]
    masks = Instances.concatenate(parts)
    sizes = np.array([len(s) for s in sets])
    firsts = np.cumsum(sizes) - sizes
    models = np.repeat(np.arange(used.size, dtype=np.int32), sizes[used])
    places = np.arange(models.size) - np.repeat(np.cumsum(sizes[used]) - sizes[used], sizes[used])
    inputs = firsts[used][models] + places
    filled = masks.areas > 0
    if not filled.all():
        masks, models, places, inputs = (
            masks[filled],
            models[filled],
            places[filled],
            inputs[filled],
        )
    scaled = weights[used] / weights.max()
    strengths = confidence(masks.scores) * scaled[models]
    ranks, levels = _ranked(masks, places, strengths)
    return Pool(
        masks, models, scaled, inputs.astype(np.int32), used, places.astype(np.int32), strengths,
        ranks, levels,
    )  # fmt: skip


def _ranked(
    masks: Instances, places: NDArray[np.int64], strengths: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    by_place = np.argsort(places.astype(np.int32), kind="stable")
    order = by_place[descending_order(strengths[by_place])]
    names = np.array(sorted(set(masks.source_names)))
    of_name = np.searchsorted(names, np.array(masks.source_names)).astype(np.int32)
    classes = masks.classes if masks.classes is not None else np.zeros(len(masks), np.int32)
    # At one place of one strength there is at most one nucleus of each model: few to compare.
    levels = kernels.break_ties(
        order,
        strengths,
        places,
        np.isnan(masks.scores),
        masks.areas,
        classes,
        of_name[masks.sources],
        *masks.runs,
    )
    ranks = np.empty(order.size, np.int32)
    ranks[order] = np.arange(order.size, dtype=np.int32)
    return ranks, levels
