"""An image as a Mask R-CNN takes it: its longest side of one size, or sides of whole strides."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.models.arrays import Shape
from nucfuse.models.inference.tiling import padded
from nucfuse.models.inference.views import resized, scaled_shape


def fitted_shape(shape: Shape, size: int) -> tuple[int, int]:
    """Height and width of an image whose longest side becomes ``size``.

    Examples
    --------
    >>> fitted_shape((100, 300), 512)
    (171, 512)
    """
    return scaled_shape(shape, size / max(shape))


def fitted(image: NDArray[Any], size: int) -> NDArray[Any]:
    """Resize an image (H, W, C) or label image (H, W) so, and pad it with zeros to a square."""
    shape = fitted_shape((image.shape[0], image.shape[1]), size)
    if image.ndim == 3:
        return padded_to(resized(image, shape), size, 1)
    # OpenCV resamples float32 but not int32; ids up to 2**24 are exact in it.
    nearest = cv2.resize(
        image.astype(np.float32), shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT
    )
    return padded_to(nearest[..., np.newaxis], size, 1)[..., 0].astype(image.dtype)


def padded_to(image: NDArray[Any], size: int, stride: int) -> NDArray[Any]:
    """Pad an image (H, W, C) below and beside it.

    With zeros up to a square of ``size``; if that is 0, mirrored up to multiples of the stride.
    """
    if not size:
        return padded(image, stride)
    height, width = image.shape[:2]
    return np.pad(image, ((0, size - height), (0, size - width), (0, 0)))
