"""Models by name or by path."""

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from nucfuse.errors import DataError
from nucfuse.models.families import family_named
from nucfuse.models.files.card import DEFAULT, Card, shipped_cards
from nucfuse.models.files.read_card import read_card
from nucfuse.models.files.run import card_of_run
from nucfuse.models.inference.settings import Inference
from nucfuse.models.segmenter import Segmenter
from nucfuse.models.trained import TrainedSegmenter

ENTRY_POINTS = "nucfuse.models"

# Where a built-in model is made; imported when it is asked for, as some load heavy libraries.
_HOMES = {
    "otsu": "nucfuse.models.classical.otsu:Otsu",
    "adaptive": "nucfuse.models.classical.adaptive:Adaptive",
    "log": "nucfuse.models.classical.laplacian_of_gaussian:LaplacianOfGaussian",
}
BUILT_IN = {name: EntryPoint(name, home, ENTRY_POINTS) for name, home in _HOMES.items()}


def model_names() -> list[str]:
    """Names that `load_model` knows: built-in ones and those of installed packages, sorted."""
    return sorted({*BUILT_IN, *shipped_cards(), *_plugins()})


def default_model() -> str:
    """Name of the model that is used when none is given: the shipped network, if there is one."""
    return DEFAULT if DEFAULT in shipped_cards() else "otsu"


def load_model(model: str | Path = DEFAULT, settings: Inference | None = None) -> Segmenter:
    """Make a model that has a method ``predict(image)``.

    Parameters
    ----------
    model : str or Path
        The name of a built-in model ("otsu"), of a network that the package ships ("unet"), or of
        what an installed package offers in the entry point group ``nucfuse.models``: something that
        returns a `Segmenter` when called without arguments. The first two cannot be taken over.
        Or the path of a network's card (.json), or of the folder of the run that trained it.
    settings : Inference
        How networks are run, as ``nf.Inference(tta=True)``.

    Raises
    ------
    DataError
        A ValueError. If there is no such model (the message lists those there are), it cannot be
        imported or loaded, what a package offers is no `Segmenter`, or settings are given for
        something else than a network.

    Examples
    --------
    >>> len(load_model("otsu").predict(np.zeros((8, 8), np.uint8)))
    0
    """
    name, path = str(model), Path(model)
    shipped, plugins = shipped_cards(), _plugins()
    if name in shipped and name not in BUILT_IN:
        return load_network(shipped[name], settings)
    if name in BUILT_IN or name in plugins:
        check_no_settings(name, settings)
        return _made({**plugins, **BUILT_IN}[name])
    if name and path.is_dir():
        return load_network(card_of_run(path).path, settings)
    if path.is_file():
        return load_network(path, settings)
    raise no_such_model(name)


def no_such_model(name: str) -> DataError:
    """Error that says that there is no such model, and which there are."""
    return DataError(
        f"no model is called {name!r}, and there is no such file or folder; there are: "
        f"{', '.join(model_names())}. Other packages add models by the entry point group "
        f"{ENTRY_POINTS!r}"
    )


def check_no_settings(name: str, settings: Inference | None) -> None:
    """Raise a DataError if settings are given for something else than a network."""
    if settings is not None and settings.given:
        names = ", ".join(settings.given)
        raise DataError(f"model {name!r} is no network and takes no {names}")


def load_network(path: Path, settings: Inference | None = None) -> TrainedSegmenter:
    """Make the model that a card describes, a network or an ensemble.

    Raises
    ------
    DataError
        If the card is bad, or names members that are missing or ensembles themselves, or a network
        cannot be loaded.
    """
    card, settings = read_card(path), settings or Inference()
    if not card.members:
        return segmenter_of([card], card.name, settings)
    members = [read_card(path.with_name(f"{name}.json")) for name in card.members]
    if any(member.members for member in members):
        raise DataError(f"{path}: the members of an ensemble must be networks")
    return segmenter_of(members, card.name, settings, card.split)


def segmenter_of(
    cards: Sequence[Card], name: str, settings: Inference, split: Mapping[str, Any] | None = None
) -> TrainedSegmenter:
    """Make one model of one or several networks.

    Raises
    ------
    DataError
        If they are of several kinds, or one cannot be loaded.
    """
    kinds = sorted({card.kind for card in cards})
    if len(kinds) > 1:
        raise DataError(
            f"model {name!r} has networks of several kinds ({', '.join(kinds)}); let each kind "
            "predict, and fuse what they find with `nucfuse fuse`"
        )
    return family_named(kinds[0]).segmenter(cards, name, settings, split or {})


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _made(point: EntryPoint) -> Segmenter:
    """Make the `Segmenter` of a class or function."""
    try:
        make = point.load()
    except (ImportError, AttributeError) as error:
        raise DataError(
            f"model {point.name!r} ({point.value}) cannot be imported: {error}; reinstall the "
            "package that offers it"
        ) from error
    model = make()
    if not isinstance(model, Segmenter):
        raise DataError(
            f"model {point.name!r} ({point.value}) must have a name and a method predict(image), "
            f"got {type(model).__name__}"
        )
    return model
