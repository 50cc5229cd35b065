"""U-Nets in Keras, all from one builder."""

from typing import Any

from nucfuse.models.inputs import CHANNELS
from nucfuse.models.precision import computing_in
from nucfuse.models.unet.blocks import BLOCKS, Style, Tensor
from nucfuse.models.unet.config import UNetConfig


def build_unet(config: UNetConfig, seed: int = 0, precision: str = "float32") -> Any:
    """A U-Net with fresh weights.

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
        image (B, H, W, C) in [0, 1] -> probabilities (B, H, W, K) of ``config.outputs``, where C
        is that of the input and H and W are multiples of ``config.stride``.
    """
    with computing_in(precision):
        return _built(config, seed)


def _built(config: UNetConfig, seed: int) -> Any:
    import keras

    style = Style(config.activation, config.initialiser, config.norm, config.dropout, 1000 * seed)
    block = BLOCKS[config.block]
    image = keras.Input((None, None, CHANNELS[config.input]), name="image")
    x, skips = image, []
    for width in config.widths[:-1]:
        x = block(x, width, style)
        skips.append(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = block(x, config.widths[-1], style)
    for width, skip in zip(reversed(config.widths[:-1]), reversed(skips), strict=True):
        x = keras.layers.concatenate([_doubled(x, width, config, style), skip])
        x = block(x, width, style)
    return keras.Model(image, _head(x, config, style), name="unet")


def _doubled(x: Tensor, width: int, config: UNetConfig, style: Style) -> Tensor:
    from keras import layers

    if config.up == "transposed":
        return layers.Conv2DTranspose(
            width, 2, strides=2, padding="same", kernel_initializer=style.kernel()
        )(x)
    # The 1 x 1 convolution comes first: it commutes with repeating, and costs a quarter there.
    x = layers.Conv2D(width, 1, kernel_initializer=style.kernel())(x)
    return layers.UpSampling2D(2, interpolation="nearest")(x)


def _head(x: Tensor, config: UNetConfig, style: Style) -> Tensor:
    from keras import layers

    # Probabilities are float32 whatever the network computes in: a loss takes their logarithm.
    sigmoid = layers.Activation("sigmoid", dtype="float32")

    def scores(n: int) -> Tensor:
        return layers.Conv2D(n, 1, kernel_initializer=style.kernel())(x)

    if config.head in ("nucleus", "boundary"):
        return sigmoid(scores(len(config.outputs)))
    classes = layers.Softmax(dtype="float32")(scores(3))
    if config.head == "distance":
        return layers.Concatenate(dtype="float32")([classes, sigmoid(scores(1))])
    return classes
