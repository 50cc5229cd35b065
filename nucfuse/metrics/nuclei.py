"""The nuclei of all scored images, and how those of each size fare."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.metrics.anatomy import KINDS
from nucfuse.metrics.image_scores import ImageScores


def size_rows(
    images: Sequence[ImageScores], edges: Sequence[float] | None
) -> list[dict[str, float]]:
    """How nuclei of each size fare at IoU 0.5; see `Scores.by_size`."""
    areas, ious = all_areas(images), all_ious(images)
    hits = all_kinds(images) == KINDS.index("hit")
    sides = [n for image in images for n in (image.n_true, image.n_pred)]
    is_true = np.repeat(np.tile([True, False], len(images)), sides)
    if edges is None:
        true_areas = areas[is_true]
        quartiles = np.quantile(true_areas, [0.25, 0.5, 0.75]) if true_areas.size else []
        edges = np.unique(quartiles).tolist()
    bins = np.searchsorted(np.asarray(edges, np.float64), areas, side="left")
    bounds = [0.0, *(float(e) for e in edges), float("inf")]
    rows = []
    for b, (above, up_to) in enumerate(pairwise(bounds)):
        true, pred = is_true & (bins == b), ~is_true & (bins == b)
        found = true & hits
        rows.append(
            {
                "area_above": above,
                "area_up_to": up_to,
                "n_true": int(true.sum()),
                "n_found": int(found.sum()),
                "recall": _share(found, true),
                "mean_iou": float(ious[found].mean()) if found.any() else float("nan"),
                "n_pred": int(pred.sum()),
                "precision": _share(pred & hits, pred),
            }
        )
    return rows


def all_areas(images: Sequence[ImageScores]) -> NDArray[np.int64]:
    """Area of every nucleus: truths, then predictions of each image."""
    return joined([image.areas for image in images])


def all_ious(images: Sequence[ImageScores]) -> NDArray[np.float64]:
    """IoU with the nucleus it hits, of every nucleus; 0 for none."""
    return joined([image.ious(image.hit_pairs) for image in images])


def all_kinds(images: Sequence[ImageScores]) -> NDArray[np.int64]:
    """Kind of every nucleus, as index into `anatomy.KINDS`."""
    return joined([image.kinds for image in images])


def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays of all images one after the other."""
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _share(some: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    """Share of a bin's nuclei; NaN for an empty bin."""
    return float(some.sum() / of.sum()) if of.any() else float("nan")
