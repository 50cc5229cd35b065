"""The networks of several folds as one model: each image by those that have not seen it."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.files.card import Card, is_card, read_card

PARTS = "parts.json"  # which image is for what, in the folder of every run of `nucfuse train`


class _Model(Protocol):
    def describe(self) -> dict[str, Any]: ...

    def predict(
        self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None
    ) -> Instances | NDArray[Any]: ...


class CrossValidated:
    """A folder of runs, each with images held out.

    An image is predicted by the mean of all networks that held it out, and by no other. So what it
    says of the images of a data set can be scored, fused and learned from as what a model says of
    images that it has not seen.

    Parameters
    ----------
    folder : Path
        Its folders are runs of `nucfuse train` or hold some, of one protocol and any number of
        seeds and bags: SEED/FOLD as well as FOLD.
    make : callable
        Cards of networks -> what predicts by their mean.

    Raises
    ------
    DataError
        If a run is unfinished or damaged.
    """

    def __init__(self, folder: Path, make: Callable[[Sequence[Card]], _Model]) -> None:
        self.name = folder.name
        self._folder = folder
        cards: dict[str, list[Card]] = {}
        for parts in sorted(_parts_of(folder)):
            card = card_of_run(parts.parent)
            for image_id in held_out_of(parts):
                cards.setdefault(image_id, []).append(card)
        models: dict[tuple[Path, ...], _Model] = {}
        self._models: dict[str, _Model] = {}
        for image_id, of_image in cards.items():
            key = tuple(card.path for card in of_image)
            if key not in models:
                models[key] = make(of_image)
            self._models[image_id] = models[key]

    def describe(self) -> dict[str, Any]:
        """What each group of networks says of itself."""
        groups = {id(model): model.describe() for model in self._models.values()}
        return {"model": self.name, "folds": list(groups.values())}

    def predict(
        self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None
    ) -> Instances | NDArray[Any]:
        """Nuclei of an image that some network held out."""
        if image_id not in self._models:
            raise DataError(
                f"{self._folder}: no network held out image {image_id!r}; train the missing folds, "
                "or name one network by its .json"
            )
        return self._models[image_id].predict(image_id, image, maps)


def is_cross_validation(path: Path) -> bool:
    """Whether a path is a folder of runs."""
    return path.is_dir() and any(_parts_of(path))


def _parts_of(folder: Path) -> Iterator[Path]:
    """The ``parts.json`` of all runs in a folder."""
    return chain(folder.glob(f"*/{PARTS}"), folder.glob(f"*/*/{PARTS}"))


def card_of_run(run: Path) -> Card:
    """The network of a finished run.

    Raises
    ------
    DataError
        If there is none, or several.
    """
    cards = [path for path in sorted(run.glob("*.json")) if is_card(path)]
    if len(cards) != 1:
        raise DataError(
            f"{run}: a finished run has one card of a network, found {len(cards)}; let it finish "
            "(the same `nucfuse train` goes on), or remove the folder"
        )
    return read_card(cards[0])


def held_out_of(parts: Path) -> list[str]:
    """Ids of the images that a run holds out, from its ``parts.json``.

    Raises
    ------
    DataError
        If the file is damaged.
    """
    try:
        held = json.loads(parts.read_bytes())["held_out"]
        good = isinstance(held, list) and all(isinstance(image_id, str) for image_id in held)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        raise DataError(f"{parts}: must list the images that are held_out; it is damaged")
    return held
