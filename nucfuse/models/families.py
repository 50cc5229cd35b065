"""The kinds of networks. One object answers for each kind, so that all else need not ask which.

To add a kind: write a subclass of `Family` in a module of its own, and name it in ``_HOMES``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.models.files.card import Card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.trained import TrainedSegmenter
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.training.images import TrainingImage
from nucfuse.settings import read, to_table

# Where the object of a kind is; imported when it is asked for, as a user of one needs no other.
_HOMES = {
    "unet": "nucfuse.models.unet.family:UNetFamily",
    "mask_rcnn": "nucfuse.models.mask_rcnn.family:MaskRCNNFamily",
}
KINDS = tuple(_HOMES)

# The score of a model with its present weights on validation images, in [0, 1].
Validate = Callable[[Any], float]


class Family(ABC):
    """All that one kind of network needs to be configured, trained, saved and run.

    Methods that take a ``network`` take a config of the class ``network``; a ``model`` is what
    `build` gives.

    Attributes
    ----------
    kind : str
        As configs and cards call it.
    title : str
        As a person calls one, with its article.
    network : type
        Class of settings of what a network is made of: it has ``input``, ``size`` and ``stride``.
    presets : dict
        Name -> config; "small" is the default.
    training : type
        Class of settings of how it is trained.
    card_entries : tuple of str
        Entries that its cards must have besides those of all.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    network: ClassVar[type[Any]]
    presets: ClassVar[Mapping[str, Any]]
    training: ClassVar[type[TrainingConfig]]
    card_entries: ClassVar[tuple[str, ...]] = ()

    def read_network(self, given: Any) -> Any:
        """The config of a network, from a table or the name of a preset.

        Parameters
        ----------
        given : dict or str
            A table may have ``preset`` beside the settings that differ from it.

        Raises
        ------
        DataError
            A ValueError. If a name is unknown or a value out of range.
        """
        if not isinstance(given, str | Mapping):
            raise DataError(f"network must be a table or the name of a preset, got {given!r}")
        settings = {"preset": given} if isinstance(given, str) else dict(given)
        preset = settings.pop("preset", "small")
        if preset not in self.presets:
            raise DataError(
                f"network preset of a {self.kind} must be one of {', '.join(self.presets)}, got "
                f"{preset!r}"
            )
        return read(self.network, {**to_table(self.presets[preset]), **settings}, self.title)

    @abstractmethod
    def check_card(self, card: Card) -> None:
        """Raise a DataError if an entry of a card makes no sense for this kind."""

    def takes_imagenet(self, network: Any) -> bool:
        """Whether the backbone can begin with the weights of ImageNet."""
        return False

    def check_start(self, network: Any, imagenet: Path | None, start: str | None) -> None:
        """Raise a DataError if a network cannot, or should not, begin with these weights or none.

        Parameters
        ----------
        network : object
        imagenet : Path, optional
            File of ImageNet's weights.
        start : str, optional
            Name or path of another network.
        """
        if imagenet is None:
            return
        if not self.takes_imagenet(network):
            raise DataError(
                "--imagenet is for a ResNet as backbone, which this network has not; leave it out"
            )
        if start is not None:
            raise DataError("give --imagenet or --from, not both")

    @abstractmethod
    def build(self, network: Any, seed: int = 0, precision: str = "float32") -> Any:
        """A Keras model with fresh weights."""

    def load_imagenet(self, model: Any, path: Path) -> None:
        """Give a model's backbone the weights of a file of Keras Applications."""
        raise NotImplementedError

    def loss(self, config: Any) -> Callable[[Any, Any], Any] | None:
        """What Keras is to minimise; None if the model computes its losses itself."""
        return None

    def set_stage(self, model: Any, config: Any, share: float) -> None:  # noqa: B027  (mostly none)
        """Choose the layers that learn once a share of the run is done."""

    @abstractmethod
    def whole(self, image: TrainingImage, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """A whole image and its labels, (size, size, C) and (size, size)."""

    @abstractmethod
    def learned(self, labels: NDArray[np.int32], network: Any) -> NDArray[Any]:
        """What is to be learned of a label image."""

    @abstractmethod
    def validation(self, images: Sequence[TrainingImage], config: Any) -> Validate:
        """The function that scores a model on these images."""

    def save(
        self, model: Any, config: TrainingConfig, folder: Path, name: str, record: dict[str, Any]
    ) -> Card:
        """Write a trained network's files and its card.

        Parameters
        ----------
        model : keras.Model
        config : TrainingConfig
        folder : Path
        name : str
        record : dict
            What it was trained on and how long, for the card.
        """
        network = config.network
        card = {
            "name": name,
            "kind": self.kind,
            "network": to_table(network),
            "input": network.input,
            "stride": network.stride,
            "diameter": None if network.size else list(config.diameter),
            "training": config.to_dict(),
            "trained_on": record,
        }
        return self.export(model, network, card, folder)

    @abstractmethod
    def export(self, model: Any, network: Any, card: dict[str, Any], folder: Path) -> Card:
        """Write the graphs, the weights and the card, completed by the entries of this kind."""

    @abstractmethod
    def segmenter(
        self, cards: Sequence[Card], name: str, settings: Inference,
        splitting: Mapping[str, Any] | None = None,
    ) -> TrainedSegmenter:  # fmt: skip
        """One or several networks as a model called ``name``.

        ``splitting``, of maps, is that of an ensemble's card if it has one.
        """


def family_named(kind: str, entry: str = "kind") -> Family:
    """The object of a kind of network.

    Parameters
    ----------
    kind : str
    entry : str
        What calls it so, for the message.

    Raises
    ------
    DataError
        A ValueError. If there is no such kind.
    """
    if kind not in KINDS:
        raise DataError(f"{entry} must be one of {', '.join(KINDS)}, got {kind!r}")
    module, name = _HOMES[kind].split(":")
    made: Family = getattr(import_module(module), name)()
    return made
