"""The pieces of a U-Net: convolution blocks, one function a kind. Tensors are (B, H, W, C).

Keras is imported by what uses it, as are all heavy libraries.
"""

from collections.abc import Callable
from typing import Any

Tensor = Any  # keras.KerasTensor, which type checkers do not know
Block = Callable[[Tensor, int, "Style"], Tensor]


class Style:
    """How every convolution of a network is made: activation, its initialisation, norm, dropout.

    Parameters
    ----------
    activation : {"relu", "elu", "selu"}
        "selu" takes LeCun's normal initialisation and alpha dropout, as self-normalisation asks
        for (Klambauer et al. 2017, https://arxiv.org/abs/1706.02515; Cui et al. 2018 use it on
        nuclei, https://arxiv.org/abs/1803.02786).
    initialiser : str
        Of Keras ("he_normal", "glorot_uniform", "lecun_normal", …).
    norm : {"none", "batch"}
    dropout : float
        Between the convolutions of a block, in [0, 1).
    seed : int
        Of the first layer; each further one takes the next.
    """

    def __init__(
        self, activation: str, initialiser: str, norm: str, dropout: float, seed: int
    ) -> None:
        self.activation, self.initialiser = activation, initialiser
        self.norm, self.dropout = norm, dropout
        self._seed = seed

    def next_seed(self) -> int:
        """Another seed for each layer, as one and the same would start them all alike."""
        self._seed += 1
        return self._seed

    def kernel(self) -> Any:
        """A fresh initialiser."""
        from keras import initializers

        config = {"class_name": self.initialiser, "config": {"seed": self.next_seed()}}
        return initializers.get(config)

    def activated(self, x: Tensor) -> Tensor:
        """Norm, then activation."""
        from keras import layers

        if self.norm == "batch":
            # Batches are small: a momentum of 0.99 would leave the averages of the first steps in.
            x = layers.BatchNormalization(momentum=0.95)(x)
        return layers.Activation(self.activation)(x)

    def convolved(self, x: Tensor, width: int, size: int = 3) -> Tensor:
        """Convolution, norm, activation."""
        from keras import layers

        bias = self.norm != "batch"
        x = layers.Conv2D(
            width, size, padding="same", use_bias=bias, kernel_initializer=self.kernel()
        )(x)
        return self.activated(x)

    def dropped(self, x: Tensor) -> Tensor:
        """Dropout, if there is any."""
        from keras import layers

        if self.dropout == 0:
            return x
        layer = layers.AlphaDropout if self.activation == "selu" else layers.Dropout
        return layer(self.dropout, seed=self.next_seed())(x)


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
            width, 3, padding="same", use_bias=style.norm != "batch",
            depthwise_initializer=style.kernel(), pointwise_initializer=style.kernel(),
        )(x)  # fmt: skip
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
