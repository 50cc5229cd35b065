"""Which predicted nucleus is which true one: the matching every score is taken from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.kernels import matching as kernels

Rule = Literal[">", ">="]

# Whole percents, compared as integers: np.arange(0.5, 1, 0.05) holds 0.6000000000000001.
DSB_PERCENTS = range(50, 100, 5)


@dataclass(frozen=True, slots=True)
class Matching:
    """Hits of one image at every threshold, and who is whose at IoU 0.5.

    Attributes
    ----------
    percents : ndarray of int64, shape (P,)
        IoU thresholds in percent, ascending.
    rule : {">", ">="}
        Whether an IoU on the threshold is no hit, or one.
    tp : ndarray of int64, shape (P,)
        Hits at each threshold: pairs of one truth and one prediction, none used twice.
    n_true, n_pred : int
        Nuclei of either side.
    true_match, true_best : ndarray of int64, shape (T,)
        Index of the prediction that hits each truth at 50 %, and of the one of the largest IoU
        (ties to more shared pixels, then to the first); -1 for none.
    pred_match, pred_best : ndarray of int64, shape (N,)
        The same the other way round.
    true_iou, true_best_iou : ndarray of float64, shape (T,)
        IoU with these; 0 for none.
    pred_iou, pred_best_iou : ndarray of float64, shape (N,)
    """

    percents: NDArray[np.int64]
    rule: Rule
    tp: NDArray[np.int64]
    n_true: int
    n_pred: int
    true_match: NDArray[np.int64]
    pred_match: NDArray[np.int64]
    true_iou: NDArray[np.float64]
    pred_iou: NDArray[np.float64]
    true_best: NDArray[np.int64]
    pred_best: NDArray[np.int64]
    true_best_iou: NDArray[np.float64]
    pred_best_iou: NDArray[np.float64]

    @property
    def fp(self) -> NDArray[np.int64]:
        """Predictions that hit nothing at each threshold, shape (P,)."""
        return self.n_pred - self.tp

    @property
    def fn(self) -> NDArray[np.int64]:
        """Truths that nothing hits at each threshold, shape (P,)."""
        return self.n_true - self.tp


def match(overlaps: Overlaps, percents: Sequence[int] = DSB_PERCENTS, rule: Rule = ">") -> Matching:
    """Match predictions to truths, one to one, at every threshold.

    A pair is a hit if its IoU is above the threshold (``rule=">"``), or on it, too (``">="``);
    compared as integers, ``100 * shared > percent * union``. On disjoint masks and thresholds from
    50 % the hits are unique. Else (lower thresholds, masks that overlap) the number of hits is the
    largest possible, and their total IoU the largest of all such choices.

    Parameters
    ----------
    overlaps : Overlaps
        Of one image.
    percents : sequence of int
        Thresholds in whole percents, ascending; see `as_percents`.
    rule : {">", ">="}

    Raises
    ------
    ValueError
        If the rule is no such word or the percents are none, repeated, unsorted or not in 0..100.

    Examples
    --------
    >>> from nucfuse.masks.overlap import overlaps
    >>> pair = overlaps(np.array([[1, 1, 2, 2]]), np.array([[1, 0, 2, 2]]))
    >>> match(pair, (50, 75)).tp, match(pair, (50, 75), ">=").tp
    (array([1, 1]), array([2, 1]))
    """
    checked = percent_array(percents)
    n_true, n_pred = overlaps.true_areas.size, overlaps.pred_areas.size
    unions = overlaps.unions
    tp, of_true, of_pred, best_true, best_pred = kernels.match_image(
        overlaps.true_index, overlaps.pred_index, overlaps.pixels, unions, n_true, n_pred,
        checked, is_strict(rule), are_disjoint(overlaps),
    )  # fmt: skip
    true_index, pred_index, pixels = overlaps.true_index, overlaps.pred_index, overlaps.pixels
    return Matching(
        checked, rule, tp, n_true, n_pred,
        partner_of(of_true, pred_index), partner_of(of_pred, true_index),
        iou_of(of_true, pixels, unions), iou_of(of_pred, pixels, unions),
        partner_of(best_true, pred_index), partner_of(best_pred, true_index),
        iou_of(best_true, pixels, unions), iou_of(best_pred, pixels, unions),
    )  # fmt: skip


def as_percents(thresholds: Iterable[float]) -> tuple[int, ...]:
    """Thresholds a user gives as fractions, as whole percents in ascending order.

    Raises
    ------
    ValueError
        If one is not a whole percent in 0..1, is given twice, or there are none.

    Examples
    --------
    >>> as_percents([0.5, 0.55])
    (50, 55)
    """
    percents = []
    for threshold in thresholds:
        percent = float(threshold) * 100
        if not (0 <= percent <= 100 and abs(percent - round(percent)) < 1e-6):
            raise ValueError(
                f"thresholds must be whole percents from 0 to 1, got {threshold}; "
                "write 0.5 for 50 %"
            )
        percents.append(round(percent))
    return tuple(percent_array(tuple(sorted(percents))).tolist())


def percent_array(percents: Sequence[int]) -> NDArray[np.int64]:
    """Thresholds as the kernels take them; see `match` for what is an error."""
    return _percent_array(percents if isinstance(percents, range) else tuple(percents))


@lru_cache(maxsize=64)
def _percent_array(percents: tuple[int, ...] | range) -> NDArray[np.int64]:
    array = np.array(percents)
    if array.size == 0 or array.dtype.kind not in "iu" or (np.diff(array) <= 0).any():
        raise ValueError(
            f"percents must be one or more different integers, ascending, got {percents}"
        )
    if array[0] < 0 or array[-1] > 100:
        raise ValueError(f"percents must lie in 0..100, got {percents}")
    array = array.astype(np.int64)
    array.flags.writeable = False  # shared by all who ask for the same thresholds
    return array


def is_strict(rule: str) -> bool:
    """Whether an IoU on the threshold is no hit; a ValueError if there is no such rule."""
    if rule not in (">", ">="):
        raise ValueError(f"rule must be '>' or '>=', got {rule!r}")
    return rule == ">"


def are_disjoint(overlaps: Overlaps) -> bool:
    """Whether no pixel lies in two masks of one side, on either side."""
    return bool(overlaps.true_disjoint and overlaps.pred_disjoint)


def partner_of(pairs: NDArray[np.int64], index: NDArray[np.int32]) -> NDArray[np.int64]:
    """Row or column of each pair named by its place in the overlaps; -1 where there is none."""
    partners = np.full(pairs.size, -1, np.int64)
    some = pairs >= 0
    partners[some] = index[pairs[some]]
    return partners


def iou_of(
    pairs: NDArray[np.int64], pixels: NDArray[np.int64], unions: NDArray[np.int64]
) -> NDArray[np.float64]:
    """IoU of each pair named by its place in the overlaps; 0 where there is none."""
    iou = np.zeros(pairs.size)
    some = pairs >= 0
    iou[some] = pixels[pairs[some]] / unions[pairs[some]]
    return iou
