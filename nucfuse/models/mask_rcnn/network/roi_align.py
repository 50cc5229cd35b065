"""Features of regions on a fixed grid, without rounding: RoIAlign on a feature pyramid.

RoIAlign: He et al. 2017, https://doi.org/10.1109/ICCV.2017.322, section 3. Which level a region is
read from: Lin et al. 2017, https://doi.org/10.1109/CVPR.2017.106, eq. 1.
"""

from collections.abc import Callable, Sequence
from typing import Any

Tensor = Any
# Pools regions (R, 4), in cells, out of one map (B, H, W, C) at (R,) image indices.
Pooling = Callable[[Tensor, Tensor, Tensor], Tensor]


def level_indices(rois: Tensor, strides: Sequence[int], canonical: float) -> Tensor:
    """Level that each region is read from: its side doubles from level to level.

    Parameters
    ----------
    rois : tensor of float32, shape (R, 4)
        Boxes (y0, x0, y1, x1) in pixels.
    strides : sequence of int
        Of the L levels, the finest first.
    canonical : float
        Side of a square that is read from the level of stride 16, in pixels.

    Returns
    -------
    tensor of int32, shape (R,)
        In [0, L).
    """
    import tensorflow as tf

    area = (rois[:, 2] - rois[:, 0]) * (rois[:, 3] - rois[:, 1])
    # floor(log2(side)) as comparisons: a logarithm in float32 puts exact powers of two either way.
    smallest = [(canonical * stride / 16) ** 2 for stride in strides[1:]]
    return tf.reduce_sum(tf.cast(area[:, tf.newaxis] >= smallest, tf.int32), axis=1)


def roi_align(feature_map: Tensor, rois: Tensor, images: Tensor, size: int, samples: int) -> Tensor:
    """RoIAlign on one map: each bin is the mean of bilinear samples at regular points.

    Nothing is rounded. Between the outermost cell centres and the edge of the map the value is
    that of the edge; further out it is 0.

    Parameters
    ----------
    feature_map : tensor of float32, shape (B, H, W, C)
        Cell (i, j) covers [i, i + 1) x [j, j + 1).
    rois : tensor of float32, shape (R, 4)
        Boxes (y0, x0, y1, x1) in cells.
    images : tensor of int32, shape (R,)
        Which of the B maps.
    size : int
        Bins a side.
    samples : int
        Points a side of each bin.

    Returns
    -------
    tensor of float32, shape (R, size, size, C)
    """
    import tensorflow as tf

    n = size * samples
    # One repeated cell around the map holds the samples that lie up to half a cell off its centres.
    padded = tf.pad(feature_map, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    last_cell = tf.cast(tf.shape(padded)[1:3] - 1, tf.float32)
    step = (rois[:, 2:] - rois[:, :2]) / n
    # Cell i has its centre at i + 0.5, and is number i + 1 of the padded map.
    first = rois[:, :2] + step / 2 + 0.5
    corners = tf.concat([first / last_cell, (first + (n - 1) * step) / last_cell], axis=1)
    points = tf.image.crop_and_resize(padded, corners, images, (n, n))
    return tf.nn.avg_pool2d(points, samples, samples, "VALID") if samples > 1 else points


def pooled_from_levels(
    maps: Sequence[Tensor],
    rois: Tensor,
    images: Tensor,
    strides: Sequence[int],
    canonical: float,
    pooling: Pooling,
) -> Tensor:
    """Each region pooled out of the level that its size asks for.

    Parameters
    ----------
    maps : sequence of L tensors, shape (B, H, W, C)
    rois : tensor of float32, shape (R, 4)
        Boxes (y0, x0, y1, x1) in pixels.
    images : tensor of int32, shape (R,)
    strides, canonical
        See `level_indices`.
    pooling : callable
        (map, regions in its cells, images) -> (R, size, size, C).

    Returns
    -------
    tensor of float32, shape (R, size, size, C)
        In the order of ``rois``.
    """
    import tensorflow as tf

    levels = level_indices(rois, strides, canonical)
    places, parts = [], []
    for k, (feature_map, stride) in enumerate(zip(maps, strides, strict=True)):
        chosen = tf.where(levels == k)[:, 0]
        places.append(chosen)
        cells = tf.gather(rois, chosen) / stride
        parts.append(pooling(feature_map, cells, tf.gather(images, chosen)))
    return tf.gather(tf.concat(parts, axis=0), tf.argsort(tf.concat(places, axis=0)))
