"""Tables of a scored data set: a row per image, per nucleus, per size of nucleus."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nucfuse.metrics.anatomy import KINDS
from nucfuse.metrics.average_precision import precision_at
from nucfuse.metrics.boundary import BOUNDARY_COLUMNS, BoundaryMeasures
from nucfuse.metrics.coco import RankedImage
from nucfuse.metrics.kernels import measures as kernels
from nucfuse.metrics.measures import NUMBER_COLUMNS, ImageMeasures

# Others script against the first columns of the table of images; new ones go to the end.
_FIRST_SCORES = ("pq", "sq", "rq", "aji", "aji_plus", "dice")
_FIRST_ERRORS = ("missed", "spurious", "split", "merged")
_COUNTS = ("n_true", "n_pred", *kernels.ERROR_COLUMNS)


class Measured(Protocol):
    """All that was measured on one image; extra metrics are None where not asked for."""

    @property
    def measures(self) -> ImageMeasures: ...
    @property
    def ranked(self) -> RankedImage | None: ...
    @property
    def boundary(self) -> BoundaryMeasures | None: ...


def image_columns(results: Sequence[Measured], percents: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Columns of the table of images, each of shape (I,), in its order."""
    measures = [result.measures for result in results]
    numbers = np.array([m.numbers for m in measures]).reshape(-1, len(NUMBER_COLUMNS))
    named = dict(zip(NUMBER_COLUMNS, numbers.T, strict=True))
    tp = np.array([m.tp for m in measures], np.int64).reshape(-1, len(percents))
    n_true = np.array([m.n_true for m in measures], np.int64)
    n_pred = np.array([m.n_pred for m in measures], np.int64)
    columns: dict[str, NDArray[Any]] = {"n_true": n_true, "n_pred": n_pred}
    columns["dsb_ap"] = named["dsb_ap"]
    columns |= {f"tp_{p}": tp[:, i] for i, p in enumerate(percents)}
    columns |= {f"fp_{p}": n_pred - tp[:, i] for i, p in enumerate(percents)}
    columns |= {f"fn_{p}": n_true - tp[:, i] for i, p in enumerate(percents)}
    columns |= {name: named[name] for name in _FIRST_SCORES}
    columns |= {name: named[name] for name in _FIRST_ERRORS}
    columns |= {name: named[name] for name in NUMBER_COLUMNS if name not in columns}
    columns["count_error"] = n_pred - n_true
    columns["both_empty"] = (n_true == 0) & (n_pred == 0)
    columns |= {f"ap_{p}": precision_at(tp[:, i], n_true, n_pred) for i, p in enumerate(percents)}
    boundaries = [result.boundary.numbers for result in results if result.boundary is not None]
    if boundaries and len(boundaries) == len(results):
        columns |= dict(zip(BOUNDARY_COLUMNS, np.array(boundaries).T, strict=True))
    return {k: v.astype(np.int64) if k in _COUNTS else v for k, v in columns.items()}


def image_table(
    image_ids: Sequence[str], columns: Mapping[str, NDArray[Any]],
    strata: Mapping[str, Sequence[str]],
) -> pd.DataFrame:  # fmt: skip
    """One row per image: id, all columns, then the strata it belongs to."""
    return pd.DataFrame({"image_id": list(image_ids), **columns, **strata})


def object_table(image_ids: Sequence[str], results: Sequence[Measured]) -> pd.DataFrame:
    """One row per true and predicted nucleus.

    Columns: ``image_id``; ``side`` ("true" or "pred"); ``id``, the label; ``area`` in pixels;
    ``match_id`` and ``iou``, the nucleus of the other side that it hits at IoU 0.5 (0 for none);
    ``best_id`` and ``best_iou``, the one of the largest IoU (0 for none); ``kind``, one of
    `errors.KINDS`.
    """
    measures = [result.measures for result in results]
    sizes = [m.kinds.size for m in measures]
    sides = [side for m in measures for side in (m.n_true, m.n_pred)]
    return pd.DataFrame(
        {
            "image_id": np.repeat(np.array(image_ids, object), sizes),
            "side": np.repeat(np.tile(np.array(["true", "pred"], object), len(sizes)), sides),
            "id": _joined(
                [i for m in measures for i in (m.overlaps.true_ids, m.overlaps.pred_ids)]
            ),
            "area": all_areas(results),
            "match_id": _joined([m.partners(m.hit_pairs) for m in measures]),
            "iou": all_ious(results),
            "best_id": _joined([m.partners(m.best_pairs) for m in measures]),
            "best_iou": _joined([m.ious(m.best_pairs) for m in measures]),
            "kind": np.array(KINDS, object)[all_kinds(results)],
        }
    )


def size_table(results: Sequence[Measured], edges: Sequence[float] | None) -> pd.DataFrame:
    """How nuclei of each size fare at IoU 0.5; see `Scores.by_size`."""
    areas, ious = all_areas(results), all_ious(results)
    hits = all_kinds(results) == KINDS.index("hit")
    sides = [side for r in results for side in (r.measures.n_true, r.measures.n_pred)]
    is_true = np.repeat(np.tile([True, False], len(results)), sides)
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
    return pd.DataFrame(rows)


def all_areas(results: Sequence[Measured]) -> NDArray[np.int64]:
    """Area of every nucleus: truths, then predictions of each image."""
    pairs = [result.measures.overlaps for result in results]
    return _joined([side for o in pairs for side in (o.true_areas, o.pred_areas)])


def all_ious(results: Sequence[Measured]) -> NDArray[np.float64]:
    """IoU with the nucleus it hits, of every nucleus; 0 for none."""
    return _joined([r.measures.ious(r.measures.hit_pairs) for r in results])


def all_kinds(results: Sequence[Measured]) -> NDArray[np.int8]:
    """Kind of every nucleus, as index into `errors.KINDS`."""
    return _joined([result.measures.kinds for result in results])


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _share(some: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    """Share of a bin's nuclei; NaN for an empty bin."""
    return float(some.sum() / of.sum()) if of.any() else float("nan")
