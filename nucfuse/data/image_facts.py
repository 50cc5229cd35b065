"""What one image of a data set is made of: its size, its modality, and each of its nuclei."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.data.clean_truth import find_flaws
from nucfuse.data.dataset import Sample
from nucfuse.data.modality import UNKNOWN, modality
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import overlaps


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
    nucleus_rows = nuclei.boxes, nuclei.areas, touching(nuclei), *find_flaws(nuclei)
    return ImageFacts(sample.image_id, nuclei.shape, kind, *nucleus_rows)


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
