"""COCO's average precision, for predictions that carry confidence scores.

The numbers are those of pycocotools (``COCOeval(iouType="segm")``) with its cap of 100 detections
per image lifted: nuclei are more. Nothing else is changed, down to its ties.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.kernels import coco as kernels

# As pycocotools computes them; a hit is an IoU on the threshold or above it.
COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
COCO_RECALLS = np.linspace(0.0, 1.0, 101)
# Areas in pixels, both ends included; of truths as stated, of predictions those of their masks.
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
    true_areas : ndarray of float64, shape (T,)
        Areas of the truths to be found: crowd regions are not among them.
    classes, true_classes : ndarray of int64, shapes (N,) and (T,), or None
        Class of each detection and truth; None where some have none.
    place : int
        Of the image among those of the data set, for detections of equal confidence.
    """

    codes: NDArray[np.uint8]
    scores: NDArray[np.float64]
    true_areas: NDArray[np.float64]
    classes: NDArray[np.int64] | None
    true_classes: NDArray[np.int64] | None
    place: int = 0

    @property
    def has_classes(self) -> bool:
        """Whether all of both sides have a class, as those of a side without masks do."""
        return self.classes is not None and self.true_classes is not None


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


class Truths(NamedTuple):
    """What is known of the T truths of an image beside their masks.

    Attributes
    ----------
    areas : ndarray of float64, shape (T,)
        As stated, in pixels; by them truths are small, medium or large.
    is_crowd : ndarray of bool, shape (T,)
        Whether it is a crowd region. What is found in one counts for nothing.
    """

    areas: NDArray[np.float64]
    is_crowd: NDArray[np.bool_]

    @classmethod
    def of(cls, areas: NDArray[Any]) -> "Truths":
        """Truths of those areas, no crowds among them."""
        return cls(areas.astype(np.float64), np.zeros(areas.size, bool))


