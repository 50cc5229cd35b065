"""The pieces of a U-Net: convolution blocks, one function a kind. Tensors are (B, H, W, C)."""

from collections.abc import Callable

from nucfuse.models.style import Style, Tensor

Block = Callable[[Tensor, int, Style], Tensor]


def plain(x: Tensor, width: int, style: Style) -> Tensor:
    """Two 3 x 3 convolutions with dropout between them."""
    return style.convolved(style.dropped(style.convolved(x, width)), width)


def residual(x: Tensor, width: int, style: Style) -> Tensor:
    """As `plain`, added to its input (He et al. 2016, https://doi.org/10.1109/CVPR.2016.90)."""
    from keras import layers

    shortcut = x
    if x.shape[-1] != width:
        shortcut = layers.Conv2D(width, 1, kernel_initializer=style.kernel())(x)
    return layers.add([plain(x, width, style), shortcut])


def separable(x: Tensor, width: int, style: Style) -> Tensor:
    """As `plain` with depthwise separable convolutions, about a seventh of the work.

    Chollet 2017, https://doi.org/10.1109/CVPR.2017.195.
    """
    from keras import layers

    for first in (True, False):
        x = layers.SeparableConv2D(
            width,
            3,
            padding="same",
            use_bias=style.norm != "batch",
            depthwise_initializer=style.kernel(),
            pointwise_initializer=style.kernel(),
        )(x)
        x = style.activated(x)
        x = style.dropped(x) if first else x
    return x


def inception(x: Tensor, width: int, style: Style) -> Tensor:
    """Convolutions of 1, 3 and 5 (two of 3) and a pooled one beside each other.

    After Szegedy et al. 2015, https://doi.org/10.1109/CVPR.2015.7298594, as U-Nets for nuclei have
    used it; the widths of the four add up to ``width``.
    """
    from keras import layers

    part = max(width // 4, 1)
    one = style.convolved(x, part, 1)
    three = style.convolved(style.convolved(x, part, 1), width - 3 * part if width > 3 else 1)
    five = style.convolved(style.convolved(style.convolved(x, part, 1), part), part)
    pooled = style.convolved(layers.MaxPooling2D(3, strides=1, padding="same")(x), part, 1)
    return style.dropped(layers.concatenate([one, three, five, pooled]))


BLOCKS: dict[str, Block] = {
    "plain": plain,
    "residual": residual,
    "separable": separable,
    "inception": inception,
}
