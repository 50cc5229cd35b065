"""The two heads on each region: what it is and where exactly, and which of its pixels.

He et al. 2017, https://doi.org/10.1109/ICCV.2017.322, section 3 and the right of figure 4.
"""

from collections.abc import Sequence
from typing import Any

from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.network.roi_align import Tensor, pooled_from_levels, roi_align
from nucfuse.models.mask_rcnn.network.roi_pool import roi_pool
from nucfuse.models.mask_rcnn.network.rpn import last_kernel
from nucfuse.models.style import Style


def box_head(regions: Tensor, config: MaskRCNNConfig, style: Style) -> tuple[Tensor, Tensor]:
    """Two dense layers, then a softmax over classes and one refined box for each of them.

    Parameters
    ----------
    regions : tensor, shape (R, P, P, C)
    config : MaskRCNNConfig
    style : Style

    Returns
    -------
    probabilities : tensor of float32, shape (R, K)
        Of the K = ``config.n_classes`` classes; the first is the background.
    deltas : tensor of float32, shape (R, K, 4)
        In units of ``config.box_std``, for each class; nobody reads those of the background.
    """
    from keras import layers

    x = layers.Flatten()(regions)
    for _ in range(2):
        x = layers.Dense(config.head_width, activation="relu", kernel_initializer=style.kernel())(x)
    scores = layers.Dense(config.n_classes, kernel_initializer=last_kernel(0.01, style))(x)
    boxes = layers.Dense(4 * config.n_classes, kernel_initializer=last_kernel(0.001, style))(x)
    deltas = layers.Reshape((config.n_classes, 4), dtype="float32")(boxes)
    return layers.Softmax(dtype="float32")(scores), deltas


def mask_head(regions: Tensor, config: MaskRCNNConfig, style: Style) -> Tensor:
    """3 x 3 convolutions, a transposed one that doubles the side, one sigmoid for each class.

    Parameters
    ----------
    regions : tensor, shape (R, P, P, C)
    config : MaskRCNNConfig
    style : Style

    Returns
    -------
    tensor of float32, shape (R, 2 P, 2 P, K - 1)
        Probability that a bin of the region belongs to the object, were it of that class.
    """
    from keras import layers

    x = regions
    for _ in range(config.mask_convs):
        x = layers.Conv2D(
            config.fpn_width,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=style.kernel(),
        )(x)
    x = layers.Conv2DTranspose(
        config.fpn_width, 2, strides=2, activation="relu", kernel_initializer=style.kernel()
    )(x)
    scores = layers.Conv2D(config.n_classes - 1, 1, kernel_initializer=last_kernel(0.01, style))(x)
    return layers.Activation("sigmoid", dtype="float32")(scores)


def pooling_layer(config: MaskRCNNConfig, strides: Sequence[int], size: int) -> Any:
    """Make a layer that pools regions: [maps, regions, images] -> (R, size, size, C).

    Parameters
    ----------
    config : MaskRCNNConfig
    strides : sequence of int
        Of the levels that regions are read from.
    size : int
        Bins a side.
    """
    import keras

    def pooling(feature_map: Tensor, rois: Tensor, images: Tensor) -> Tensor:
        if config.roi_method == "pool":
            return roi_pool(feature_map, rois, images, size)
        return roi_align(feature_map, rois, images, size, config.roi_samples)

    class RegionPooling(keras.layers.Layer):
        def __init__(self) -> None:
            # Corners of boxes do not fit into bfloat16, whose steps are whole pixels from 256 on.
            super().__init__(dtype="float32")

        def call(self, inputs: Sequence[Tensor]) -> Tensor:
            *maps, rois, images = inputs
            return pooled_from_levels(maps, rois, images, strides, config.canonical, pooling)

        def compute_output_spec(self, inputs: Sequence[Tensor]) -> Tensor:
            return keras.KerasTensor((None, size, size, inputs[0].shape[-1]), "float32")

    return RegionPooling()
