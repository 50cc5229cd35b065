"""Sparse overlaps: which true and predicted nuclei share pixels, and how many.

The one primitive under scoring, suppression, consensus and AJI. Its size is that of the pairs that
touch; no table of all pairs is ever made.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.instances import Instances
from nucfuse.masks.kernels import label_overlap as kernels
from nucfuse.masks.kernels import mask_overlap as pair_kernels
from nucfuse.masks.labels import check_labels, ranks_of, renumbered


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pixels shared by the masks of two sets (rows: truth, columns: prediction).

    Attributes
    ----------
    true_index, pred_index : ndarray of int32, shape (K,)
        Row and column of each pair that shares a pixel, from 0, sorted by row, then column.
    pixels : ndarray of int64, shape (K,)
        Shared pixels of each pair, at least 1.
    true_areas, pred_areas : ndarray of int64, shape (T,), (N,)
        Pixels of each mask.
    true_ids, pred_ids : ndarray of int64, shape (T,), (N,)
        Label of each row and column in its label image; 1..N for `Instances`.
    true_foreground, pred_foreground, shared_foreground : int
        Pixels in any true mask, in any predicted one, in one of both sides.
    true_disjoint, pred_disjoint : bool
        Whether no pixel lies in two masks of that side.
    size : int
        Pixels of the image.
    """

    true_index: NDArray[np.int32]
    pred_index: NDArray[np.int32]
    pixels: NDArray[np.int64]
    true_areas: NDArray[np.int64]
    pred_areas: NDArray[np.int64]
    true_ids: NDArray[np.int64]
    pred_ids: NDArray[np.int64]
    true_foreground: int
    pred_foreground: int
    shared_foreground: int
    true_disjoint: bool
    pred_disjoint: bool
    size: int

    @property
    def unions(self) -> NDArray[np.int64]:
        """Pixels in either mask of each pair, shape (K,)."""
        both = self.true_areas[self.true_index] + self.pred_areas[self.pred_index]
        return both - self.pixels

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each pair, shape (K,), in (0, 1]."""
        return self.pixels / self.unions


def overlaps(true: ArrayLike | Instances, pred: ArrayLike | Instances) -> Overlaps:
    """Overlaps of two label images, two label volumes, two `Instances`, or one of each.

    Parameters
    ----------
    true, pred : array_like of int, shape (H, W) or (D, H, W), or Instances
        Label images: 0 is background, other ids up to 2**62 are nuclei, in any order, with gaps.

    Returns
    -------
    Overlaps

    Raises
    ------
    ValueError
        If the shapes differ (the message says so if transposing fits) or an id is negative.

    Examples
    --------
    >>> pairs = overlaps(np.array([[1, 1, 0]]), np.array([[7, 0, 9]]))
    >>> pairs.true_index, pairs.pred_index, pairs.pixels, pairs.pred_ids
    (array([0], dtype=int32), array([0], dtype=int32), array([1]), array([7, 9]))
    """
    if isinstance(true, Instances) or isinstance(pred, Instances):
        a = true if isinstance(true, Instances) else Instances.from_labels(true)
        b = pred if isinstance(pred, Instances) else Instances.from_labels(pred)
        return _overlaps_of_instances(a, b)
    return _overlaps_of_labels(
        check_labels(true, "true labels", (2, 3)), check_labels(pred, "predicted labels", (2, 3))
    )


def check_same_shape(true_shape: tuple[int, ...], pred_shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless the shapes are equal; say so if transposing would do."""
    if true_shape == pred_shape:
        return
    hint = ""
    if true_shape == pred_shape[::-1]:
        hint = "; transposing the prediction would fit: rows and columns may be swapped"
    raise ValueError(f"truth has shape {true_shape}, prediction {pred_shape}{hint}")


def _overlaps_of_labels(true: NDArray[Any], pred: NDArray[Any]) -> Overlaps:
    check_same_shape(true.shape, pred.shape)
    if true.dtype != pred.dtype:
        common = np.promote_types(true.dtype, pred.dtype)
        true, pred = true.astype(common, copy=False), pred.astype(common, copy=False)
    table = _pair_table(true.ravel(), pred.ravel())
    if table is None:
        return _overlaps_of_wide_ids(true, pred)
    pair_true, pair_pred, pixels = kernels.listed_pairs(table)
    rows, true_ids = ranks_of(pair_true)
    cols, pred_ids = ranks_of(pair_pred)
    true_areas, pred_areas, rows, cols, pixels = kernels.areas_and_pairs(
        rows, cols, pixels, true_ids.size, pred_ids.size
    )
    foregrounds = int(true_areas.sum()), int(pred_areas.sum()), int(pixels.sum())
    return Overlaps(
        rows, cols, pixels, true_areas, pred_areas, true_ids, pred_ids,
        *foregrounds, True, True, true.size,
    )  # fmt: skip


