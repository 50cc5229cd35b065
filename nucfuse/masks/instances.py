"""`Instances`: the masks of one image as run-length arrays, overlaps allowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypedDict, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks import rle
from nucfuse.masks.crops import crops_to_runs, runs_to_crops
from nucfuse.masks.kernels import runs as kernels
from nucfuse.masks.kernels.arrays import MaskArrays
from nucfuse.masks.labels import check_labels, hidden_pixels, painted_labels, ranks_of
from nucfuse.masks.mask_set import MaskSet, one_per_mask
from nucfuse.masks.ranking import ranked_masks

OnOverlap = Literal["error", "first", "last", "score"]


class MaskAttributes(TypedDict, total=False):
    """What the ``from_`` methods of `Instances` take besides the masks.

    ``scores`` (N,), the name of their ``source``, ``classes`` (N,); all may be left out.
    """

    scores: ArrayLike | None
    source: str
    classes: ArrayLike | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Instances(MaskSet):
    """N masks of one image in memory O(runs); they may overlap.

    Make one with a ``from_`` method; these check their input, derive boxes and areas, and take
    ``scores``, ``source`` and ``classes`` as well (see `MaskAttributes`).
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

    @classmethod
    def from_runs(
        cls,
        shape: Sequence[int],
        starts: ArrayLike,
        lengths: ArrayLike,
        offsets: ArrayLike,
        **attributes: Unpack[MaskAttributes],
    ) -> Self:
        """From column-major runs; see the attributes for their form.

        Raises
        ------
        ValueError
            If a run is empty, longer than 2**31 - 1, unsorted, overlaps or touches the one before
            it or leaves the image, or the number of scores or classes is not N.
        """
        size = rle.check_shape(shape)
        return cls._of_runs(size, rle.check_runs(starts, lengths, offsets, size), **attributes)

    @classmethod
    def _of_runs(
        cls, shape: tuple[int, int], runs: rle.Runs, **attributes: Unpack[MaskAttributes]
    ) -> Self:
        return cls._of_arrays(shape, rle.measured(runs, shape[0]), **attributes)

    @classmethod
    def _of_arrays(
        cls, shape: tuple[int, int], arrays: MaskArrays, **attributes: Unpack[MaskAttributes]
    ) -> Self:
        n = arrays.areas.size
        scores, classes = attributes.get("scores"), attributes.get("classes")
        score_array = np.full(n, np.nan, np.float32)
        if scores is not None:
            score_array = one_per_mask(scores, np.float32, n, "scores")
        class_array = None if classes is None else one_per_mask(classes, np.int32, n, "classes")
        names, sources = (attributes.get("source", ""),), np.zeros(n, np.int32)
        return cls(shape, *arrays[:5], score_array, sources, names, class_array)

    @classmethod
    def from_labels(cls, labels: ArrayLike, **attributes: Unpack[MaskAttributes]) -> Self:
        """From a label image (H, W): one mask per id, in ascending order of the ids.

        Raises
        ------
        ValueError, TypeError
            If it is no label image (see `check_labels`), or an id is negative.
        """
        array = check_labels(labels)
        columns, tops, lengths, values = kernels.column_runs(array)
        ranks, ids = ranks_of(values)
        height, width = array.shape
        runs = kernels.sorted_runs(columns, tops, lengths, ranks, width, height, ids.size)
        return cls._of_runs((height, width), runs, **attributes)

    @classmethod
    def from_masks(cls, masks: ArrayLike, **attributes: Unpack[MaskAttributes]) -> Self:
        """From a stack of masks (N, H, W), bool or 0/1; they may overlap or be empty."""
        stack = np.asarray(masks)
        if stack.ndim != 3:
            raise ValueError(f"masks must be a stack (N, H, W), got shape {stack.shape}")
        crops = list(stack)
        corners = [(0, 0)] * len(crops)
        return cls.from_crops(crops, corners, stack.shape[1:], **attributes)

    @classmethod
    def from_crops(
        cls,
        crops: Sequence[ArrayLike],
        corners: Sequence[Sequence[int]],
        shape: Sequence[int],
        **attributes: Unpack[MaskAttributes],
    ) -> Self:
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
        return cls._of_runs(size, runs, **attributes)

    @classmethod
    def from_rle(
        cls,
        strings: Sequence[str | bytes],
        shape: Sequence[int],
        dialect: rle.Dialect = "kaggle",
        **attributes: Unpack[MaskAttributes],
    ) -> Self:
        """From one RLE text per mask, read strictly.

        Raises
        ------
        RLEError
            A ValueError that names the mask and what is wrong; see `parse_rle`.
        """
        size = rle.check_shape(shape)
        if dialect == "coco":
            return cls._of_arrays(size, rle.read_coco(strings, size), **attributes)
        return cls._of_runs(size, rle.parse_rle(strings, size, dialect), **attributes)

    @classmethod
    def from_counts(
        cls,
        counts: Sequence[Sequence[int]],
        shape: Sequence[int],
        **attributes: Unpack[MaskAttributes],
    ) -> Self:
        """From uncompressed COCO counts (background, mask, background, …) per mask."""
        size = rle.check_shape(shape)
        return cls._of_runs(size, rle.counts_to_runs(counts, size), **attributes)

    @classmethod
    def from_polygons(
        cls,
        polygon_sets: Sequence[Sequence[ArrayLike]],
        shape: Sequence[int],
        **attributes: Unpack[MaskAttributes],
    ) -> Self:
        """From COCO polygons: per mask one or more rings [x0, y0, x1, y1, …], filled and united.

        The pixels are those that pycocotools fills; see `polygons.polygon_runs`.
        """
        size = rle.check_shape(shape)
        from nucfuse.masks import polygons  # kernels that most commands do without

        return cls._of_runs(size, polygons.polygons_to_runs(polygon_sets, size), **attributes)

    @classmethod
    def empty(cls, shape: Sequence[int], source: str = "") -> Self:
        """No masks in an image of that size."""
        return cls._of_runs(rle.check_shape(shape), rle.join_runs([]), source=source)

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
        labels = painted_labels(self.runs, self.shape, order)
        if on_overlap == "error" and (twice := hidden_pixels(labels, self.runs)):
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
        return rle.runs_to_counts(self.runs, self.shape)

    def to_polygons(self) -> list[list[list[float]]]:
        """Outer outlines per mask as COCO rings [x0, y0, x1, y1, …]; holes are not kept."""
        from nucfuse.masks import polygons

        crops, corners = self.to_crops()
        return [polygons.outlines(c, yx) for c, yx in zip(crops, corners, strict=True)]
