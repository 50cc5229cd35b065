"""A residual network of eight layers for CPUs."""

from collections.abc import Sequence
from typing import Any

from nucfuse.models.style import Style

Tensor = Any


def small_backbone(image: Tensor, widths: Sequence[int], style: Style) -> list[Tensor]:
    """Make maps of an image at strides 2, 4, 8 and so on.

    After He et al. 2016, https://doi.org/10.1109/CVPR.2016.90 (two 3 x 3 convolutions a block). It
    halves the resolution by a 4 x 4 convolution and by pooling: both are centred on the cells they
    make, where a 3 x 3 convolution at stride 2 leans to one side by half a pixel.

    Parameters
    ----------
    image : tensor, shape (B, H, W, C)
    widths : sequence of int
        Channels at strides 2, 4, 8, …
    style : Style

    Returns
    -------
    list of tensors
        One for each width.
    """
    from keras import layers

    x = layers.Conv2D(
        widths[0], 4, strides=2, padding="same", use_bias=False, kernel_initializer=style.kernel()
    )(image)
    x = style.activated(x)
    maps = [x]
    for width in widths[1:]:
        maps.append(_block(layers.MaxPooling2D(2)(maps[-1]), width, style))
    return maps


def _block(x: Tensor, width: int, style: Style) -> Tensor:
    from keras import layers

    def convolved(x: Tensor, size: int) -> Tensor:
        return layers.Conv2D(
            width, size, padding="same", use_bias=False, kernel_initializer=style.kernel()
        )(x)

    inner = style.activated(convolved(x, 3))
    return style.activated(layers.add([convolved(inner, 3), convolved(x, 1)]))
