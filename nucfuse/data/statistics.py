"""What a data set is made of: sizes of images and nuclei, modalities, how crowded it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nucfuse.data.image_facts import ImageFacts

BOX_COLUMNS = ("y0", "x0", "y1", "x1")
_FLAGS = ("touching", "with_holes", "in_pieces")  # nuclei counted per image


@dataclass(frozen=True, slots=True, eq=False)
class Exploration:
    """A data set's statistics.

    Attributes
    ----------
    path, format : str
    images : DataFrame
        A row per image: id, height and width, modality, nuclei, and how many of them touch
        another, have holes, are in pieces.
    nuclei : DataFrame
        A row per nucleus: image id, modality, its number, area in pixels, diameter of a disc of
        that area, whether it touches another, and its box (y0, x0, y1, x1, half-open).
    """

    path: str
    format: str
    images: pd.DataFrame
    nuclei: pd.DataFrame

    def total(self) -> pd.DataFrame:
        """One row, as `by_modality` has them, for the whole set."""
        return self._grouped(pd.Series("all", self.images.index), "images of")

    def by_modality(self) -> pd.DataFrame:
        """Rows of modalities, the most frequent first.

        Columns: images and their share, nuclei, nuclei per image (5th percentile, median, 95th),
        diameter (the same), share of nuclei that touch another.
        """
        return self._grouped(self.images["modality"], "modality")

    def by_source(self) -> pd.DataFrame:
        """Rows of image sizes (height x width) and modality, as `by_modality` has them."""
        table = self.images
        sizes = table["height"].astype(str) + "x" + table["width"].astype(str)
        return self._grouped(sizes + " " + table["modality"], "source")

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what cannot be told of groups without nuclei is None."""
        return {
            "path": self.path,
            "format": self.format,
            "total": _records(self.total())[0],
            "by_modality": _records(self.by_modality()),
            "by_source": _records(self.by_source()),
            "with_holes": int(self.images["with_holes"].sum()),
            "in_pieces": int(self.images["in_pieces"].sum()),
            "images_without_nuclei": int((self.images["n_nuclei"] == 0).sum()),
        }

    def _grouped(self, keys: "pd.Series[str]", name: str) -> pd.DataFrame:
        key_of = dict(zip(self.images["image_id"], keys, strict=True))
        of_nucleus = self.nuclei["image_id"].map(key_of)
        rows = []
        for key, n_images in keys.value_counts().items():
            nuclei = self.nuclei[of_nucleus == key]
            rows.append(
                {
                    name: key,
                    "images": n_images,
                    "share": n_images / len(keys),
                    "nuclei": len(nuclei),
                    **_spread("per_image", self.images.loc[keys == key, "n_nuclei"]),
                    **_spread("diameter", nuclei["diameter"]),
                    "touching": float(nuclei["touching"].mean()) if len(nuclei) else np.nan,
                }
            )
        return pd.DataFrame(rows)


def exploration(path: str, format: str, facts: Sequence[ImageFacts]) -> Exploration:
    """Gather the statistics of a data set from those of its images."""
    counts = [len(f.areas) for f in facts]
    images = {
        "image_id": [f.image_id for f in facts],
        "height": [f.shape[0] for f in facts],
        "width": [f.shape[1] for f in facts],
        "modality": [f.modality for f in facts],
        "n_nuclei": counts,
        **{name: [getattr(f, name).sum() for f in facts] for name in _FLAGS},
    }
    areas = np.concatenate([np.zeros(0, np.int64), *(f.areas for f in facts)])
    boxes = np.concatenate([np.zeros((0, 4), np.int32), *(f.boxes for f in facts)])
    nuclei = {
        "image_id": np.repeat(np.array(images["image_id"], object), counts),
        "modality": np.repeat(np.array(images["modality"], object), counts),
        "nucleus": np.concatenate([np.zeros(0, np.int64), *(np.arange(1, n + 1) for n in counts)]),
        "area": areas,
        "diameter": 2 * np.sqrt(areas / np.pi),
        "touching": np.concatenate([np.zeros(0, bool), *(f.touching for f in facts)]),
        **dict(zip(BOX_COLUMNS, boxes.T, strict=True)),
    }
    return Exploration(path, format, pd.DataFrame(images), pd.DataFrame(nuclei))


def _spread(name: str, values: "pd.Series[Any]") -> dict[str, float]:
    if values.empty:
        return dict.fromkeys((f"{name}_p5", f"{name}_median", f"{name}_p95"), float("nan"))
    p5, median, p95 = np.percentile(values, (5, 50, 95))
    return {f"{name}_p5": float(p5), f"{name}_median": float(median), f"{name}_p95": float(p95)}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts without NaN, which JSON does not know."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]
