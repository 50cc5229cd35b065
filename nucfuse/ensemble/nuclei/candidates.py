"""`Candidates`: the nuclei of all models that have a say, in one set and one order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.kernels.order import descending_order
from nucfuse.masks.instances import Instances


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
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
    places : ndarray of int32, shape (N,)
        Place of each nucleus in its own set.
    strengths : ndarray of float64, shape (N,)
        Score x weight of the model; a nucleus without a score counts as 1.0.
    ranks : ndarray of int32, shape (N,)
        Place in the order of strength; see `candidates_of`.
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
        return inverse(self.ranks)

    @property
    def total_weight(self) -> float:
        """Weight of all models. Summed exactly, so that their order does not matter."""
        return math.fsum(self.weights)

    @property
    def classes(self) -> NDArray[np.int32]:
        """Class of each nucleus; one and the same where there are no classes."""
        return classes_of(self.masks)

    def primary_model(self, primary: int) -> int:
        """Find the model that is the set put first.

        Raises
        ------
        ValueError
            If there is no such set, or it has no weight.
        """
        found = np.flatnonzero(self.sets == primary)
        if found.size == 0:
            raise ValueError(
                "primary must be the number of a set with weight "
                f"({', '.join(map(str, self.sets))}), got {primary}"
            )
        return int(found[0])


def classes_of(masks: Instances) -> NDArray[np.int32]:
    """Class of each mask, (N,); one and the same where there are no classes."""
    return np.zeros(len(masks), np.int32) if masks.classes is None else masks.classes


def confidence(scores: ArrayLike) -> NDArray[np.float64]:
    """Scores to rank by: a nucleus without one (NaN) counts as 1.0, for its model is sure of it."""
    values = np.asarray(scores, np.float64)
    return np.where(np.isnan(values), 1.0, values)


def inverse(permutation: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where each number from 0 to N - 1 stands in a permutation (N,) of these."""
    places = np.empty(permutation.size, np.int64)
    places[permutation] = np.arange(permutation.size)
    return places


def candidates_of(sets: Sequence[Instances], weights: NDArray[np.float64]) -> Candidates:
    """Gather the nuclei of the sets of positive weight, without those that have no pixel.

    The order of strength does not depend on the order of the sets: from the highest strength to
    the lowest; of equal ones the lower place in its own set first, then what has a score, the
    larger area, the lower class, the name of the source in alphabetical order, and the outline.
    What is equal in all of that is one nucleus said twice, and has one level.
    """
    used = np.flatnonzero(weights > 0).astype(np.int32)
    parts = [sets[k] for k in used.tolist() if len(sets[k])] or [sets[int(used[0])]]
    masks = Instances.concatenate(parts)
    sizes = np.array([len(s) for s in sets])
    firsts = np.cumsum(sizes) - sizes
    models = np.repeat(np.arange(used.size, dtype=np.int32), sizes[used])
    places = np.arange(models.size) - np.repeat(np.cumsum(sizes[used]) - sizes[used], sizes[used])
    places = places.astype(np.int32)
    filled = masks.areas > 0
    if not filled.all():
        masks, models, places = masks[filled], models[filled], places[filled]
    scaled = weights[used] / weights.max()
    strengths = confidence(masks.scores) * scaled[models]
    ranks, levels = _ranked(masks, places, strengths)
    inputs = (firsts[used][models] + places).astype(np.int32)
    return Candidates(masks, models, scaled, inputs, used, places, strengths, ranks, levels)


def _ranked(
    masks: Instances, places: NDArray[np.int32], strengths: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Ranks and levels."""
    order = np.argsort(places, kind="stable")
    order = order[descending_order(strengths[order])]
    same = (np.diff(strengths[order]) == 0) & (np.diff(places[order]) == 0)
    levels = np.arange(order.size)
    if same.any():  # seldom, where there are scores
        order, differs = _ties_broken(masks, order, same)
        levels = np.cumsum(np.concatenate([[False], differs]))
    level_of = np.empty(order.size, np.int32)
    level_of[order] = levels
    return inverse(order).astype(np.int32), level_of


def _ties_broken(
    masks: Instances, order: NDArray[np.int64], same: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Sort nuclei of one strength and place; the order, and which differ from the next.

    ``same`` (N - 1,) says which nuclei of ``order`` (N,) are as strong as the next, at one place.
    """
    of_name = np.unique(np.array(masks.source_names), return_inverse=True)[1]
    group = np.cumsum(np.concatenate([[False], ~same]))
    keys = np.stack(
        [of_name[masks.sources], classes_of(masks), -masks.areas, np.isnan(masks.scores)]
    )
    by_keys = np.lexsort((*keys[:, order], group))
    order = order[by_keys]
    differs = (np.diff(group) > 0) | (np.diff(keys[:, order], axis=1) != 0).any(axis=0)
    # Stretches that only outlines can tell apart: models of one name that say much the same.
    ends = np.flatnonzero(np.concatenate([differs, [True]])) + 1
    begins = np.concatenate([[0], ends[:-1]])
    long = ends - begins > 1
    for begin, end in zip(begins[long].tolist(), ends[long].tolist(), strict=True):
        outlines = {k: _outline(masks, k) for k in order[begin:end].tolist()}
        ranked = sorted(outlines, key=outlines.__getitem__)
        order[begin:end] = ranked
        differs[begin : end - 1] = [outlines[a] != outlines[b] for a, b in pairwise(ranked)]
    return order, differs


def _outline(masks: Instances, k: int) -> list[tuple[int, int]]:
    """Start and length of each run of a mask."""
    a, b = masks.offsets[k], masks.offsets[k + 1]
    return list(zip(masks.starts[a:b].tolist(), masks.lengths[a:b].tolist(), strict=True))
