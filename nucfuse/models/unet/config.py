"""What a U-Net is and how it is trained, as plain values. Loads no Keras."""

from typing import ClassVar

import attrs

from nucfuse.errors import DataError
from nucfuse.models.inputs import CHANNELS
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.unet.blocks import BLOCKS
from nucfuse.models.unet.heads import HEADS
from nucfuse.models.unet.losses import LOSSES
from nucfuse.settings import choice, number, numbers

_INITIALISERS = ("he_normal", "he_uniform", "glorot_uniform", "glorot_normal", "lecun_normal")


@attrs.frozen
class UNetConfig:
    """A U-Net (Ronneberger et al. 2015, https://doi.org/10.1007/978-3-319-24574-4_28).

    Attributes
    ----------
    widths : tuple of int
        Channels of each stage, the full resolution first; the depth is one less than their number.
    input : str
        What it sees, see `nucfuse.models.inputs`.
    block, activation, initialiser, norm, dropout
        See `nucfuse.models.unet.blocks`.
    up : {"transposed", "nearest"}
        How it doubles the resolution: a transposed 2 x 2 convolution, or repeated pixels and a
        1 x 1 convolution.
    head : {"nucleus", "boundary", "touching", "border", "distance"}
        What it says of each pixel, see `nucfuse.models.unet.heads`. "nucleus" is one sigmoid,
        "boundary" two (Cui et al. 2018, https://arxiv.org/abs/1803.02786), "touching" and "border"
        are a softmax of three classes (the former Guerrero-Pena et al. 2018,
        https://doi.org/10.1109/ICIP.2018.8451187), "distance" is "border" and a sigmoid for the
        distance to the edge.
    size : int
        Side of the images of the study's networks, to which all are resized; 0: none are.
    """

    widths: tuple[int, ...] = numbers((8, 24, 48, 96, 128), (1, 8), 1, whole=True)
    input: str = choice("neutral", tuple(CHANNELS))
    block: str = choice("plain", tuple(BLOCKS))
    activation: str = choice("relu", ("relu", "elu", "selu"))
    initialiser: str = choice("he_normal", _INITIALISERS)
    norm: str = choice("batch", ("none", "batch"))
    dropout: float = number(0.0, 0, 1, below=True)
    up: str = choice("nearest", ("transposed", "nearest"))
    head: str = choice("border", tuple(HEADS))
    size: int = number(0, 0)

    def __attrs_post_init__(self) -> None:
        if self.size % self.stride:
            raise DataError(
                f"size must be 0 or a multiple of {self.stride} (two to the depth), got {self.size}"
            )

    @property
    def stride(self) -> int:
        """Height and width of what it is given must be multiples of this."""
        return int(2 ** (len(self.widths) - 1))


@attrs.frozen(kw_only=True)
class UNetTraining(TrainingConfig):
    """How a U-Net is trained.

    Attributes
    ----------
    network : UNetConfig
    loss : {"cross_entropy", "bce", "dice", "bce_dice", "lovasz"}
    class_weights : tuple of float
        Of the three classes of "cross_entropy".
    """

    model: ClassVar[str] = "unet"

    network: UNetConfig = attrs.field(factory=UNetConfig)
    loss: str = choice("cross_entropy", ("cross_entropy", *LOSSES))
    class_weights: tuple[float, ...] = numbers((1.0, 1.0, 2.0), (3, 3), 1e-6)


# The study's: ELU, dropout between 3 x 3 convolutions, transposed convolutions, a sigmoid; RGB
# images resized to one size, which go down to 8 x 8 whatever it is. It does not give the widths: 16
# at full resolution, doubled at each stage up to 256, is our choice.
_STUDY = UNetConfig(
    widths=(16, 32, 64, 128, 256), input="rgb", activation="elu", norm="none", dropout=0.1,
    up="transposed", head="nucleus", size=128,
)  # fmt: skip

PRESETS: dict[str, UNetConfig] = {
    "small": UNetConfig(),
    "study-128": _STUDY,
    "study-256": attrs.evolve(_STUDY, widths=(16, 32, 64, 128, 256, 256), size=256),
    "study-512": attrs.evolve(_STUDY, widths=(16, 32, 64, 128, 256, 256, 256), size=512),
}
