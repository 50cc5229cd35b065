"""How a network is trained, as plain values read from a TOML file. Loads no Keras."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import attrs

from nucfuse.data.augment import Augmentation
from nucfuse.data.config_checks import check_choices, check_names, check_numbers
from nucfuse.errors import DataError
from nucfuse.models.mask_rcnn import config as mask_rcnn_config
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.unet import config as unet_config
from nucfuse.models.unet.config import UNetConfig
from nucfuse.settings import read

NetworkConfig = UNetConfig | MaskRCNNConfig
# What each kind of network is made of: its config, and the presets of it.
MODELS: dict[str, tuple[type[NetworkConfig], Mapping[str, NetworkConfig]]] = {
    "unet": (UNetConfig, unet_config.PRESETS),
    "mask_rcnn": (MaskRCNNConfig, mask_rcnn_config.PRESETS),
}
# Settings that mean nothing to a kind.
_FOREIGN = {"unet": ("heads_only",), "mask_rcnn": ("loss", "class_weights")}
_CHOICES = {
    "loss": ("cross_entropy", "bce", "dice", "bce_dice", "lovasz"),
    "optimizer": ("adam", "adamw", "sgd"),
    "schedule": ("cosine", "plateau", "constant"),
    "precision": ("auto", "float32", "bfloat16"),
    "holes": ("fill", "exclude", "keep"),
    "pieces": ("largest", "exclude", "keep"),
}
# Smallest and largest value of each number.
_RANGES: dict[str, tuple[float, float]] = {
    "rate": (1e-8, 10),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1),
    "clip": (0, 1e6),
    "warmup": (0, 0.9),
    "batch": (1, 4096),
    "side": (8, 8192),
    "heads_only": (0, 1),
    "steps": (1, 10**6),
    "epochs": (1, 10**6),
    "minutes": (0, 10**6),
    "patience": (0, 10**6),
    "ema": (0, 0.99999),
    "balance": (0, 1),
    "native": (0, 1),
    "mix": (0, 1),
    "validation": (0, 0.5),
    "seed": (0, 2**31 - 1),
    "split_seed": (0, 2**31 - 1),
}


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One experiment.

    Attributes
    ----------
    network : UNetConfig or MaskRCNNConfig
        Which of them is the kind of the network, ``model``.
    augmentation : Augmentation
    loss : {"cross_entropy", "bce", "dice", "bce_dice", "lovasz"}
        Of a U-Net; those of a Mask R-CNN are its own.
    class_weights : tuple of float
        Of the three classes of "cross_entropy".
    optimizer : {"adamw", "adam", "sgd"}
    rate, momentum, weight_decay : float
        Highest learning rate; of "sgd" the momentum; decoupled weight decay.
    clip : float
        Largest global norm of a gradient; 0: any.
    schedule : {"cosine", "plateau", "constant"}
        After the warm-up: down to 0 along a cosine, or a tenth after each ``patience`` epochs
        without a better validation score.
    warmup : float
        Share of the run in which the rate rises to its highest value.
    batch, side : int
        Crops a step, and their side in pixels. With a network of one size, whole images.
    heads_only : float
        Share of the run, at its end, in which a Mask R-CNN's backbone learns no more.
    steps, epochs : int
        Steps of an epoch, and the largest number of epochs.
    minutes : float
        If above 0, the run ends after so much time, and the schedule follows the time used.
    patience : int
        Epochs without a better validation score after which training stops; 0: it does not.
    best : bool
        Whether the weights of the best epoch by validation score are kept, not the last ones.
    ema : float
        Decay of the running mean of the weights, which is what is kept; 0: the weights themselves.
    diameter : tuple of float
        Smallest and largest diameter of the median nucleus in a crop, in pixels.
    native : float
        Share of crops that are as predictions are made: rescaled no more than the diameter asks
        for. The others are anywhere between the two diameters.
    mix : float
        Share of crops that see a random mixture of the planes of a coloured image.
    balance : float
        0: every image is drawn as often; 1: every modality is.
    precision : {"float32", "bfloat16", "auto"}
        Of the arithmetic inside the network; weights, loss and what is kept are float32. "auto":
        bfloat16 where the processor has it.
    holes : {"fill", "exclude", "keep"}
        What happens to true masks with holes, see `nucfuse.data.clean_truth.clean_truth`. What is
        left out becomes background.
    pieces : {"largest", "exclude", "keep"}
        What happens to those in several pieces.
    validation : float
        Share of the training images that only measure; none of them is trained on.
    seed : int
        Of the first weights, the crops and the bags.
    split_seed : int
        Of grouped folds and of the share for validation; not ``seed``, so that networks of several
        seeds can be averaged fold by fold.
    """

    network: NetworkConfig = field(default_factory=UNetConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: str = "cross_entropy"
    class_weights: tuple[float, ...] = (1.0, 1.0, 2.0)
    optimizer: str = "adamw"
    rate: float = 3e-3
    momentum: float = 0.9
    weight_decay: float = 1e-4
    clip: float = 1.0
    schedule: str = "cosine"
    warmup: float = 0.05
    batch: int = 8
    side: int = 160
    heads_only: float = 0.0
    steps: int = 100
    epochs: int = 1000
    minutes: float = 0.0
    patience: int = 0
    best: bool = False
    ema: float = 0.99
    diameter: tuple[float, float] = (20.0, 44.0)
    native: float = 0.5
    mix: float = 0.5
    balance: float = 0.5
    precision: str = "float32"
    holes: str = "fill"
    pieces: str = "largest"
    validation: float = 0.05
    seed: int = 0
    split_seed: int = 0

    def __post_init__(self) -> None:
        check_choices(self, _CHOICES)
        check_numbers(self, _RANGES, _WHOLE)
        low, high = self.diameter if len(self.diameter) == 2 else (0, 0)
        if not 1 <= low <= high:
            raise DataError(f"diameter must be two rising numbers >= 1, got {self.diameter!r}")
        if not self.network.size and self.side % self.network.stride:
            raise DataError(
                f"side must be a multiple of the network's stride, {self.network.stride}, got "
                f"{self.side}"
            )

    @property
    def model(self) -> str:
        """Kind of the network: "unet" or "mask_rcnn"."""
        return kind_of(self.network)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it; without the settings that mean nothing to the kind of network."""
        values: dict[str, Any] = {"model": self.model}
        values |= {f.name: getattr(self, f.name) for f in fields(self)}
        values["network"] = self.network.to_dict()
        values["augmentation"] = attrs.asdict(self.augmentation)
        for name in ("class_weights", "diameter"):
            values[name] = list(values[name])
        return {name: v for name, v in values.items() if name not in _FOREIGN[self.model]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """From what `to_dict` gives; what is not named is the default.

        ``model`` is the kind of the network, "unet" if not given. ``network`` may name a preset
        instead: ``network = "study-128"``, or have ``preset`` beside the settings that differ from
        it.

        Raises
        ------
        DataError
            A ValueError. If a name is unknown, means nothing to that kind of network, or a value
            is out of range.
        """
        given = dict(values)
        model = given.pop("model", "unet")
        if model not in MODELS:
            raise DataError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
        known = [f.name for f in fields(cls) if f.name not in _FOREIGN[model]]
        check_names(given, ["model", *known], f"training of a {model}")
        given["network"] = _network(model, given.get("network", {}))
        if "augmentation" in given:
            given["augmentation"] = read(Augmentation, given["augmentation"], "augmentation")
        for name in ("class_weights", "diameter"):
            if name in given:
                given[name] = _numbers(name, given[name])
        return cls(**given)


_WHOLE = {f.name for f in fields(TrainingConfig) if isinstance(f.default, int)}


def read_config(path: Path) -> TrainingConfig:
    """From a TOML file.

    Raises
    ------
    DataError
        A ValueError. If the file is not there, no TOML, or says what is not allowed.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no valid TOML: {error}") from None
    try:
        return TrainingConfig.from_dict(values)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def kind_of(network: NetworkConfig) -> str:
    """The key of `MODELS` for a network."""
    return next(kind for kind, (made, _) in MODELS.items() if isinstance(network, made))


def _network(model: str, value: Any) -> NetworkConfig:
    kind, presets = MODELS[model]
    settings = {"preset": value} if isinstance(value, str) else value
    if not isinstance(settings, Mapping):
        raise DataError(f"network must be a table or the name of a preset, got {value!r}")
    settings = dict(settings)
    preset = settings.pop("preset", "small")
    if preset not in presets:
        raise DataError(
            f"network preset of a {model} must be one of {', '.join(presets)}, got {preset!r}"
        )
    return kind.from_dict({**presets[preset].to_dict(), **settings})


def _numbers(name: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(x, (int, float)) and not isinstance(x, bool) for x in value
    ):
        raise DataError(f"{name} must be a list of numbers, got {value!r}")
    return tuple(float(x) for x in value)
