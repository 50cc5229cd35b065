"""COCO's average precision, for predictions that carry confidence scores.

The numbers are those of pycocotools (``COCOeval(iouType="segm")``) with its cap of 100 detections
per image lifted: nuclei are more. Nothing else is changed, down to its ties.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.kernels import coco as kernels
from nucfuse.metrics.matching import pairs_of

# As pycocotools computes them; a hit is an IoU on the threshold or above it.
COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
COCO_RECALLS = np.linspace(0.0, 1.0, 101)
# Areas in pixels, both ends included.
AREA_RANGES = {
    "all": (0, 10**10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 10**10),
}
_RANGES = np.array(list(AREA_RANGES.values()), np.int64)


@dataclass(frozen=True, slots=True)
class RankedImage:
    """The detections of one image, matched at every threshold and area range.

    Attributes
    ----------
    codes : ndarray of uint8, shape (4 * 10, N)
        For each area range and threshold: 1 for a hit, 0 for none, 2 for what does not count.
    scores : ndarray of float64, shape (N,)
        Confidence, descending.
    classes : ndarray of int64, shape (N,)
        Class of each detection; all 0 where there are no classes.
    true_areas, true_classes : ndarray of int64, shape (T,)
    """

    codes: NDArray[np.uint8]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    true_areas: NDArray[np.int64]
    true_classes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RankedScores:
    """COCO's numbers of a data set; NaN where there is no truth to find.

    Attributes
    ----------
    precision : ndarray of float64, shape (C, 4, 10, 101)
        By class, area range (`AREA_RANGES`), IoU threshold and recall.
    recall : ndarray of float64, shape (C, 4, 10)
        Share of the truths found by all detections.
    classes : ndarray of int64, shape (C,)
        Classes that have a truth; [0] where there are no classes.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    classes: NDArray[np.int64]

    def ap(self, percent: int | None = None, area: str = "all") -> float:
        """Average precision at one IoU threshold in percent, or over 50 to 95 %."""
        values = self.precision[:, list(AREA_RANGES).index(area)]
        return _mean(values if percent is None else values[:, _threshold_index(percent)])

    def ar(self, area: str = "all") -> float:
        """Average recall over the thresholds 50 to 95 %."""
        return _mean(self.recall[:, list(AREA_RANGES).index(area)])

    def as_dict(self) -> dict[str, float]:
        """Name the usual numbers: ``coco_ap``, ``coco_ap50``, ``coco_ap_small``, … ``coco_ar``."""
        found = {"coco_ap": self.ap(), "coco_ap50": self.ap(50), "coco_ap75": self.ap(75)}
        sizes = [area for area in AREA_RANGES if area != "all"]
        found |= {f"coco_ap_{area}": self.ap(area=area) for area in sizes}
        found["coco_ar"] = self.ar()
        return found | {f"coco_ar_{area}": self.ar(area) for area in sizes}


def rank_detections(
    overlaps: Overlaps,
    scores: ArrayLike,
    true_classes: ArrayLike | None = None,
    pred_classes: ArrayLike | None = None,
) -> RankedImage:
    """Match the detections of one image greedily, the most confident first.

    Parameters
    ----------
    overlaps : Overlaps
        Masks of either side may overlap.
    scores : array_like of float, shape (N,)
        Confidence of each prediction; equal ones keep their order.
    true_classes, pred_classes : array_like of int, shapes (T,) and (N,), optional
        A match must agree in class. Give both or none.

    Raises
    ------
    ValueError
        If a length is wrong, a score is NaN, or only one side has classes.

    Examples
    --------
    >>> from nucfuse.masks.overlap import overlaps
    >>> pair = overlaps(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 2, 0]]))
    >>> round(accumulate([rank_detections(pair, [0.9, 0.8])]).ap(), 3)
    0.505
    """
    n_true, n_pred = overlaps.true_areas.size, overlaps.pred_areas.size
    confidence = np.asarray(scores, np.float64)
    if confidence.shape != (n_pred,) or np.isnan(confidence).any():
        raise ValueError(
            f"scores must hold a number for each of the {n_pred} predictions, got shape "
            f"{confidence.shape} with {np.isnan(confidence).sum()} NaN"
        )
    if (true_classes is None) != (pred_classes is None):
        raise ValueError("give classes of both sides or of none")
    of_true = _classes(true_classes, n_true, "true_classes")
    of_pred = _classes(pred_classes, n_pred, "pred_classes")
    order = np.argsort(-confidence, kind="stable")
    pairs = pairs_of(overlaps)
    same_class = of_true[pairs.rows] == of_pred[pairs.cols]
    sizes = overlaps.true_areas, overlaps.pred_areas
    codes = kernels.match_ranked(pairs, *sizes, same_class, order, COCO_THRESHOLDS, _RANGES)
    return RankedImage(codes, confidence[order], of_pred[order], overlaps.true_areas, of_true)


