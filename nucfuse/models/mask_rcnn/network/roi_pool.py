"""Features of regions by RoIPool: the largest value of each bin of whole cells.

Girshick 2015, https://doi.org/10.1109/ICCV.2015.169, section 2.1. It rounds twice, the region to
cells and the bins to cells, which is what RoIAlign was made to avoid.
"""

from typing import Any

Tensor = Any

# Windows of 1, 2, 4, 8 and 16 cells: two of them cover any bin of up to 32, hence any region of up
# to 224 cells in 7 bins. A finer level holds longer ones only if they are very narrow.
_DOUBLINGS = 5


def roi_pool(feature_map: Tensor, rois: Tensor, images: Tensor, size: int) -> Tensor:
    """RoIPool on one map.

    Parameters
    ----------
    feature_map : tensor of float32, shape (B, H, W, C)
    rois : tensor of float32, shape (R, 4)
        Boxes (y0, x0, y1, x1) in cells; corners are rounded, and both cells they fall on belong to
        the region, as in the paper's code.
    images : tensor of int32, shape (R,)
        Which of the B maps.
    size : int
        Bins a side; neighbours share a cell where the region does not divide evenly.

    Returns
    -------
    tensor of float32, shape (R, size, size, C)
        0 where a bin lies outside the map.
    """
    import tensorflow as tf

    shape = tf.shape(feature_map)[1:3]
    rows = _windows(rois[:, 0], rois[:, 2], shape[0], size)
    columns = _windows(rois[:, 1], rois[:, 3], shape[1], size)
    tables = _tables(feature_map)
    level = rows[0][:, :, tf.newaxis] * _DOUBLINGS + columns[0][:, tf.newaxis, :]
    image = tf.broadcast_to(images[:, tf.newaxis, tf.newaxis], tf.shape(level))
    best = None
    for y in rows[1:3]:
        for x in columns[1:3]:
            at = [
                tf.broadcast_to(y[:, :, tf.newaxis], tf.shape(level)),
                tf.broadcast_to(x[:, tf.newaxis, :], tf.shape(level)),
            ]
            corner = tf.gather_nd(tables, tf.stack([image, level, *at], axis=-1))
            best = corner if best is None else tf.maximum(best, corner)
    filled = rows[3][:, :, tf.newaxis] & columns[3][:, tf.newaxis, :]
    return tf.where(filled[..., tf.newaxis], best, tf.zeros_like(best))


def _windows(start: Tensor, stop: Tensor, length: Tensor, size: int) -> tuple[Tensor, ...]:
    """Bins along one axis, each as two windows whose sides are a power of two.

    Its exponent, the first cells of both windows, int32 (R, size), and whether it has any cell.
    """
    import tensorflow as tf

    low = tf.cast(tf.floor(start + 0.5), tf.int32)[:, tf.newaxis]
    high = tf.cast(tf.floor(stop + 0.5), tf.int32)[:, tf.newaxis]
    cells = tf.maximum(high - low + 1, 1)
    bins = tf.range(size)[tf.newaxis]
    first = tf.clip_by_value(low + bins * cells // size, 0, length)
    # Rounded up without negative numbers, whose quotients ONNX rounds the other way.
    after = tf.clip_by_value(low + ((bins + 1) * cells + size - 1) // size, 0, length)
    count = after - first
    exponent = sum(tf.cast(count >= 2**k, tf.int32) for k in range(1, _DOUBLINGS))
    last = tf.maximum(after - 2**exponent, 0)
    return exponent, tf.minimum(first, length - 1), last, count > 0


def _tables(feature_map: Tensor) -> Tensor:
    """Largest values of all windows of 2^i x 2^j cells, by their upper left cell.

    (B, H, W, C) -> (B, _DOUBLINGS ** 2, H, W, C); beyond the map nothing is larger.
    """
    import tensorflow as tf

    more = 2 ** (_DOUBLINGS - 1) - 1
    height, width = tf.unstack(tf.shape(feature_map)[1:3])
    beyond = [[0, 0], [0, more], [0, more], [0, 0]]
    padded = tf.pad(feature_map, beyond, constant_values=tf.float32.min)
    tables = [
        table[:, :height, :width] for tall in _doubled(padded, 1) for table in _doubled(tall, 2)
    ]
    return tf.stack(tables, axis=1)


def _doubled(table: Tensor, axis: int) -> list[Tensor]:
    """Largest values of 1, 2, 4, … neighbours along an axis, which gets shorter by the others."""
    import tensorflow as tf

    tables, before = [table], (slice(None),) * axis
    for k in range(_DOUBLINGS - 1):
        last = tables[-1]
        tables.append(
            tf.maximum(last[(*before, slice(-(2**k)))], last[(*before, slice(2**k, None))])
        )
    return tables
