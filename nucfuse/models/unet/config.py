"""What a U-Net is, as plain values: enough to build it again. Loads no Keras."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from nucfuse.data.config_checks import check_choices, check_names
from nucfuse.errors import DataError
from nucfuse.models.inputs import CHANNELS

# What each head gives, in the order of its channels.
HEADS: dict[str, tuple[str, ...]] = {
    "nucleus": ("nucleus",),
    "boundary": ("nucleus", "border"),
    "touching": ("background", "interior", "touching"),
    "border": ("background", "interior", "border"),
    "distance": ("background", "interior", "border", "distance"),
}
_CHOICES = {
    "input": tuple(CHANNELS),
    "block": ("plain", "residual", "separable", "inception"),
    "activation": ("relu", "elu", "selu"),
    "initialiser": ("he_normal", "he_uniform", "glorot_uniform", "glorot_normal", "lecun_normal"),
    "norm": ("none", "batch"),
    "up": ("transposed", "nearest"),
    "head": tuple(HEADS),
}


@dataclass(frozen=True, slots=True)
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
        What it says of each pixel, see `HEADS`. "nucleus" is one sigmoid, "boundary" two (Cui et
        al. 2018, https://arxiv.org/abs/1803.02786), "touching" and "border" are a softmax of three
        classes (the former Guerrero-Pena et al. 2018, https://doi.org/10.1109/ICIP.2018.8451187),
        "distance" is "border" and a sigmoid for the distance to the edge.
    size : int
        Side of the images of the study's networks, to which all are resized; 0: none are.
    """

    widths: tuple[int, ...] = (8, 24, 48, 96, 128)
    input: str = "neutral"
    block: str = "plain"
    activation: str = "relu"
    initialiser: str = "he_normal"
    norm: str = "batch"
    dropout: float = 0.0
    up: str = "nearest"
    head: str = "border"
    size: int = 0

    def __post_init__(self) -> None:
        check_choices(self, _CHOICES)
        widths = self.widths
        if not 1 <= len(widths) <= 8 or any(type(w) is not int or w < 1 for w in widths):
            raise DataError(f"widths must be 1 to 8 whole numbers of at least 1, got {widths!r}")
        if not 0 <= self.dropout < 1:
            raise DataError(f"dropout must lie in [0, 1), got {self.dropout!r}")
        if type(self.size) is not int or self.size < 0 or self.size % self.stride:
            raise DataError(
                f"size must be 0 or a multiple of {self.stride} (two to the depth), got {self.size}"
            )

    @property
    def stride(self) -> int:
        """Height and width of what it is given must be multiples of this."""
        return int(2 ** (len(self.widths) - 1))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the channels it gives."""
        return HEADS[self.head]

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "UNetConfig":
        """From what `to_dict` gives, or a table of a TOML file; what is not named is the default.

        Raises
        ------
        DataError
            A ValueError. If a name is unknown or a value out of range.
        """
        check_names(values, (field.name for field in fields(cls)), "a U-Net")
        given = dict(values)
        if "widths" in given:
            if not isinstance(given["widths"], (list, tuple)):
                raise DataError(f"widths must be a list of numbers, got {given['widths']!r}")
            given["widths"] = tuple(given["widths"])
        if "dropout" in given and not isinstance(given["dropout"], (int, float)):
            raise DataError(f"dropout must be a number, got {given['dropout']!r}")
        return cls(**given)


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
    "study-256": replace(_STUDY, widths=(16, 32, 64, 128, 256, 256), size=256),
    "study-512": replace(_STUDY, widths=(16, 32, 64, 128, 256, 256, 256), size=512),
}
