"""Clusters: which nuclei of different models are one and the same."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.kernels import clusters as kernels
from nucfuse.ensemble.kernels.matching import matching_pairs
from nucfuse.ensemble.nuclei.candidates import Candidates


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """The N candidates in C clusters with at most one nucleus of each model.

    Attributes
    ----------
    members : ndarray of int32, shape (N,)
        Candidates, cluster by cluster, the strongest of each (its leader) first.
    offsets : ndarray of int64, shape (C + 1,)
        Cluster ``c`` has the members ``offsets[c]:offsets[c + 1]``. Clusters come in the order of
        the places of their leaders in their own sets.
    """

    members: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return self.offsets.size - 1

    @property
    def votes(self) -> NDArray[np.int64]:
        """How many models agree, shape (C,)."""
        return np.diff(self.offsets)

    @property
    def leaders(self) -> NDArray[np.int32]:
        """The strongest nucleus of each, shape (C,)."""
        return self.members[self.offsets[:-1]]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Cluster of each entry of ``members``, shape (N,)."""
        return np.repeat(np.arange(len(self)), self.votes)

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum over the members of what is given per candidate, shape (C,).

        Always added in the order of strength, so that the order of models does not matter.
        """
        if len(self) == 0:
            return np.zeros(0, values.dtype)
        return np.add.reduceat(values[self.members], self.offsets[:-1])

    def __getitem__(self, index: NDArray[Any]) -> "Clusters":
        """Pick some of the clusters, by a mask (C,) or by numbers in any order."""
        picked = np.arange(len(self))[index]
        sizes = self.votes[picked]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
        return Clusters(self.members[np.repeat(self.offsets[:-1][picked], sizes) + within], offsets)

    def only(self, members: NDArray[np.bool_]) -> "Clusters":
        """Keep only some of the members, (N,) bool, of all clusters."""
        sizes = np.bincount(self.numbers[members], minlength=len(self))
        return Clusters(self.members[members], np.concatenate([[0], np.cumsum(sizes)]))


def find_clusters(candidates: Candidates, iou: float) -> Clusters:
    """Clusters of nuclei that match across models.

    Pairs of nuclei of different models and one class with IoU > ``iou`` are joined from the
    highest IoU to the lowest, and with them the clusters they are in, unless the two clusters hold
    nuclei of one model. Of pairs with equal IoU that of the stronger nuclei comes first
    (`Candidates.levels`), so the order of the models changes nothing. IoU is a quotient of whole
    numbers, rounded correctly: equal ones compare equal.

    Above 0.5, and where the nuclei of each model are disjoint, two nuclei of one model cannot match
    the same third, and the clusters are simply what is connected, but for chains that lead from one
    nucleus of a model to another.
    """
    models, n_models = candidates.models, candidates.weights.size
    pairs = matching_pairs(candidates.masks.arrays, models, candidates.classes, iou)
    first, second, ious = pairs
    # Only where a model would meet itself does it matter which pair comes first.
    unclear = kernels.clashing(first, second, models, n_models)[first]
    picked = np.flatnonzero(unclear)
    a, b = candidates.levels[first[picked]], candidates.levels[second[picked]]
    ranked = picked[np.lexsort((np.maximum(a, b), np.minimum(a, b), -ious[picked]))]
    order = np.concatenate([np.flatnonzero(~unclear), ranked])
    heads = kernels.join_pairs(first[order], second[order], models, n_models)
    clusters = Clusters(*kernels.gather(heads, candidates.order))
    # A set fused with itself keeps its order, and no model's order goes before another's.
    return clusters[np.argsort(candidates.places[clusters.leaders], kind="stable")]
