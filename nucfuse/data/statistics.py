"""What a data set is made of: sizes of images and nuclei, modalities, how crowded it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nucfuse.data.clean_truth import find_flaws
from nucfuse.data.dataset import Sample
from nucfuse.data.modality import modality
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import overlaps

UNKNOWN = "unknown"  # modality of an image that is not there

BOX_COLUMNS = ("y0", "x0", "y1", "x1")
_IMAGE_COLUMNS = (
    "image_id", "height", "width", "modality", "n_nuclei", "touching", "with_holes", "in_pieces",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ImageFacts:
    """One image: size, modality, and a row per nucleus in each array."""

    image_id: str
    shape: tuple[int, int]
    modality: str
    boxes: NDArray[np.int32]
    areas: NDArray[np.int64]
    touching: NDArray[np.bool_]
    with_holes: NDArray[np.bool_]
    in_pieces: NDArray[np.bool_]


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
        """A row per modality, the most frequent first.

        Columns: images and their share, nuclei, nuclei per image (5th percentile, median, 95th),
        diameter (the same), share of nuclei that touch another.
        """
        return self._grouped(self.images["modality"], "modality")

    def by_source(self) -> pd.DataFrame:
        """The same per image size (height x width) and modality."""
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


def image_facts(sample: Sample, image: NDArray[Any] | None) -> ImageFacts:
    """Look at one image and its nuclei; safe to call from many threads.

    Parameters
    ----------
    sample : Sample
        Flat masks; they may overlap.
    image : ndarray of uint8, shape (H, W, 3), or None
        Its modality is "unknown" if there is none.

    Raises
    ------
    DataError
        If the sample is a volume, or the sizes of image and masks differ.
    """
    masks = sample.masks
    if isinstance(masks, np.ndarray) and masks.ndim != 2:
        raise DataError(
            f"image {sample.image_id!r} has masks of shape {masks.shape}; only flat images can be "
            "explored"
        )
    nuclei = masks if isinstance(masks, Instances) else Instances.from_labels(masks)
    if image is not None and image.shape[:2] != nuclei.shape:
        raise DataError(
            f"image {sample.image_id!r} is {image.shape[:2]} and its masks are {nuclei.shape}; "
            "they must have one size"
        )
    kind = UNKNOWN if image is None else modality(image)
    return ImageFacts(
        sample.image_id, nuclei.shape, kind, nuclei.boxes, nuclei.areas, touching(nuclei),
        *find_flaws(nuclei),
    )  # fmt: skip


def touching(nuclei: Instances) -> NDArray[np.bool_]:
    """Which nuclei have a pixel that is, or is one of the 8 neighbours of, a pixel of another.

    Parameters
    ----------
    nuclei : Instances

    Returns
    -------
    ndarray of bool, shape (N,)

    Examples
    --------
    >>> touching(Instances.from_labels(np.array([[1, 0, 3], [0, 2, 0], [0, 0, 0], [4, 0, 0]])))
    array([ True,  True,  True, False])
    """
    crops, corners = nuclei.to_crops()
    square = np.ones((3, 3), np.uint8)
    wide, places = [], []
    for crop, (y, x) in zip(crops, corners.tolist(), strict=True):
        # One pixel more on each side, but not beyond the image.
        below, right = nuclei.shape[0] - y - crop.shape[0], nuclei.shape[1] - x - crop.shape[1]
        margins = ((min(y, 1), min(below, 1)), (min(x, 1), min(right, 1)))
        grown = np.pad(crop, margins).view(np.uint8)
        wide.append(cv2.dilate(grown, square).view(bool) if grown.size else grown.view(bool))
        places.append((y - margins[0][0], x - margins[1][0]))
    pairs = overlaps(Instances.from_crops(wide, places, nuclei.shape), nuclei)
    found = np.zeros(len(nuclei), bool)
    found[pairs.pred_index[pairs.true_index != pairs.pred_index]] = True
    return found


def exploration(path: str, format: str, facts: Sequence[ImageFacts]) -> Exploration:
    """The statistics of a data set from those of its images."""
    images = [
        (f.image_id, *f.shape, f.modality, len(f.areas), f.touching.sum(), f.with_holes.sum(),
         f.in_pieces.sum())
        for f in facts
    ]  # fmt: skip
    counts = [len(f.areas) for f in facts]
    areas = np.concatenate([np.zeros(0, np.int64), *(f.areas for f in facts)])
    boxes = np.concatenate([np.zeros((0, 4), np.int32), *(f.boxes for f in facts)])
    nuclei = {
        "image_id": np.repeat(np.array([f.image_id for f in facts], object), counts),
        "modality": np.repeat(np.array([f.modality for f in facts], object), counts),
        "nucleus": np.concatenate([np.zeros(0, np.int64), *(np.arange(1, n + 1) for n in counts)]),
        "area": areas,
        "diameter": 2 * np.sqrt(areas / np.pi),
        "touching": np.concatenate([np.zeros(0, bool), *(f.touching for f in facts)]),
        **dict(zip(BOX_COLUMNS, boxes.T, strict=True)),
    }
    return Exploration(
        path, format, pd.DataFrame(images, columns=list(_IMAGE_COLUMNS)), pd.DataFrame(nuclei)
    )


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
