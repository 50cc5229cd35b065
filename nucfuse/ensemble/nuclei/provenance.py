"""`Fusion`: what came out of several sets of nuclei, and what became of every nucleus put in."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.instances import Instances


class Fate(IntEnum):
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
    fate : ndarray of int8, shape (N,)
        `Fate` of each input.
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
    fate: NDArray[np.int8]
    by: NDArray[np.int32]
    input_sets: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many nuclei of each set were kept, fused, suppressed and dropped, shape (M, 4)."""
        n_sets = self.input_sets.size - 1
        models = np.repeat(np.arange(n_sets), np.diff(self.input_sets))
        table = np.bincount(models * len(Fate) + self.fate, minlength=n_sets * len(Fate))
        return table.reshape(n_sets, len(Fate))

    def made_from(self, result: int) -> list[tuple[int, int]]:
        """Set and place in it of each nucleus that a result was made from."""
        inputs = self.contributors[self.offsets[result] : self.offsets[result + 1]]
        models = np.searchsorted(self.input_sets, inputs, side="right") - 1
        places = inputs - self.input_sets[models]
        return list(zip(models.tolist(), places.tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """What a method decided about the N nuclei of a pool, before overlaps are cut.

    Attributes
    ----------
    instances : Instances
        R results, in their order.
    priority : ndarray of int64, shape (R,)
        Who gets a pixel of two results: the lower number. All different.
    votes : ndarray of int32, shape (R,)
    contributors : ndarray of int32, shape (C,)
        Nuclei of the pool.
    offsets : ndarray of int64, shape (R + 1,)
    fate : ndarray of int8, shape (N,)
    by : ndarray of int32, shape (N,)
        A result, or a nucleus of the pool; see `Fusion`.
    """

    instances: Instances
    priority: NDArray[np.int64]
    votes: NDArray[np.int32]
    contributors: NDArray[np.int32]
    offsets: NDArray[np.int64]
    fate: NDArray[np.int8]
    by: NDArray[np.int32]
