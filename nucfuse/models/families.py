"""The kinds of networks. One object answers for each kind, so that all else need not ask which.

To add a kind: make a `Family` in a module of its own, and name it in `HOMES`.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import attrs
from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.models.arrays import Ints, Pixels
from nucfuse.models.files.card import Card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.trained import TrainedSegmenter
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.training.images import TrainingImage
from nucfuse.settings import read, to_table

# Where the object of a kind is; imported when it is asked for, as a user of one needs no other.
HOMES = {
    "unet": "nucfuse.models.unet.family:UNET",
    "mask_rcnn": "nucfuse.models.mask_rcnn.family:MASK_RCNN",
}

Model = Any  # keras.Model, of which type checkers know nothing
Network = Any  # what a network is made of, of the kind's class of settings
# The score of a model with its present weights on validation images, in [0, 1].
Validate = Callable[[Model], float]


@attrs.frozen(kw_only=True)
class Family:
    """All that one kind of network needs to be configured, trained, saved and run.

    Attributes
    ----------
    kind : str
        As configs and cards call it.
    title : str
        As a person calls one, with its article.
    network : type
        Class of settings of what a network is made of: it has ``input`` (see
        `nucfuse.models.inputs`), ``size`` (side of the only size of images that it takes; 0: any)
        and ``stride`` (of which height and width must be multiples).
    presets : dict
        Name -> network; "small" is the default.
    training : type
        Class of settings of how it is trained.
    build : callable
        (network, seed, precision) -> Keras model with fresh weights.
    loss : callable
        Training config -> what Keras is to minimise; None if the model computes its losses itself.
    set_stage : callable
        Given model, training config and the share of a run that is done, lets layers learn or not.
    takes_imagenet, needs_start : callable
        Network -> whether its backbone can begin with the weights of ImageNet, and whether it
        cannot learn from fresh weights.
    load_imagenet : callable
        Given model and a file of Keras Applications, gives the backbone its weights.
    whole : callable
        Image, size -> the whole image and its labels, (size, size, C) and (size, size).
    learned : callable
        Label image, network -> what is to be learned of it.
    validation : callable
        Images, training config -> the function that scores a model on them.
    export : callable
        Given model, network, entries of a card and a folder, writes graphs, weights and card.
    check_card : callable
        Given a card, raises a DataError if an entry makes no sense for this kind.
    card_entries : tuple of str
        Entries that its cards must have besides those of all.
    segmenter : callable
        (cards, name, settings, split of an ensemble's card) -> one or several networks as a model.
    """

    kind: str
    title: str
    network: type[Any]
    presets: Mapping[str, Network]
    training: type[TrainingConfig]
    build: Callable[[Network, int, str], Model]
    loss: Callable[[Any], Any] = lambda config: None
    set_stage: Callable[[Model, Any, float], None] = lambda model, config, share: None
    takes_imagenet: Callable[[Network], bool] = lambda network: False
    needs_start: Callable[[Network], bool] = lambda network: False
    load_imagenet: Callable[[Model, Path], None] = lambda model, path: None
    whole: Callable[[TrainingImage, int], tuple[Pixels, Ints]]
    learned: Callable[[Ints, Network], NDArray[Any]]
    validation: Callable[[Sequence[TrainingImage], Any], Validate]
    export: Callable[[Model, Network, dict[str, Any], Path], Card]
    check_card: Callable[[Card], None]
    card_entries: tuple[str, ...] = ()
    segmenter: Callable[[Sequence[Card], str, Inference, Mapping[str, Any]], TrainedSegmenter]

    def read_network(self, given: Any) -> Network:
        """Read the config of a network from a table or the name of a preset.

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

    def check_start(self, network: Network, imagenet: Path | None, start: str | None) -> None:
        """Raise a DataError if a network cannot, or should not, begin with these weights or none.

        Parameters
        ----------
        network : object
        imagenet : Path, optional
            File of ImageNet's weights.
        start : str, optional
            Name or path of another network.
        """
        if imagenet is not None and not self.takes_imagenet(network):
            raise DataError(
                "--imagenet is for a ResNet as backbone, which this network has not; leave it out"
            )
        if imagenet is not None and start is not None:
            raise DataError("give --imagenet or --from, not both")
        if imagenet is None and start is None and self.needs_start(network):
            raise DataError(
                "a ResNet with frozen batch normalisation cannot learn from fresh weights; give "
                '--imagenet FILE or --from, or set batch_norm = "trained" in [network]'
            )

    def save(
        self, model: Model, config: TrainingConfig, folder: Path, name: str, record: dict[str, Any]
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


def family_named(kind: str, entry: str = "kind") -> Family:
    """Object of a kind of network.

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
    if kind not in list(HOMES):
        raise DataError(f"{entry} must be one of {', '.join(HOMES)}, got {kind!r}")
    family: Family = EntryPoint(kind, HOMES[kind], "").load()
    return family
