"""U-Nets in Keras, all from one builder."""

from collections.abc import Sequence
from typing import Any

from nucfuse.models.inputs import CHANNELS
from nucfuse.models.precision import computing_in
from nucfuse.models.style import Style, Tensor
from nucfuse.models.unet.blocks import BLOCKS
from nucfuse.models.unet.config import UNetConfig
from nucfuse.models.unet.heads import HEADS, Head


def build_unet(config: UNetConfig, seed: int = 0, precision: str = "float32") -> Any:
    """Make a U-Net with fresh weights.

    Parameters
    ----------
    config : UNetConfig
    seed : int
        Of the weights and of dropout.
    precision : {"float32", "bfloat16"}
        Of the arithmetic; weights and probabilities are float32 in both.

    Returns
    -------
    keras.Model
        image (B, H, W, C) in [0, 1] -> probabilities (B, H, W, K) of the head's channels, where
        C is that of the input and H and W are multiples of ``config.stride``.
    """
    with computing_in(precision):
        return _built(config, seed)


def _built(config: UNetConfig, seed: int) -> Any:
    import keras

    style = Style(config.activation, config.initialiser, config.norm, config.dropout, 1000 * seed)
    image = keras.Input((None, None, CHANNELS[config.input]), name="image")
    decoded = _decoder(_encoder(image, config, style), config, style)
    return keras.Model(image, _head(decoded, HEADS[config.head], style), name="unet")


def _encoder(image: Tensor, config: UNetConfig, style: Style) -> list[Tensor]:
    """Make maps of ``widths`` channels, the full resolution first, each of half the one before."""
    from keras import layers

    block = BLOCKS[config.block]
    maps = [block(image, config.widths[0], style)]
    for width in config.widths[1:]:
        maps.append(block(layers.MaxPooling2D(2)(maps[-1]), width, style))
    return maps


def _decoder(maps: Sequence[Tensor], config: UNetConfig, style: Style) -> Tensor:
    """One map at full resolution: the coarsest doubled and joined with the next finer, and on."""
    from keras import layers

    block = BLOCKS[config.block]
    x = maps[-1]
    for width, skip in zip(config.widths[-2::-1], maps[-2::-1], strict=True):
        x = block(layers.concatenate([_doubled(x, width, config, style), skip]), width, style)
    return x


def _doubled(x: Tensor, width: int, config: UNetConfig, style: Style) -> Tensor:
    from keras import layers

    if config.up == "transposed":
        return layers.Conv2DTranspose(
            width, 2, strides=2, padding="same", kernel_initializer=style.kernel()
        )(x)
    # The 1 x 1 convolution comes first: it commutes with repeating, and costs a quarter there.
    x = layers.Conv2D(width, 1, kernel_initializer=style.kernel())(x)
    return layers.UpSampling2D(2, interpolation="nearest")(x)


def _head(x: Tensor, head: Head, style: Style) -> Tensor:
    from keras import layers

    def scores(n: int) -> Tensor:
        return layers.Conv2D(n, 1, kernel_initializer=style.kernel())(x)

    # Probabilities are float32 whatever the network computes in: a loss takes their logarithm.
    n_sigmoids, parts = len(head.outputs) - head.n_classes, []
    if head.n_classes:
        parts.append(layers.Softmax(dtype="float32")(scores(head.n_classes)))
    if n_sigmoids:
        parts.append(layers.Activation("sigmoid", dtype="float32")(scores(n_sigmoids)))
    return layers.Concatenate(dtype="float32")(parts) if len(parts) > 1 else parts[0]