def _pair_table(true: NDArray[Any], pred: NDArray[Any]) -> NDArray[np.int64] | None:
    """Pixels of every pair of labels as a hash table; None if an id does not fit 31 bits."""
    bits, begin = 9, 0
    table = np.zeros((1 << bits, 2), np.int64)
    while (begin := kernels.add_pairs(true, pred, begin, table, np.uint64(64 - bits))) < true.size:
        if begin < 0:
            return None
        bits += 2
        larger = np.zeros((1 << bits, 2), np.int64)
        kernels.move_pairs(table, larger, np.uint64(64 - bits))
        table = larger
    return table


def _overlaps_of_wide_ids(true: NDArray[Any], pred: NDArray[Any]) -> Overlaps:
    """Overlaps of labels beyond 31 bits: numbered through first."""
    true, true_ids = renumbered(true, "true labels")
    pred, pred_ids = renumbered(pred, "predicted labels")
    return replace(_overlaps_of_labels(true, pred), true_ids=true_ids, pred_ids=pred_ids)


def _overlaps_of_instances(true: Instances, pred: Instances) -> Overlaps:
    check_same_shape(true.shape, pred.shape)
    rows, cols, pixels = _mask_pairs(true, pred, False)
    true_disjoint = self_overlaps(true)[0].size == 0
    pred_disjoint = self_overlaps(pred)[0].size == 0
    if true_disjoint and pred_disjoint:
        foregrounds = int(true.areas.sum()), int(pred.areas.sum()), int(pixels.sum())
    else:
        foregrounds = _foregrounds(true, pred)
    return Overlaps(
        rows, cols, pixels, true.areas, pred.areas,
        np.arange(1, len(true) + 1), np.arange(1, len(pred) + 1),
        *foregrounds, true_disjoint, pred_disjoint, true.shape[0] * true.shape[1],
    )  # fmt: skip


def _foregrounds(true: Instances, pred: Instances) -> tuple[int, int, int]:
    """Pixels in any true mask, in any predicted one, and in both, where masks overlap."""
    t, p = true.union(), pred.union()
    shared = pair_kernels.shared_pixels(*t, 0, t[0].size, *p, 0, p[0].size)
    return int(t[1].sum()), int(p[1].sum()), int(shared)


def mask_iou(
    a: Instances, b: Instances
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """IoU of all pairs of masks of two sets that share pixels; of all others it is 0.

    Parameters
    ----------
    a, b : Instances
        Masks of one image; they may overlap.

    Returns
    -------
    first, second : ndarray of int32, shape (K,)
        Places in ``a`` and ``b``, sorted by first, then second.
    iou : ndarray of float64, shape (K,)
        Intersection over union, in (0, 1].

    Raises
    ------
    ValueError
        If the images differ in shape.

    Examples
    --------
    >>> x = Instances.from_labels(np.array([[1, 1, 0, 2]]))
    >>> mask_iou(x, Instances.from_labels(np.array([[1, 0, 0, 2]])))[2]
    array([0.5, 1. ])
    """
    check_same_shape(a.shape, b.shape)
    first, second, pixels = _mask_pairs(a, b, False)
    return first, second, pixels / (a.areas[first] + b.areas[second] - pixels)


def self_overlaps(
    instances: Instances,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Pairs of masks of one set that share pixels: first index < second index, shared pixels.

    Parameters
    ----------
    instances : Instances
        N masks that may overlap.

    Returns
    -------
    first, second : ndarray of int32, shape (K,)
        Sorted by first, then second.
    pixels : ndarray of int64, shape (K,)
    """
    return _mask_pairs(instances, instances, True)


def _mask_pairs(a: Instances, b: Instances, with_itself: bool) -> tuple[Any, Any, Any]:
    return pair_kernels.mask_pairs(a.arrays, b.arrays, a.shape[1], with_itself)
