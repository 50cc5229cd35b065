"""Test-time augmentation: an image seen in eight positions and several scales, and averaged."""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.models.arrays import Floats, Shape

# An image (H, W, C) -> maps (K, H, W).
Predict = Callable[[NDArray[Any]], Floats]

VIEWS = 8


def view(image: NDArray[Any], k: int) -> NDArray[Any]:
    """Turn an image (H, W, C) to position ``k``: flipped from 4 on, turned by k % 4 x 90°."""
    return np.rot90(image[:, ::-1] if k >= 4 else image, k % 4)


def unview(maps: NDArray[Any], k: int) -> NDArray[Any]:
    """Turn maps (K, H, W) of position ``k`` back: the exact inverse of `view`."""
    back = np.rot90(maps, -(k % 4), axes=(1, 2))
    return back[:, :, ::-1] if k >= 4 else back


def augmented(predict: Predict, views: int = VIEWS, scales: Sequence[float] = (1.0,)) -> Predict:
    """Make a function that gives the mean of the maps of several views of an image.

    Parameters
    ----------
    predict : callable
        Image (H, W, C) -> maps (K, H, W), for any H and W.
    views : int
        How many of the eight positions: 1 for the image as it is, 8 for all. With all, turning or
        flipping the image turns or flips the result, and does nothing else.
    scales : sequence of float
        The image is also resampled by each of these factors, and its maps back.

    Returns
    -------
    callable
        Image (H, W, C) -> maps (K, H, W).

    Examples
    --------
    >>> def leftmost(image):
    ...     return np.moveaxis(np.cumsum(image, axis=1) == 1, 2, 0).astype(np.float32)
    >>> augmented(leftmost)(np.eye(2, dtype=np.float32)[..., np.newaxis])[0]
    array([[1. , 0.5],
           [0.5, 1. ]], dtype=float32)
    """
    if views == 1 and tuple(scales) == (1.0,):
        return predict

    def mean(image: NDArray[Any]) -> Floats:
        each = (_at_scale(predict, image, k, scale) for scale in scales for k in range(views))
        total = np.array(next(each))
        for maps in each:
            total += maps
        total /= np.float32(views * len(scales))
        return total

    return mean


def _at_scale(predict: Predict, image: NDArray[Any], k: int, scale: float) -> Floats:
    """Predict maps of one view of an image, back in its own position and size."""
    height, width = image.shape[:2]
    if scale == 1:
        return unview(predict(view(image, k)), k)
    shape = scaled_shape((height, width), scale)
    return resampled_maps(unview(predict(view(resized(image, shape), k)), k), (height, width))


def scaled_shape(shape: Shape, factor: float) -> tuple[int, int]:
    """Height and width times a factor, in whole pixels, at least one."""
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def resized(image: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """Resize an image (H, W, C); smaller ones average the pixels that they replace."""
    smaller = shape[0] * shape[1] < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    pixels = cv2.resize(np.ascontiguousarray(image), shape[::-1], interpolation=how)
    return pixels.reshape(*shape, image.shape[2])


def resampled_maps(maps: Floats, shape: Sequence[int]) -> Floats:
    """Resize maps (K, H, W), by linear interpolation between pixel centres (order 1)."""
    size = (int(shape[1]), int(shape[0]))
    return np.stack(
        [cv2.resize(np.ascontiguousarray(m), size, interpolation=cv2.INTER_LINEAR) for m in maps]
    )
