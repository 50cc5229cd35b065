"""The numbers of images as columns: scores from the sums over their nuclei, and counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.metrics import jaccard, pixel
from nucfuse.metrics.anatomy import CORRECTABLE
from nucfuse.metrics.average_precision import dsb_ap, dsb_precision
from nucfuse.metrics.image_scores import NUMBERS, ImageScores
from nucfuse.metrics.names import BOUNDARY_SCORES, ERRORS, SCORES
from nucfuse.metrics.panoptic import panoptic_quality

# Errors that are counted in predictions; the others are counted in truths.
_OF_PREDICTIONS = ("spurious", "merged")

_BLOCK = 1024  # images

Columns = dict[str, NDArray[Any]]


def image_columns(images: Sequence[ImageScores], percents: Sequence[int]) -> Columns:
    """Numbers of images by name, each of shape (I,), in the order of the table of images.

    Others script against the first columns; new ones go behind these.
    """
    # A block at a time: what is needed on the way is three times as large as the columns.
    blocks = [
        _block_columns(images[begin : begin + _BLOCK], percents)
        for begin in range(0, len(images), _BLOCK)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _block_columns(images: Sequence[ImageScores], percents: Sequence[int]) -> Columns:
    """Compute the columns of some images."""
    n_true = np.array([image.n_true for image in images], np.int64)
    n_pred = np.array([image.n_pred for image in images], np.int64)
    counts = np.array([image.counts for image in images], np.int64).reshape(n_true.size, -1)
    numbers, tp, corrections = np.split(
        counts, [len(NUMBERS), len(NUMBERS) + len(percents)], axis=1
    )
    tp = tp.copy()
    corrections = corrections.reshape(-1, 2, len(CORRECTABLE), len(percents) + 1)
    columns: Columns = {"n_true": n_true, "n_pred": n_pred}
    scores = _score_columns(images, dict(zip(NUMBERS, numbers.T, strict=True)), n_true + n_pred)
    errors = _error_columns(corrections)
    columns["dsb_ap"] = dsb_ap(tp, n_true[:, np.newaxis], n_pred[:, np.newaxis])
    columns |= {f"tp_{p}": tp[:, i] for i, p in enumerate(percents)}
    columns |= {f"fp_{p}": n_pred - tp[:, i] for i, p in enumerate(percents)}
    columns |= {f"fn_{p}": n_true - tp[:, i] for i, p in enumerate(percents)}
    columns |= {name: scores[name] for name in SCORES[1:7]}
    columns |= {name: errors[name] for name in ERRORS[:4]}
    columns |= scores | errors | _corrected(corrections, columns, tp)
    columns["count_error"] = n_pred - n_true
    no_nuclei = (n_true == 0) & (n_pred == 0)
    is_missing = np.array([image.is_missing for image in images], bool)
    columns["both_empty"] = no_nuclei & ~is_missing
    columns |= {f"ap_{p}": dsb_precision(tp[:, i], n_true, n_pred) for i, p in enumerate(percents)}
    boundaries = [image.boundary.numbers for image in images if image.boundary is not None]
    if boundaries and len(boundaries) == len(images):
        columns |= dict(zip(BOUNDARY_SCORES, np.array(boundaries).T, strict=True))
    if (unfit := no_nuclei & is_missing).any():
        _score_zero(columns, unfit)
    return columns


def _score_zero(columns: Columns, images: NDArray[np.bool_]) -> None:
    """Take back the 1 of images without nuclei on both sides; nothing else of these is not 0."""
    for name, values in columns.items():
        if values.dtype == np.float64:
            columns[name] = np.where(images, 0.0, values)


def _score_columns(
    images: Sequence[ImageScores], of: Columns, n_nuclei: NDArray[np.int64]
) -> Columns:
    """`SCORES` but the first, from `NUMBERS` by name."""
    fractions = [(image.half_iou, image.true_dice, image.pred_dice) for image in images]
    half_iou, true_dice, pred_dice = np.array(fractions, np.float64).reshape(-1, 3).T
    both = of["true_foreground"] + of["pred_foreground"]
    areas = of["true_area"] + of["pred_area"]
    return {
        **panoptic_quality(of["half_hits"], half_iou, n_nuclei)._asdict(),
        "aji": jaccard.aji(of["aji_shared"], of["aji_united"], n_nuclei),
        "aji_plus": jaccard.aji_plus(of["shared_one_to_one"], areas, n_nuclei),
        "dice": pixel.dice(of["shared_foreground"], both, n_nuclei),
        "pixel_iou": pixel.pixel_iou(of["shared_foreground"], both, n_nuclei),
        "object_dice": pixel.object_dice(true_dice, pred_dice, n_nuclei),
    }


def _error_columns(corrections: NDArray[np.int64]) -> Columns:
    """Nuclei with each kind of error."""
    return {
        name: corrections[:, int(name in _OF_PREDICTIONS), CORRECTABLE.index(name), -1].copy()
        for name in ERRORS
    }


def _corrected(corrections: NDArray[np.int64], columns: Columns, tp: NDArray[np.int64]) -> Columns:
    """``mended_...``: the ``dsb_ap`` that images would have if one kind of error were corrected."""
    found, removed = corrections[:, 0, :, :-1], corrections[:, 1, :, :-1]
    n_true, n_pred = (columns[name][:, np.newaxis, np.newaxis] for name in ("n_true", "n_pred"))
    ap = dsb_ap(tp[:, np.newaxis] + found, n_true, n_pred + found - removed)
    return {f"mended_{what}": ap[:, i] for i, what in enumerate(CORRECTABLE)}
