"""What a model is to nucfuse, and what it sees of an image."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.data.intensity import percentile_range, stretched
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Pixels


@runtime_checkable
class Segmenter(Protocol):
    """Anything that finds nuclei in an image."""

    name: str

    def predict(self, image: Pixels) -> Instances | NDArray[Any]:
        """Nuclei of one RGB image (H, W, 3): Instances, or a label image of int (H, W).

        The same image gives the same nuclei, whatever was predicted before.
        """
        ...


def as_rgb(image: ArrayLike) -> Pixels:
    """Make an image what models take: RGB of uint8, (H, W, 3).

    Parameters
    ----------
    image : array_like, shape (H, W), (H, W, 3) or (H, W, 4)
        Grey becomes three equal channels and an alpha channel is dropped. uint8 keeps its values;
        bool becomes 0 and 255; of all else the range from the 0.1th to the 99.9th percentile
        becomes 0..255, so that a few hot pixels do not hide the nuclei of a 16-bit image.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If the shape is another, there are no pixels, or a value is NaN or infinite.
    """
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.size == 0:
        raise ValueError(f"image must be grey (H, W) or RGB (H, W, 3), got shape {np.shape(image)}")
    array = array[..., :3]
    if array.dtype.kind not in "buif":
        raise TypeError(f"image must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != np.uint8:
        array = _stretched(array)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def _stretched(array: NDArray[Any]) -> Pixels:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("image holds NaN or infinite values; replace them first")
    # Halves, so that the difference of the two ends of the float64 range is finite.
    halves = array.astype(np.float64) / 2
    return stretched(halves, *percentile_range(halves, (0.1, 99.9)))
