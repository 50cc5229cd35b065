"""The feature pyramid: maps of all scales with the meaning of the coarsest.

Lin et al. 2017, https://doi.org/10.1109/CVPR.2017.106, section 3.
"""

from collections.abc import Sequence
from typing import Any

from nucfuse.models.style import Style

Tensor = Any


def feature_pyramid(features: Sequence[Tensor], width: int, style: Style) -> list[Tensor]:
    """Levels of one width from the maps of a backbone.

    Each level is the backbone's map and the doubled coarser level, added; a 3 x 3 convolution
    smooths what doubling repeats.

    Parameters
    ----------
    features : sequence of L tensors, shape (B, H, W, C)
        The finest first, each of half the resolution of the one before.
    width : int
    style : Style
        Initialises the convolutions.

    Returns
    -------
    list of L tensors, shape (B, H, W, width)
    """
    from keras import layers

    def lateral(x: Tensor) -> Tensor:
        return layers.Conv2D(width, 1, kernel_initializer=style.kernel())(x)

    levels = [lateral(features[-1])]
    for finer in reversed(features[:-1]):
        doubled = layers.UpSampling2D(2, interpolation="nearest")(levels[0])
        levels.insert(0, layers.add([lateral(finer), doubled]))
    return [
        layers.Conv2D(width, 3, padding="same", kernel_initializer=style.kernel())(x)
        for x in levels
    ]


def subsampled(level: Tensor) -> Tensor:
    """Every second cell: the level beyond the backbone (P6), which only the RPN sees."""
    from keras import layers

    return layers.MaxPooling2D(1, strides=2)(level)
