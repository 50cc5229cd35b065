"""`score`: one pair of label images or `Instances`, or many, into one `Scores`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import Overlaps, overlaps
from nucfuse.metrics.boundary import BoundaryMeasures, measure_boundaries
from nucfuse.metrics.coco import RankedImage, match_image
from nucfuse.metrics.matching import DSB_PERCENTS, Rule, as_percents, is_strict
from nucfuse.metrics.measures import ImageMeasures, measure
from nucfuse.metrics.scores import Scores

Masks = ArrayLike | Instances
# Measured only when asked for, since they cost more than all the rest together.
EXTRA_METRICS = ("coco_ap", "boundary")


@dataclass(frozen=True, slots=True)
class Measures:
    """What to measure; make one with `of`, which checks."""

    percents: tuple[int, ...] = tuple(DSB_PERCENTS)
    rule: Rule = ">"
    extra: tuple[str, ...] = ()
    allow_overlap: bool = False

    @classmethod
    def of(cls, thresholds: Sequence[float] | None = None, rule: Any = ">",
           metrics: Iterable[str] = (), allow_overlap: bool = False) -> "Measures":  # fmt: skip
        """From the arguments of `score`.

        Raises
        ------
        ValueError
            If a threshold is no whole percent, or the rule or a metric is unknown.
        """
        percents = DSB_PERCENTS if thresholds is None else as_percents(thresholds)
        is_strict(rule)
        extra = tuple(metrics)
        for name in extra:
            if name not in EXTRA_METRICS:
                raise ValueError(f"unknown metric {name!r}; there are {', '.join(EXTRA_METRICS)}")
        return cls(tuple(percents), rule, extra, allow_overlap)


@dataclass(frozen=True, slots=True)
class ImageResult:
    """One image, measured; ``ranked`` and ``boundary`` where asked for."""

    measures: ImageMeasures
    ranked: RankedImage | None = None
    boundary: BoundaryMeasures | None = None


def score_image(true: Masks, pred: Masks, measures: Measures) -> ImageResult:
    """Measure one image.

    Raises
    ------
    ValueError, TypeError
        If a side is no label image, the shapes differ, masks of one side overlap and that is not
        allowed, or ``coco_ap`` is asked for and the predictions have no scores.
    """
    pairs = overlaps(true, pred)
    if not measures.allow_overlap:
        _refuse_overlap(pairs)
    ranked = boundary = None
    if "coco_ap" in measures.extra:
        ranked = _ranked(true, pred, pairs)
    if "boundary" in measures.extra:
        boundary = measure_boundaries(true, pred, pairs, measures.percents, measures.rule)
    return ImageResult(measure(pairs, measures.percents, measures.rule), ranked, boundary)


def score(true: Masks | Sequence[Masks], pred: Masks | Sequence[Masks], *,
          ids: Sequence[str] | None = None, thresholds: Sequence[float] | None = None,
          rule: Rule = ">", metrics: Iterable[str] = (), allow_overlap: bool = False,
          strata: Mapping[str, Sequence[Any]] | None = None, seed: int = 0) -> Scores:  # fmt: skip
    """Score predicted nuclei against the truth.

    Parameters
    ----------
    true, pred : label image, Instances, or sequences of them of one length
        Label images are integer arrays (H, W), or (D, H, W) volumes: 0 is background, every other
        id is a nucleus. An array of integers is one image; a list is several.
    ids : sequence of str, optional
        Names of the images; by default "0", "1", ….
    thresholds : sequence of float, optional
        IoU thresholds in whole percents, as 0.5. By default 0.50, 0.55 … 0.95.
    rule : {">", ">="}
        Whether a nucleus on the threshold is no hit (the 2018 Data Science Bowl), or one.
    metrics : iterable of {"coco_ap", "boundary"}
        What to measure beyond all that follows from the overlaps.
    allow_overlap : bool
        Score masks that overlap within one side, rather than refuse them.
    strata : mapping of str to sequence, optional
        A value per image, such as its modality; `Scores` gives the scores of each.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Scores
        ``dsb_ap``, ``per_image``, ``objects``, ``summary`` and the rest.

    Raises
    ------
    ValueError, TypeError
        If the lengths differ, or an image cannot be scored; the message names it.

    References
    ----------
    J. C. Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science
    Bowl", Nature Methods 16, 2019, doi:10.1038/s41592-019-0612-7.

    Examples
    --------
    >>> score(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]])).dsb_ap
    0.5
    """
    measures = Measures.of(thresholds, rule, metrics, allow_overlap)
    true_list, pred_list = _as_list(true), _as_list(pred)
    if len(true_list) != len(pred_list):
        raise ValueError(f"{len(true_list)} true images but {len(pred_list)} predicted ones")
    if not true_list:
        raise ValueError("there is no image to score")
    names = [str(i) for i in range(len(true_list))] if ids is None else list(ids)
    if len(names) != len(true_list):
        raise ValueError(f"ids must name each of the {len(true_list)} images, got {len(names)}")
    results = []
    for name, t, p in zip(names, true_list, pred_list, strict=True):
        try:
            results.append(score_image(t, p, measures))
        except TypeError as error:
            raise TypeError(f"image {name!r}: {error}") from None
        except ValueError as error:
            raise ValueError(f"image {name!r}: {error}") from None
    return Scores.build(names, results, measures, strata=strata, seed=seed)


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


def _ranked(true: Masks, pred: Masks, pairs: Overlaps) -> RankedImage:
    if pairs.pred_areas.size == 0:
        return match_image(pairs, [])
    if not isinstance(pred, Instances) or not pred.has_scores:
        raise ValueError(
            "coco_ap ranks predictions by their scores, and these have none; use a format with "
            "scores (COCO, .npz), or leave coco_ap out"
        )
    true_classes = true.classes if isinstance(true, Instances) else None
    if true_classes is None or pred.classes is None:
        return match_image(pairs, pred.scores)
    return match_image(pairs, pred.scores, true_classes, pred.classes)
