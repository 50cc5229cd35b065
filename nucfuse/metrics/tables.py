"""Tables of a scored data set as pandas has them: a row per image, per nucleus.

Loaded when one is looked at; scores alone need no pandas.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nucfuse.metrics.anatomy import KINDS
from nucfuse.metrics.image_scores import ImageScores
from nucfuse.metrics.nuclei import all_areas, all_ious, all_kinds, joined


def table_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table; None becomes NA."""
    return pd.DataFrame([{k: pd.NA if v is None else v for k, v in row.items()} for row in rows])


def image_table(
    image_ids: Sequence[str],
    columns: Mapping[str, NDArray[Any]],
    strata: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """One row per image: id, all columns, then the strata it belongs to."""
    return pd.DataFrame({"image_id": list(image_ids), **columns, **strata})


def object_table(image_ids: Sequence[str], images: Sequence[ImageScores]) -> pd.DataFrame:
    """One row per true and predicted nucleus.

    Columns: ``image_id``; ``side`` ("true" or "pred"); ``id``, the label; ``area`` in pixels;
    ``match_id`` and ``iou``, the nucleus of the other side that it hits at IoU 0.5 (0 for none);
    ``best_id`` and ``best_iou``, the one of the largest IoU (0 for none); ``kind``, one of
    `anatomy.KINDS`.
    """
    sizes = [image.n_true + image.n_pred for image in images]
    sides = [n for image in images for n in (image.n_true, image.n_pred)]
    return pd.DataFrame(
        {
            "image_id": np.repeat(np.array(image_ids, object), sizes),
            "side": np.repeat(np.tile(np.array(["true", "pred"], object), len(sizes)), sides),
            "id": joined([image.ids for image in images]),
            "area": all_areas(images),
            "match_id": joined([image.partners(image.hit_pairs) for image in images]),
            "iou": all_ious(images),
            "best_id": joined([image.partners(image.best_pairs) for image in images]),
            "best_iou": joined([image.ious(image.best_pairs) for image in images]),
            "kind": np.array(KINDS, object)[all_kinds(images)],
        }
    )
