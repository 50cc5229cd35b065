"""`Instances`: the masks of one image as run-length arrays, overlaps allowed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks import polygons, rle
from nucfuse.masks.crops import crops_to_runs, runs_to_crops
from nucfuse.masks.kernels import runs as kernels
from nucfuse.masks.kernels.arrays import MaskArrays, lowest, ranks_of
from nucfuse.masks.labels import check_labels, negative_id_error
from nucfuse.masks.ranking import ranked_masks

OnOverlap = Literal["error", "first", "last", "score"]


class About(TypedDict, total=False):
    """What the ``from_`` methods of `Instances` take besides the masks: ``scores`` (N,), the name
    of their ``source``, and ``classes`` (N,); all may be left out.
    """

    scores: ArrayLike | None
    source: str
    classes: ArrayLike | None


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """N masks of one image in memory O(runs); they may overlap.

    Make one with a ``from_`` method; these check their input, derive boxes and areas, and take
    ``scores``, ``source`` and ``classes`` as well (see `About`).
    Indexing (``x[3]``, ``x[2:5]``, ``x[scores > 0.5]``, ``x[order]``) gives Instances and acts on
    every field; iterating gives Instances of one mask each.

    Attributes
    ----------
    shape : (int, int)
        Height and width of the image in pixels.
    starts : ndarray of int64, shape (R,)
        First pixel of each run, in column-major flat order (that of Kaggle and COCO RLE), from 0.
    lengths : ndarray of int32, shape (R,)
        Pixels of each run, at least 1. Runs of one mask are sorted, disjoint and do not touch.
    offsets : ndarray of int64, shape (N + 1,)
        Mask ``i`` owns runs ``offsets[i]:offsets[i + 1]``.
    boxes : ndarray of int32, shape (N, 4)
        y0, x0, y1, x1, half-open, in pixels; zeros for a mask without pixels.
    areas : ndarray of int64, shape (N,)
        Pixels of each mask.
    scores : ndarray of float32, shape (N,)
        Confidence; NaN where none is known.
    sources : ndarray of int32, shape (N,)
        Which entry of ``source_names`` each mask came from.
    source_names : tuple of str
        Names of the models or files.
    classes : ndarray of int32, shape (N,), or None
        Class of each mask, where there are classes.

    Examples
    --------
    >>> x = Instances.from_labels(np.array([[1, 1, 0], [0, 2, 2]]))
    >>> len(x), x.areas, x.to_rle()
    (2, array([2, 2]), ['1 1 3 1', '4 1 6 1'])
    """

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
    def from_runs(
        cls,
        shape: Sequence[int],
        starts: ArrayLike,
        lengths: ArrayLike,
        offsets: ArrayLike,
        **about: Unpack[About],
    ) -> "Instances":
        """From column-major runs; see the attributes for their form.

        Raises
        ------
        ValueError
            If a run is empty, longer than 2**31 - 1, unsorted, overlaps or touches the one before
            it or leaves the image, or the number of scores or classes is not N.
        """
        size = rle.check_shape(shape)
        return cls._of(size, rle.check_runs(starts, lengths, offsets, size), **about)

    @classmethod
    def _of(cls, shape: tuple[int, int], runs: rle.Runs, **about: Unpack[About]) -> "Instances":
        return cls._measured(shape, (*runs, *kernels.measure_runs(*runs, shape[0])), **about)

    @classmethod
    def _measured(
        cls, shape: tuple[int, int], measured: rle.Measured, **about: Unpack[About]
    ) -> "Instances":
        n = measured[-1].size
        scores, classes = about.get("scores"), about.get("classes")
        score_array = np.full(n, np.nan, np.float32)
        if scores is not None:
            score_array = _per_mask(scores, np.float32, n, "scores")
        class_array = None if classes is None else _per_mask(classes, np.int32, n, "classes")
        names, sources = (about.get("source", ""),), np.zeros(n, np.int32)
        return cls(shape, *measured, score_array, sources, names, class_array)

    @classmethod
    def from_labels(cls, labels: ArrayLike, **about: Unpack[About]) -> "Instances":
        """From a label image (H, W): one mask per id, in ascending order of the ids.

        Raises
        ------
        ValueError, TypeError
            If it is no label image (see `check_labels`), or an id is negative.
        """
        array = check_labels(labels)
        columns, tops, lengths, values = kernels.column_runs(array)
        if lowest(values) < 0:
            raise negative_id_error("labels", lowest(values))
        ranks, ids = ranks_of(values)
        height, width = array.shape
        runs = kernels.sorted_runs(columns, tops, lengths, ranks, width, height, ids.size)
        return cls._of((height, width), runs, **about)

    @classmethod
    def from_masks(cls, masks: ArrayLike, **about: Unpack[About]) -> "Instances":
        """From a stack of masks (N, H, W), bool or 0/1; they may overlap or be empty."""
        stack = np.asarray(masks)
        if stack.ndim != 3:
            raise ValueError(f"masks must be a stack (N, H, W), got shape {stack.shape}")
        crops = list(stack)
        corners = [(0, 0)] * len(crops)
        return cls.from_crops(crops, corners, stack.shape[1:], **about)

    @classmethod
    def from_crops(
        cls,
        crops: Sequence[ArrayLike],
        corners: Sequence[Sequence[int]],
        shape: Sequence[int],
        **about: Unpack[About],
    ) -> "Instances":
        """From small boolean masks and where their upper left corners lie.

        Parameters
        ----------
        crops : sequence of N array_like, shape (h, w)
            bool, or numbers that are 0 or 1.
        corners : sequence of N (y0, x0)
            In pixels from 0; the crop must lie in the image.
        shape : (H, W)
        """
        size = rle.check_shape(shape)
        runs = crops_to_runs(crops, corners, size)
        return cls._of(size, runs, **about)

    @classmethod
    def from_rle(
        cls,
        strings: Sequence[str | bytes],
        shape: Sequence[int],
        dialect: rle.Dialect = "kaggle",
        **about: Unpack[About],
    ) -> "Instances":
        """From one RLE text per mask, read strictly.

        Raises
        ------
        RLEError
            A ValueError that names the mask and what is wrong; see `parse_rle`.
        """
        size = rle.check_shape(shape)
        if dialect == "coco" and (measured := rle.read_coco(strings, size)):
            return cls._measured(size, measured, **about)
        return cls._of(size, rle.parse_rle(strings, size, dialect), **about)

    @classmethod
    def from_counts(
        cls, counts: Sequence[Sequence[int]], shape: Sequence[int], **about: Unpack[About]
    ) -> "Instances":
        """From uncompressed COCO counts (background, mask, background, …) per mask."""
        parts = [rle.counts_to_runs(c, shape, i)[:2] for i, c in enumerate(counts)]
        return cls._of(rle.check_shape(shape), rle.join_runs(parts), **about)

    @classmethod
    def from_polygons(
        cls,
        polygon_sets: Sequence[Sequence[ArrayLike]],
        shape: Sequence[int],
        **about: Unpack[About],
    ) -> "Instances":
        """From COCO polygons: per mask one or more rings [x0, y0, x1, y1, …], filled and united.

        The pixels are those that pycocotools fills; see `polygons.polygon_runs`.
        """
        size = rle.check_shape(shape)
        parts = []
        for rings in polygon_sets:
            runs = rle.join_runs([polygons.polygon_runs(ring, size) for ring in rings])
            order = np.argsort(runs[0], kind="stable")
            parts.append(kernels.union_runs(runs[0], runs[1], order))
        return cls._of(size, rle.join_runs(parts), **about)

    @classmethod
    def empty(cls, shape: Sequence[int], source: str = "") -> "Instances":
        """No masks in an image of that size."""
        return cls._of(rle.check_shape(shape), rle.join_runs([]), source=source)

    @classmethod
    def concatenate(cls, parts: Sequence["Instances"]) -> "Instances":
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
        recoded = [
            np.array([names.index(n) for n in part.source_names], np.int32)[part.sources]
            for part in parts
        ]
        sizes = np.concatenate([[0], *(np.diff(part.offsets) for part in parts)])
        classes = [part.classes for part in parts if part.classes is not None]
        return cls(
            parts[0].shape,
            np.concatenate([part.starts for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            np.cumsum(sizes, dtype=np.int64),
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.areas for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate(recoded),
            names,
            np.concatenate(classes) if classes else None,
        )

    def __len__(self) -> int:
        return self.offsets.size - 1

    def __iter__(self) -> Iterator["Instances"]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> "Instances":
        picked = np.atleast_1d(np.arange(len(self))[index])
        starts, lengths, offsets, boxes, areas, scores, sources = kernels.take_masks(
            *self.runs, self.boxes, self.areas, self.scores, self.sources, picked
        )
        classes = None if self.classes is None else self.classes[picked]
        return Instances(
            self.shape, starts, lengths, offsets, boxes, areas, scores, sources, self.source_names,
            classes,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        """Same image size, masks in the same order, scores, classes, and names of the sources."""
        if not isinstance(other, Instances):
            return NotImplemented
        if self.shape != other.shape or len(self) != len(other):
            return False
        same_classes = (self.classes is None) == (other.classes is None) and (
            self.classes is None or np.array_equal(self.classes, other.classes)  # type: ignore[arg-type]
        )
        return bool(
            same_classes
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.lengths, other.lengths)
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
    def runs(self) -> rle.Runs:
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

    def with_scores(self, scores: ArrayLike) -> "Instances":
        """The same masks with other scores (N,)."""
        return replace(self, scores=_per_mask(scores, np.float32, len(self), "scores"))

    def with_source(self, name: str) -> "Instances":
        """The same masks, all of them from that source."""
        return replace(self, sources=np.zeros(len(self), np.int32), source_names=(name,))

    def to_labels(self, on_overlap: OnOverlap = "error") -> NDArray[np.int32]:
        """Label image (H, W): mask ``i`` has the id ``i + 1``.

        Parameters
        ----------
        on_overlap : {"error", "first", "last", "score"}
            Whether a pixel in two masks is an error, or which of them gets it. "score": the most
            confident; no score (NaN) ranks below any, ties go to the larger, then the first. A mask
            that loses all its pixels leaves its id unused; see also `clean.remove_overlaps`.

        Raises
        ------
        ValueError
            If masks overlap and ``on_overlap`` is "error".
        """
        if on_overlap not in get_args(OnOverlap):
            raise ValueError(
                f"on_overlap must be 'error', 'first', 'last' or 'score', got {on_overlap!r}"
            )
        order = np.arange(len(self))
        if on_overlap == "score":
            order = ranked_masks(self.scores, self.areas)
        if on_overlap in ("first", "score"):
            order = order[::-1]
        labels = np.zeros(self.shape, np.int32)
        values = np.arange(1, len(self) + 1, dtype=np.int32)
        kernels.paint(labels, *self.runs, values, np.ascontiguousarray(order))
        if on_overlap == "error" and (twice := kernels.hidden_pixels(labels, self.lengths)):
            raise ValueError(
                f"{twice} pixels lie in more than one mask; remove overlaps first, or say which "
                "mask gets them: on_overlap='first', 'last' or 'score'"
            )
        return labels

    def to_masks(self) -> NDArray[np.bool_]:
        """Boolean stack (N, H, W). Memory is N x H x W bytes: for few masks only."""
        masks = np.zeros((len(self), *self.shape), bool)
        values = np.ones(len(self), bool)
        for i in range(len(self)):
            kernels.paint(masks[i], *self.runs, values, np.full(1, i))
        return masks

    def to_crops(self) -> tuple[list[NDArray[np.bool_]], NDArray[np.int32]]:
        """Each mask cut out at its box, and the corners (N, 2) as y0, x0; see `from_crops`."""
        crops = runs_to_crops(self.runs, self.boxes, self.shape[0])
        return crops, self.boxes[:, :2].copy()

    def to_rle(self, dialect: rle.Dialect = "kaggle") -> list[str]:
        """One RLE text per mask; "coco" gives pycocotools' compressed strings."""
        return rle.write_rle(self.runs, self.shape, dialect)

    def to_counts(self) -> list[list[int]]:
        """Uncompressed COCO counts per mask."""
        size = self.shape[0] * self.shape[1]
        pairs = zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True)
        return [rle.runs_to_counts(self.starts[a:b], self.lengths[a:b], size) for a, b in pairs]

    def to_polygons(self) -> list[list[list[float]]]:
        """Outer outlines per mask as COCO rings [x0, y0, x1, y1, …]; holes are not kept."""
        crops, corners = self.to_crops()
        return [polygons.outlines(c, yx) for c, yx in zip(crops, corners, strict=True)]


def _per_mask(values: ArrayLike, dtype: Any, n: int, name: str) -> NDArray[Any]:
    array = np.array(values, dtype)
    if array.shape != (n,):
        raise ValueError(f"{name} must have one value for each of the {n} masks, got {array.shape}")
    return array
