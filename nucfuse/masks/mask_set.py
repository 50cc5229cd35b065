"""The arrays of `Instances`: which masks there are, chosen, joined and compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.kernels import runs as kernels
from nucfuse.masks.kernels.arrays import MaskArrays
from nucfuse.masks.rle import Runs


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MaskSet:
    """N masks of one image that may overlap; see `Instances`, which has ways to make them."""

    shape: tuple[int, int]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    offsets: NDArray[np.int64]
    boxes: NDArray[np.int32]
    areas: NDArray[np.int64]
    scores: NDArray[np.float32]
    sources: NDArray[np.int32]
    source_names: tuple[str, ...] = ("",)
    classes: NDArray[np.int32] | None = None

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """All masks of several Instances of one image, in order; sources keep their names.

        Raises
        ------
        ValueError
            If there are none, the shapes differ, or only some have classes.
        """
        if not parts:
            raise ValueError("concatenate needs at least one Instances")
        for part in parts:
            if part.shape != parts[0].shape:
                raise ValueError(f"shapes differ: {parts[0].shape} and {part.shape}")
            if (part.classes is None) != (parts[0].classes is None):
                raise ValueError("either all parts have classes or none")
        names = tuple(dict.fromkeys(name for part in parts for name in part.source_names))
        sources = [
            np.array([names.index(n) for n in part.source_names], np.int32)[part.sources]
            for part in parts
        ]
        n_runs = np.concatenate([[0], *(np.diff(part.offsets) for part in parts)])
        fields = ["starts", "lengths", "boxes", "areas", "scores"]
        fields += ["classes"] if parts[0].classes is not None else []
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in fields
        }
        return replace(
            parts[0],
            offsets=np.cumsum(n_runs, dtype=np.int64),
            sources=np.concatenate(sources),
            source_names=names,
            **joined,
        )

    def __len__(self) -> int:
        return self.offsets.size - 1

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Self:
        picked = np.atleast_1d(np.arange(len(self))[index])
        starts, lengths, offsets = kernels.take_runs(*self.runs, picked)
        boxes, areas = self.boxes.take(picked, 0), self.areas.take(picked)
        arrays = MaskArrays(starts, lengths, offsets, boxes, areas, self.shape[0])
        return self.with_masks(arrays, picked)

    def with_masks(self, arrays: MaskArrays, picked: NDArray[np.int64]) -> Self:
        """Other masks of the same image, each with the score, source and class of a picked one."""
        return type(self)(
            self.shape,
            *arrays[:5],
            self.scores.take(picked),
            self.sources.take(picked),
            self.source_names,
            None if self.classes is None else self.classes.take(picked),
        )

    def __eq__(self, other: object) -> bool:
        """Compare image size, masks in their order, scores, classes, and names of the sources."""
        if not isinstance(other, MaskSet):
            return NotImplemented
        fields = ("shape", "offsets", "starts", "lengths", "classes")
        return (
            all(np.array_equal(getattr(self, name), getattr(other, name)) for name in fields)
            and np.array_equal(self.scores, other.scores, equal_nan=True)
            and self._source_list() == other._source_list()
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def _source_list(self) -> list[str]:
        return [self.source_names[s] for s in self.sources]

    def __repr__(self) -> str:
        return f"Instances({len(self)} masks, {self.starts.size} runs, shape {self.shape})"

    @property
    def has_scores(self) -> bool:
        """Whether every mask has a confidence."""
        return not np.isnan(self.scores).any()

    @property
    def runs(self) -> Runs:
        """starts, lengths, offsets."""
        return self.starts, self.lengths, self.offsets

    @property
    def arrays(self) -> MaskArrays:
        """What compiled loops take."""
        return MaskArrays(
            self.starts, self.lengths, self.offsets, self.boxes, self.areas, self.shape[0]
        )

    def union(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sorted disjoint runs (starts, lengths) of the pixels in any mask."""
        order = np.argsort(self.starts, kind="stable")
        return kernels.union_runs(self.starts, self.lengths, order)

    @property
    def disjoint(self) -> bool:
        """Whether no pixel lies in two masks."""
        return bool(self.union()[1].sum() == self.areas.sum())

    def with_scores(self, scores: ArrayLike) -> Self:
        """Return the same masks with other scores (N,)."""
        return replace(self, scores=one_per_mask(scores, np.float32, len(self), "scores"))

    def with_source(self, name: str) -> Self:
        """Return the same masks, all of them from that source."""
        return replace(self, sources=np.zeros(len(self), np.int32), source_names=(name,))


def one_per_mask(values: ArrayLike, dtype: Any, n: int, name: str) -> NDArray[Any]:
    """Values as a new array (n,), or a ValueError about the argument of that name."""
    array = np.array(values, dtype)
    if array.shape != (n,):
        raise ValueError(f"{name} must have one value for each of the {n} masks, got {array.shape}")
    return array
