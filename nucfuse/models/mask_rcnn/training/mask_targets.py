"""What the mask head should answer (He et al. 2017, 3.1), read from the label image."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.models.arrays import Floats, Ints


def mask_targets(
    labels: Ints,
    rois: Floats,
    label_ids: Ints,
    size: int,
    true_boxes: Floats | None = None,
    mini: int = 0,
) -> Floats:
    """Read the nucleus of each region at the centres of its bins.

    All that is read is the label image, so that memory does not grow with the number of nuclei.

    Parameters
    ----------
    labels : ndarray of int32, shape (H, W)
    rois : ndarray of float32, shape (R, 4)
        y0, x0, y1, x1 in pixels of the label image.
    label_ids : ndarray of int32, shape (R,)
        The nucleus of each region.
    size : int
        Bins a side.
    true_boxes : ndarray of float32, shape (R, 4)
        The box of each region's nucleus; for ``mini`` only.
    mini : int
        Side to which each nucleus is shrunk at its box first (56 in the study), also by reading it
        at the centres of bins; 0: it is not. What a region has outside of the nucleus's box is
        then background.

    Returns
    -------
    ndarray of float32, shape (R, size, size)
        1 where the pixel that holds a bin's centre is the nucleus's, else 0. Beyond the image there
        is background.

    Raises
    ------
    ValueError
        If ``mini`` is not 0 and there are no true boxes.

    Examples
    --------
    >>> labels = np.int32([[1, 1, 2, 2]])
    >>> mask_targets(labels, np.float32([[0, 1, 1, 3]]), np.int32([2]), 2)[0]
    array([[0., 1.], [0., 1.]], dtype=float32)
    """
    if mini and true_boxes is None:
        raise ValueError("mini masks need true_boxes, the box of each region's nucleus")
    odd = np.arange(1, 2 * size, 2)
    places = []
    for axis in (0, 1):
        low, high = _side(rois, axis)
        at = low + odd * (high - low) / (2 * size)
        if mini and true_boxes is not None:
            at = _shrunk(at, *_side(true_boxes, axis), mini)
        places.append(_pixels(at, labels.shape[axis]))
    rows, columns = places[0][:, :, np.newaxis], places[1][:, np.newaxis]
    found = labels[rows, columns] == label_ids[:, np.newaxis, np.newaxis]
    return (found & (rows >= 0) & (columns >= 0)).astype(np.float32)


def _side(boxes: Floats, axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where boxes begin and end along an axis, each (R, 1)."""
    corners = boxes.astype(np.float64)
    return corners[:, [axis]], corners[:, [axis + 2]]


def _pixels(at: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Pixel that holds each place along an axis of n pixels; -1 if there is none."""
    pixels = np.floor(at)
    return np.where((pixels >= 0) & (pixels < n), pixels, -1).astype(np.int64)


def _shrunk(
    at: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], mini: int
) -> NDArray[np.float64]:
    """Centre of the bin of a nucleus's box that holds each place; -1 outside of the box."""
    bins = np.floor((at - low) * mini / (high - low))
    centres = low + (2 * bins + 1) * (high - low) / (2 * mini)
    return np.where((bins >= 0) & (bins < mini), centres, -1.0)