def rank_detections(
    overlaps: Overlaps,
    scores: ArrayLike,
    true_classes: ArrayLike | None = None,
    pred_classes: ArrayLike | None = None,
    truths: Truths | None = None,
    place: int = 0,
) -> RankedImage:
    """Match the detections of one image greedily, the most confident first.

    Parameters
    ----------
    overlaps : Overlaps
        Masks of either side may overlap.
    scores : array_like of float, shape (N,)
        Confidence of each prediction; equal ones keep their order.
    true_classes, pred_classes : array_like of int, shapes (T,) and (N,), optional
        A match must agree in class. Give both or none; a side without masks needs none.
    truths : Truths, optional
        By default no truth is a crowd region, and areas are those of the masks.
    place : int
        See `RankedImage`.

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
    of_true = _classes(true_classes, n_true, "true_classes")
    of_pred = _classes(pred_classes, n_pred, "pred_classes")
    if n_true and n_pred and (of_true is None) != (of_pred is None):
        raise ValueError("give classes of both sides or of none")
    order = np.argsort(-confidence, kind="stable")
    about = Truths.of(overlaps.true_areas) if truths is None else truths
    candidates = _candidates(overlaps, about.is_crowd, of_true, of_pred)
    codes = kernels.match_ranked(
        candidates, kernels.Regions(*about), overlaps.pred_areas, order, COCO_THRESHOLDS, _RANGES
    )
    nuclei = ~about.is_crowd
    return RankedImage(
        codes,
        confidence[order],
        about.areas[nuclei],
        None if of_pred is None else of_pred[order],
        None if of_true is None else of_true[nuclei],
        place,
    )


def _candidates(
    overlaps: Overlaps,
    is_crowd: NDArray[np.bool_],
    of_true: NDArray[np.int64] | None,
    of_pred: NDArray[np.int64] | None,
) -> kernels.Candidates:
    """Pairs of one class that share pixels."""
    rows, cols = overlaps.true_index, overlaps.pred_index
    unions = np.where(is_crowd[rows], overlaps.pred_areas[cols], overlaps.unions)
    iou = overlaps.pixels / unions
    if of_true is None or of_pred is None:
        return kernels.Candidates(rows, cols, iou)
    same = of_true[rows] == of_pred[cols]
    return kernels.Candidates(rows[same], cols[same], iou[same])


def accumulate(images: Sequence[RankedImage]) -> RankedScores:
    """Rank the detections of all images and interpolate precision at 101 recalls.

    Parameters
    ----------
    images : sequence of RankedImage
        Equal scores are ranked in the order of the images; pycocotools sorts these by id. Classes
        count if all masks have one.

    Returns
    -------
    RankedScores
        `RankedScores.ap` averages over classes, thresholds and recalls.

    Raises
    ------
    ValueError
        If there is no image, or the masks of some images have classes and those of others none.

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
        codes = ranking.codes[: COCO_THRESHOLDS.size, own]
        hits, ignored = (_ranks(codes == what) for what in (kernels.HIT, kernels.IGNORED))
        n_true = weights @ ranking.n_true(label, weights.shape[1])
        by_class.append(
            kernels.resampled_ap(
                hits, ignored, ranking.image_of[own], weights, n_true, COCO_RECALLS
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
    true_areas: NDArray[np.float64]
    true_classes: NDArray[np.int64]
    true_image_of: NDArray[np.int64]

    def n_true(self, label: int, n_images: int) -> NDArray[np.float64]:
        """Truths of a class in each image, (I,), if their area is in the range "all"."""
        low, high = _RANGES[0]
        counts = (self.true_classes == label) & (self.true_areas >= low) & (self.true_areas <= high)
        return np.bincount(self.true_image_of[counts], minlength=n_images).astype(np.float64)


def _ranked(images: Sequence[RankedImage]) -> _Ranking:
    if not images:
        raise ValueError("accumulate needs at least one image")
    order = np.argsort(-np.concatenate([image.scores for image in images]), kind="stable")
    numbers = np.arange(len(images))
    image_of = np.repeat(numbers, [image.scores.size for image in images])
    with_classes = have_classes(images)
    true_areas = [image.true_areas for image in images]
    return _Ranking(
        np.concatenate([image.codes for image in images], axis=1)[:, order],
        _joined([image.classes for image in images], order.size, with_classes)[order],
        image_of[order],
        np.concatenate(true_areas),
        _joined([i.true_classes for i in images], sum(map(len, true_areas)), with_classes),
        np.repeat(numbers, [areas.size for areas in true_areas]),
    )


def have_classes(images: Sequence[RankedImage]) -> bool:
    """Whether the masks of all images have classes.

    Raises
    ------
    ValueError
        If those of some images do, and were matched by them, and those of others have none.
    """
    if all(image.has_classes for image in images):
        return True
    if any(image.has_classes and image.scores.size and image.true_areas.size for image in images):
        n_without = sum(not image.has_classes for image in images)
        raise ValueError(
            f"coco_ap: nuclei of {n_without} of {len(images)} images have no class, those of "
            "others have one; give all of truth and predictions a class, or none of either"
        )
    return False


def _joined(
    classes: Sequence[NDArray[np.int64] | None], n: int, with_classes: bool
) -> NDArray[np.int64]:
    """Classes of all images; 0 where they do not count."""
    known = [one for one in classes if one is not None]
    return np.concatenate(known) if with_classes else np.zeros(n, np.int64)


def _ranks(some: NDArray[np.bool_]) -> kernels.Ranks:
    """Places in each list (L, D)."""
    return kernels.Ranks(np.nonzero(some)[1], np.append(0, np.cumsum(some.sum(axis=1))))


def _classes(values: ArrayLike | None, n: int, name: str) -> NDArray[np.int64] | None:
    if values is None:
        return None if n else np.zeros(0, np.int64)
    array = np.asarray(values, np.int64)
    if array.shape != (n,):
        raise ValueError(f"{name} must have {n} values, got shape {array.shape}")
    return array


def _truths_in_ranges(areas: NDArray[np.float64]) -> NDArray[np.int64]:
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
