"""Anchors of the RPN (Ren et al. 2015, https://arxiv.org/abs/1506.01497, 3.1.1).

Each cell of a feature map has anchors of one area and several ratios, in its middle. With a feature
pyramid a level has one size (Lin et al. 2017, https://doi.org/10.1109/CVPR.2017.106, 4.1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.models.arrays import Floats, Shape
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig


def anchor_sides(size: float, ratios: Sequence[float]) -> NDArray[np.float64]:
    """Height and width (R, 2) of the anchors of a size; ratios are height over width.

    Examples
    --------
    >>> anchor_sides(8, (0.25, 1, 4))
    array([[ 4., 16.], [ 8.,  8.], [16.,  4.]])
    """
    roots = np.sqrt(np.asarray(ratios, np.float64))
    return size * np.stack([roots, 1 / roots], axis=1)


def anchors(shape: Shape, config: MaskRCNNConfig) -> Floats:
    """All anchors of an image, those that reach beyond its edge too.

    Parameters
    ----------
    shape : (H, W)
        Of the network's input, in pixels; multiples of ``config.stride``.
    config : MaskRCNNConfig

    Returns
    -------
    ndarray of float32, shape (A, 4)
        y0, x0, y1, x1 in pixels: level by level, the finest first, then by row, column and ratio,
        as the RPN's maps (H / stride, W / stride, ratios) lie in memory.

    Raises
    ------
    ValueError
        If the shape is no multiple of the stride.
    """
    if min(shape) < 1 or shape[0] % config.stride or shape[1] % config.stride:
        raise ValueError(
            f"shape must be multiples of the network's stride, {config.stride}, got {shape}; pad "
            "the image"
        )
    return np.concatenate(
        [
            _level(shape, stride, anchor_sides(size, config.ratios))
            for stride, size in zip(config.strides, config.anchor_sizes, strict=True)
        ]
    )


def _level(shape: Shape, stride: int, sides: NDArray[np.float64]) -> Floats:
    rows, columns = ((np.arange(n // stride) + 0.5) * stride for n in shape)
    found = np.empty((rows.size, columns.size, len(sides), 4), np.float32)
    for k, sign in ((0, -0.5), (2, 0.5)):
        found[..., k] = rows[:, np.newaxis, np.newaxis] + sign * sides[:, 0]
        found[..., k + 1] = columns[:, np.newaxis] + sign * sides[:, 1]
    return found.reshape(-1, 4)


def best_overlaps(boxes: ArrayLike, shape: Shape, config: MaskRCNNConfig) -> NDArray[np.float64]:
    """IoU of each box with the anchor that covers it best; no anchor is made.

    Of anchors of one size, that whose centre is nearest in y and in x has the largest overlap, as
    what two intervals share only falls with the distance of their centres.

    Parameters
    ----------
    boxes : array_like, shape (T, 4)
        y0, x0, y1, x1 in pixels, of positive height and width.
    shape : (H, W)
        Of the image, in pixels; it counts as padded to multiples of ``config.stride``.
    config : MaskRCNNConfig

    Returns
    -------
    ndarray of float64, shape (T,)

    Examples
    --------
    >>> from nucfuse.models.mask_rcnn.config import preset
    >>> best_overlaps([[0, 0, 12, 12], [0, 0, 6, 6]], (64, 64), preset("small"))
    array([1.  , 0.25])
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    low, high = corners[:, :2], corners[:, 2:]
    padded = np.array([-(-n // config.stride) * config.stride for n in shape])
    areas = np.prod(high - low, axis=1)
    best = np.zeros(len(corners))
    for stride, size in zip(config.strides, config.anchor_sizes, strict=True):
        cells = np.clip((low + high) / 2 // stride, 0, padded // stride - 1)
        centres = (cells + 0.5) * stride
        for sides in anchor_sides(size, config.ratios):
            shared = np.minimum(high, centres + sides / 2) - np.maximum(low, centres - sides / 2)
            inside = np.prod(np.maximum(shared, 0), axis=1)
            best = np.maximum(best, inside / (areas + np.prod(sides) - inside))
    return best