def accumulate(images: Sequence[RankedImage]) -> RankedScores:
    """Rank the detections of all images and interpolate precision at 101 recalls.

    Parameters
    ----------
    images : sequence of RankedImage
        Equal scores are ranked in the order of the images; pycocotools sorts these by id.

    Returns
    -------
    RankedScores
        `RankedScores.ap` averages over classes, thresholds and recalls.

    References
    ----------
    T.-Y. Lin et al., "Microsoft COCO: common objects in context", ECCV 2014,
    doi:10.1007/978-3-319-10602-1_48, and the code of its evaluation, pycocotools.
    """
    ranking = _ranked(images)
    classes = np.unique(ranking.true_classes)
    shape = (classes.size, len(AREA_RANGES), COCO_THRESHOLDS.size)
    precision = np.full((*shape, COCO_RECALLS.size), np.nan)
    recall = np.full(shape, np.nan)
    for c, label in enumerate(classes):
        codes = ranking.codes[:, ranking.classes == label]
        n_true = _truths_in_ranges(ranking.true_areas[ranking.true_classes == label])
        weights = np.ones(codes.shape[1])
        for a in np.flatnonzero(n_true):
            rows = slice(a * shape[2], (a + 1) * shape[2])
            truths = np.full(shape[2], n_true[a])
            precision[c, a], recall[c, a] = kernels.curves(
                np.ascontiguousarray(codes[rows]), weights, truths, COCO_RECALLS
            )
    return RankedScores(precision, recall, classes)


def resampled_ap(
    images: Sequence[RankedImage], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``coco_ap`` of the data sets in which each image comes so many times.

    Each detection stands for as many in a row. That is the same as repeating its image, unless
    detections of one image have equal scores.

    Parameters
    ----------
    images : sequence of I RankedImage
    weights : ndarray of float64, shape (B, I)
        Whole numbers: how often each image was drawn.

    Returns
    -------
    ndarray of float64, shape (B,)
        NaN for a draw without truths.
    """
    ranking = _ranked(images)
    by_class = []
    for label in np.unique(ranking.true_classes):
        own = ranking.classes == label
        hits = ranking.codes[: COCO_THRESHOLDS.size, own] == kernels.HIT
        truths = [np.count_nonzero(image.true_classes == label) for image in images]
        first = np.append(0, np.cumsum(hits.sum(axis=1)))
        n_true = weights @ np.array(truths, np.float64)
        by_class.append(
            kernels.resampled_ap(
                np.nonzero(hits)[1], first, ranking.image_of[own], weights, n_true, COCO_RECALLS
            )
        )
    values = np.array(by_class).reshape(-1, weights.shape[0])
    counted = np.count_nonzero(~np.isnan(values), axis=0)
    total = np.nansum(values, axis=0)
    return np.divide(total, counted, out=np.full(weights.shape[0], np.nan), where=counted > 0)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """All detections of a data set in ranked order, and all its truths."""

    codes: NDArray[np.uint8]
    classes: NDArray[np.int64]
    image_of: NDArray[np.int64]
    true_areas: NDArray[np.int64]
    true_classes: NDArray[np.int64]


def _ranked(images: Sequence[RankedImage]) -> _Ranking:
    if not images:
        raise ValueError("accumulate needs at least one image")
    order = np.argsort(-np.concatenate([image.scores for image in images]), kind="stable")
    sizes = [image.scores.size for image in images]
    return _Ranking(
        np.concatenate([image.codes for image in images], axis=1)[:, order],
        np.concatenate([image.classes for image in images])[order],
        np.repeat(np.arange(len(images)), sizes)[order],
        np.concatenate([image.true_areas for image in images]),
        np.concatenate([image.true_classes for image in images]),
    )


def _classes(values: ArrayLike | None, n: int, name: str) -> NDArray[np.int64]:
    if values is None:
        return np.zeros(n, np.int64)
    array = np.asarray(values, np.int64)
    if array.shape != (n,):
        raise ValueError(f"{name} must have {n} values, got shape {array.shape}")
    return array


def _truths_in_ranges(areas: NDArray[np.int64]) -> NDArray[np.int64]:
    """Truths whose area is in each range, shape (4,)."""
    inside = (areas >= _RANGES[:, :1]) & (areas <= _RANGES[:, 1:])
    return np.count_nonzero(inside, axis=1)


def _threshold_index(percent: int) -> int:
    at = np.flatnonzero(np.round(100 * COCO_THRESHOLDS) == percent)
    if at.size == 0:
        raise ValueError(f"COCO's thresholds are 50, 55, … 95 percent, got {percent}")
    return int(at[0])


def _mean(values: NDArray[np.float64]) -> float:
    """Mean of what is defined; NaN if nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")
