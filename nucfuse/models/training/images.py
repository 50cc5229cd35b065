"""Images with their truth, ready to be cut for training."""

from dataclasses import dataclass

import numpy as np

from nucfuse.data.modality import modality
from nucfuse.models.arrays import Ints, Pixels
from nucfuse.models.inputs import planes, prepared

_SCALES = (0.25, 4.0)  # smallest and largest rescaling, whatever the diameter asks for


@dataclass(frozen=True, slots=True, eq=False)
class TrainingImage:
    """An image with its truth.

    Attributes
    ----------
    image_id : str
    views : ndarray of uint8, shape (H, W, P)
        Planes to choose from or mix for the input "neutral", else the channels of the input.
    labels : ndarray of int32, shape (H, W)
    diameter : float
        Of a disc of the median nucleus's area, in pixels; NaN if there is none.
    modality : str
    """

    image_id: str
    views: Pixels
    labels: Ints
    diameter: float
    modality: str


def training_image(image_id: str, rgb: Pixels, labels: Ints, kind: str) -> TrainingImage:
    """Prepare one image for the input ``kind``."""
    if kind == "neutral":
        views = planes(rgb)
    else:
        views = np.round(prepared(rgb, kind) * 255).astype(np.uint8)
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    diameter = 2 * float(np.sqrt(np.median(areas) / np.pi)) if areas.size else float("nan")
    return TrainingImage(image_id, views, labels, diameter, modality(rgb))


def scale_to(diameter: float, wanted: tuple[float, float]) -> float:
    """Factor nearest to 1 that brings a diameter between two others; 1 if it is NaN."""
    if np.isnan(diameter):
        return 1.0
    return clipped_scale(np.clip(diameter, *wanted) / diameter)


def clipped_scale(scale: float) -> float:
    """Rescaling within what images are ever rescaled by in training, a quarter to four."""
    return float(np.clip(scale, *_SCALES))
