"""Boundary scores: does the outline fit? Computed on the crops of the nuclei, when asked for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.allocation import check_pixels
from nucfuse.masks.instances import Instances
from nucfuse.masks.kernels.arrays import Pairs
from nucfuse.masks.overlap import Overlaps
from nucfuse.masks.overlap import overlaps as overlaps_of
from nucfuse.metrics.average_precision import dsb_precision
from nucfuse.metrics.kernels import boundary as kernels
from nucfuse.metrics.matching import find_hits, pairs_of, take_pairs
from nucfuse.metrics.names import BOUNDARY_SCORES
from nucfuse.metrics.request import DSB_REQUEST, ScoreRequest, is_strict, percent_array


@dataclass(frozen=True, slots=True)
class BoundaryScores:
    """Boundary scores of one image; see `score_boundaries`.

    Attributes
    ----------
    numbers : ndarray of float64, shape (5,)
        In [0, 1], named by `BOUNDARY_SCORES`.
    tp : ndarray of int64, shape (P,)
        Hits at each threshold of ``boundary_ap``.
    """

    numbers: NDArray[np.float64]
    tp: NDArray[np.int64]


def score_boundaries(
    true: ArrayLike | Instances,
    pred: ArrayLike | Instances,
    overlaps: Overlaps | None = None,
    request: ScoreRequest = DSB_REQUEST,
    *,
    distance: int | None = None,
    tolerance: float = 2.0,
) -> BoundaryScores:
    """Boundary IoU, boundary average precision and boundary F-score of one image.

    The boundary of a nucleus is its pixels at most ``distance`` king's moves from its outside (the
    mask less its erosion by a 3 x 3 square, so many times); beyond the image is outside.

    ``boundary_iou``: mean IoU of the boundaries of the pairs that are hits at mask IoU 0.5; 0
    without a hit. ``boundary_ap``: `average_precision.dsb_ap` where the IoU of a pair is the
    smaller of mask and boundary IoU. ``boundary_precision`` and ``boundary_recall``: share of the
    predicted (true) contour pixels at most ``tolerance`` pixels, Euclidean, from a true (predicted)
    one, and ``boundary_f`` their harmonic mean; the contour pixels of an image are those of
    boundaries at distance 1, each counted once. All are 1 for an image without nuclei on both
    sides, 0 for one without on one side.

    Parameters
    ----------
    true, pred : array_like of int, shape (H, W), or Instances
    overlaps : Overlaps, optional
        Of the same two, if known.
    request : ScoreRequest
        Thresholds and the rule of a hit.
    distance : int, optional
        In pixels, at least 1; without it 2 % of the image diagonal, rounded, at least 1.
    tolerance : float
        In pixels, at least 0.

    Raises
    ------
    ValueError
        If the shapes differ, the images are no 2-D ones, the distance or tolerance is too small.

    References
    ----------
    B. Cheng, R. Girshick, P. Dollár, A. C. Berg, A. Kirillov, "Boundary IoU: improving
    object-centric image segmentation evaluation", CVPR 2021, doi:10.1109/CVPR46437.2021.01508.
    G. Csurka, D. Larlus, F. Perronnin, "What is a good evaluation measure for semantic
    segmentation?", BMVC 2013, doi:10.5244/C.27.32.

    Examples
    --------
    >>> labels = np.array([[0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]])
    >>> score_boundaries(labels, np.roll(labels, -1, axis=1), tolerance=0).numbers[2:]
    array([0.5, 0.5, 0.5])
    """
    sides = as_instances(true, "true labels"), as_instances(pred, "predicted labels")
    pairs = overlaps_of(*sides) if overlaps is None else overlaps
    if distance is None:
        distance = max(1, round(0.02 * float(np.hypot(*sides[0].shape))))
    if distance < 1 or not tolerance >= 0:
        raise ValueError(
            f"distance must be at least 1 and tolerance at least 0, got {distance}, {tolerance}"
        )
    true_side, pred_side = _Side.of(sides[0], distance), _Side.of(sides[1], distance)
    numbers = np.empty(len(BOUNDARY_SCORES))
    numbers[0], tp = _boundary_hits(true_side, pred_side, distance, pairs, request)
    numbers[1] = dsb_precision(tp, len(sides[0]), len(sides[1])).mean()
    numbers[2:] = _contour_scores(true_side, pred_side, tolerance)
    return BoundaryScores(numbers, tp)


def as_instances(masks: ArrayLike | Instances, name: str) -> Instances:
    """Masks of a 2-D image; a ValueError for a volume, whose boundary is not defined here."""
    if isinstance(masks, Instances):
        return masks
    if np.ndim(masks) == 3:
        raise ValueError(f"{name} must be 2-D for boundary scores, got a volume; leave them out")
    return Instances.from_labels(masks)


@dataclass(frozen=True, slots=True)
class _Side:
    """Masks of one side with the depth of their pixels, see `kernels.boundary.depths`."""

    masks: Instances
    depths: kernels.Depths
    areas: NDArray[np.int64]

    @classmethod
    def of(cls, masks: Instances, distance: int) -> "_Side":
        flat, begins, areas = kernels.depths(*masks.runs, masks.boxes, masks.shape[0], distance)
        return cls(masks, kernels.Depths(flat, begins, masks.boxes), areas)

    def contour(self) -> tuple[NDArray[np.uint8], int]:
        """Image (H, W) that is 1 on the rim of any mask, and how many pixels are."""
        check_pixels(self.masks.shape)
        image = np.zeros(self.masks.shape, np.uint8)
        return image, kernels.paint_contours(*self.depths, image)


def _boundary_hits(
    true: _Side, pred: _Side, distance: int, overlaps: Overlaps, request: ScoreRequest
) -> tuple[float, NDArray[np.int64]]:
    """Mean boundary IoU of the hits at 50 %, and the hits by the smaller IoU per threshold."""
    percents, strict = percent_array(request.percents), is_strict(request.rule)
    whole = pairs_of(overlaps)
    # The smaller IoU is at most that of the masks: pairs below every threshold can be left out.
    some = 100 * whole.pixels >= min(50, int(percents[0])) * whole.unions
    pairs = take_pairs(whole, some)
    shared = kernels.shared_boundaries(pairs.rows, pairs.cols, true.depths, pred.depths, distance)
    united = true.areas[pairs.rows] + pred.areas[pairs.cols] - shared
    n_true, n_pred = len(true.masks), len(pred.masks)
    hits = find_hits(pairs, overlaps, percents, strict).at_half[:n_true]
    smaller = shared * pairs.unions < pairs.pixels * united
    pixels = np.where(smaller, shared, pairs.pixels)
    unions = np.where(smaller, united, pairs.unions)
    lesser = find_hits(Pairs(pairs.rows, pairs.cols, pixels, unions), overlaps, percents, strict)
    tp = np.count_nonzero(lesser.is_hit[:, :n_true], axis=1)
    hits = hits[hits >= 0]
    if hits.size == 0:
        return float(n_true == 0 and n_pred == 0), tp
    return float((shared[hits] / united[hits]).mean()), tp


def _contour_scores(true: _Side, pred: _Side, tolerance: float) -> tuple[float, float, float]:
    """Precision, recall and F of contour pixels."""
    n_true, n_pred = len(true.masks), len(pred.masks)
    if n_true == 0 or n_pred == 0:
        return (float(n_true == n_pred),) * 3
    (true_contour, n_contour), (pred_contour, n_found) = true.contour(), pred.contour()
    offsets = _disc(tolerance)
    recall = kernels.count_near(true_contour, pred_contour, offsets) / max(1, n_contour)
    precision = kernels.count_near(pred_contour, true_contour, offsets) / max(1, n_found)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def _disc(radius: float) -> NDArray[np.int64]:
    """Offsets (D, 2) not longer than the radius, the shortest first."""
    reach = int(radius)
    grid = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    squares = (grid**2).sum(axis=1)
    inside = squares <= radius**2
    return np.ascontiguousarray(grid[inside][np.argsort(squares[inside], kind="stable")])
