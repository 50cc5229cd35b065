"""How the convolutions of a network are made, whatever they are part of.

Keras is imported by what uses it, as are all heavy libraries.
"""

from typing import Any

Tensor = Any  # keras.KerasTensor, which type checkers do not know


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
        """Make a fresh initialiser."""
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
