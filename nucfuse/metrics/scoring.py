"""Score label images or `Instances`: one image, or many."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.annotations import Annotations
from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import Overlaps, overlaps
from nucfuse.metrics.boundary import score_boundaries
from nucfuse.metrics.coco import RankedImage, Truths, rank_detections
from nucfuse.metrics.image_scores import Counted, ImageScores
from nucfuse.metrics.kernels.sums import count_image
from nucfuse.metrics.matching import find_hits, most_iou, pairs_of
from nucfuse.metrics.request import DSB_REQUEST, ScoreRequest, is_strict, percent_array
from nucfuse.metrics.scores import Scores
from nucfuse.metrics.strata import Strata

Masks = ArrayLike | Instances
Classes = NDArray[Any] | None


class SideAnnotations(NamedTuple):
    """What the files of truth and predictions say of their nuclei beside the masks."""

    true: Annotations | None = None
    pred: Annotations | None = None


NO_ANNOTATIONS = SideAnnotations()


def score_image(
    true: Masks,
    pred: Masks,
    request: ScoreRequest = DSB_REQUEST,
    annotations: SideAnnotations = NO_ANNOTATIONS,
) -> ImageScores:
    """Score one image; what each number means is said where it is named.

    ``dsb_ap``: `average_precision`. ``pq, sq, rq``: `panoptic`. ``aji, aji_plus``: `jaccard`.
    ``dice, pixel_iou, object_dice``: `pixel`. ``missed, spurious, split, merged, poor_boundary``
    and ``mended_...``: `anatomy`. An image without nuclei on both sides scores 1.0, on one side
    0.0, in all of them.

    Parameters
    ----------
    true, pred : label image (H, W), label volume (D, H, W), or Instances
    request : ScoreRequest
    annotations : SideAnnotations
        Counts for ``coco_ap`` only.

    Raises
    ------
    ValueError, TypeError
        If a side is no label image, the shapes differ, masks of one side overlap and that is not
        allowed, or ``coco_ap`` is asked for and the predictions have no scores.

    Examples
    --------
    >>> image = score_image(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 5, 0]]))
    >>> image.tp.tolist()
    [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    """
    found = overlaps(true, pred)
    if not request.allow_overlap:
        _refuse_overlap(found)
    pairs, percents = pairs_of(found), percent_array(request.percents)
    n_true, n_pred = found.true_areas.size, found.pred_areas.size
    hits = find_hits(pairs, found, percents, is_strict(request.rule))
    areas = np.concatenate([found.true_areas, found.pred_areas])
    counted = Counted(*count_image(pairs, *hits, areas, n_true))
    shared = int(pairs.pixels[most_iou(pairs, n_true, n_pred)].sum())
    ranked = boundary = None
    if "coco_ap" in request.extra:
        ranked = _ranked(true, pred, found, annotations)
    if "boundary" in request.extra:
        boundary = score_boundaries(true, pred, found, request)
    return ImageScores.of(found, counted, hits.at_half, shared, ranked, boundary)


def score_images(
    true: Masks | Sequence[Masks],
    pred: Masks | Sequence[Masks],
    request: ScoreRequest = DSB_REQUEST,
    *,
    ids: Sequence[str] | None = None,
    strata: Strata = None,
    seed: int = 0,
) -> Scores:
    """Score one pair of label images or `Instances`, or as many as there are; see `nucfuse.score`.

    Raises
    ------
    ValueError, TypeError
        If the lengths differ, or an image cannot be scored; the message names it.

    Examples
    --------
    >>> score_images(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]])).dsb_ap
    0.5
    """
    true_list, pred_list = _as_list(true), _as_list(pred)
    if len(true_list) != len(pred_list):
        raise ValueError(f"{len(true_list)} true images but {len(pred_list)} predicted ones")
    if not true_list:
        raise ValueError("there is no image to score")
    names = [str(i) for i in range(len(true_list))] if ids is None else list(ids)
    if len(names) != len(true_list):
        raise ValueError(f"ids must name each of the {len(true_list)} images, got {len(names)}")
    images = []
    for name, t, p in zip(names, true_list, pred_list, strict=True):
        try:
            images.append(score_image(t, p, request))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"image {name!r}: {error}") from None
    return Scores.build(names, images, request, strata=strata, seed=seed)


def _as_list(masks: Masks | Sequence[Masks]) -> list[Masks]:
    if isinstance(masks, Instances) or (isinstance(masks, np.ndarray) and masks.dtype.kind != "O"):
        return [masks]
    return list(masks)  # type: ignore[arg-type]


def _refuse_overlap(pairs: Overlaps) -> None:
    for disjoint, areas, foreground, side in (
        (pairs.true_disjoint, pairs.true_areas, pairs.true_foreground, "true"),
        (pairs.pred_disjoint, pairs.pred_areas, pairs.pred_foreground, "predicted"),
    ):
        if not disjoint:
            raise ValueError(
                f"{areas.sum() - foreground} pixels too many: {side} masks overlap, which the "
                "score does not allow. Remove the overlaps (nucfuse submit, or "
                "nucfuse.remove_overlaps), or allow them (--allow-overlap, allow_overlap=True)"
            )


def _ranked(true: Masks, pred: Masks, pairs: Overlaps, said: SideAnnotations) -> RankedImage:
    """Match the detections of one image; what a file says of them goes before their masks."""
    if pairs.pred_areas.size and (not isinstance(pred, Instances) or not pred.has_scores):
        raise ValueError(
            "coco_ap ranks predictions by their scores, and these have none; use a format with "
            "scores (COCO, .npz), or leave coco_ap out"
        )
    scores: ArrayLike = pred.scores if isinstance(pred, Instances) else []
    if said.pred is not None:
        scores = said.pred.scores[~said.pred.is_crowd]
    if said.true is None:
        return rank_detections(pairs, scores, *_classes_of(true, pred, said, pairs))
    if said.true.is_crowd.any():
        pairs = overlaps(said.true.regions, pred)
    truths = Truths(said.true.areas, said.true.is_crowd)
    classes = _classes_of(true, pred, said, pairs)
    return rank_detections(pairs, scores, *classes, truths, said.true.place)


def _classes_of(
    true: Masks, pred: Masks, said: SideAnnotations, pairs: Overlaps
) -> tuple[Classes, Classes]:
    """Classes of both sides, where either knows several: with one only, its number says nothing."""
    true_classes = said.true.categories if said.true is not None else _own_classes(true)
    pred_classes = _own_classes(pred)
    if said.pred is not None and said.pred.categories is not None:
        pred_classes = said.pred.categories[~said.pred.is_crowd]
    if pairs.true_areas.size == 0 or pairs.pred_areas.size == 0:
        return true_classes, pred_classes
    several = any(
        _own_classes(masks) is not None if annotations is None else annotations.has_several
        for masks, annotations in zip((true, pred), said, strict=True)
    )
    known = true_classes is not None and pred_classes is not None
    return (true_classes, pred_classes) if several and known else (None, None)


def _own_classes(masks: Masks) -> Classes:
    return masks.classes if isinstance(masks, Instances) else None
