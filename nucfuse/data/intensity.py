"""Intensities of images: a grid of pixels to look at, and the stretch between percentiles."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def grid_step(image: NDArray[Any], n_pixels: int) -> int:
    """Distance of pixels on a regular grid of some ``n_pixels`` over an image (H, W, ...)."""
    return max(1, round((image.shape[0] * image.shape[1] / n_pixels) ** 0.5))


def pixel_grid(image: NDArray[Any], n_pixels: int) -> NDArray[Any]:
    """Pixels on a regular grid, some ``n_pixels`` of a large image: a view (H', W', ...).

    Examples
    --------
    >>> pixel_grid(np.arange(36).reshape(6, 6), 4)
    array([[ 0,  3],
           [18, 21]])
    """
    step = grid_step(image, n_pixels)
    return image[::step, ::step]


def percentile_range(
    image: NDArray[Any], percentiles: tuple[float, float], n_pixels: int | None = None
) -> tuple[float, float]:
    """Range of intensities between two percentiles.

    Parameters
    ----------
    image : ndarray, shape (H, W, ...)
    percentiles : tuple of float
        Low and high, in percent.
    n_pixels : int, optional
        They are taken from a grid of about so many pixels; from all if not given.

    Returns
    -------
    low, high : float
        If the percentiles are one value, as where nearly all pixels are ground, the smallest and
        largest of all pixels; equal for a constant image.
    """
    grid = image if n_pixels is None else pixel_grid(image, n_pixels)
    if grid.dtype.kind == "f":  # halved, as differences of the largest numbers are infinite
        low, high = np.percentile(grid * grid.dtype.type(0.5), percentiles).astype(np.float64) * 2
    else:
        low, high = np.percentile(grid, percentiles)
    if high <= low:
        low, high = image.min(), image.max()
    return float(low), float(high)


def stretched(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Scale intensities linearly, ``low`` to 0 and ``high`` to 255; what is beyond is clipped.

    Examples
    --------
    >>> stretched(np.array([0, 100, 150, 300, 900]), 100, 300)
    array([  0,   0,  64, 255, 255], dtype=uint8)
    """
    clipped = np.clip(values, np.float64(low), np.float64(high))
    clipped *= 0.5  # which changes no digit, and the whole range of float64 remains finite
    clipped -= low * 0.5
    factor = 127.5 / max(high * 0.5 - low * 0.5, 1e-305)  # finite where the range is nothing
    clipped *= 2 * factor
    return np.rint(clipped, out=clipped).astype(np.uint8)
