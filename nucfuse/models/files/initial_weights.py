"""The weights of a trained network as the start of another run."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nucfuse.errors import DataError
from nucfuse.models.families import Family, family_named
from nucfuse.models.files.card import Card
from nucfuse.models.training.config import TrainingConfig
from nucfuse.settings import to_table


def check_same_network(card: Card, config: TrainingConfig) -> None:
    """Raise a DataError if a card's network is built in another way than a config says."""
    if card.kind != config.model:
        raise DataError(
            f"{card.path}: its network is a {card.kind}, the config's is a {config.model}"
        )
    family, ours = family_named(config.model), to_table(config.network)
    theirs = card.network
    differ = [name for name in ours if theirs.get(name) != ours[name]]
    if differ:
        said = ", ".join(
            f"{name} {theirs.get(name)!r} there, {ours[name]!r} here" for name in differ
        )
        raise DataError(
            f"{card.path}: its network, {_preset(family, theirs)}, is another than the config's, "
            f"{_preset(family, ours)} ({said}); let [network] of the config be that of the card"
        )


def _preset(family: Family, network: Mapping[str, Any]) -> str:
    """Which preset a network is, in words."""
    names = [name for name, preset in family.presets.items() if to_table(preset) == network]
    return f"preset {names[0]!r}" if names else "no preset"


def load_weights(model: Any, card: Card) -> None:
    """Give a Keras model the weights that a card vouches for.

    Raises
    ------
    DataError
        If the file is missing, not the one that the card describes, or does not fit the model.
    """
    content = card.file(".weights.h5")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.weights.h5")  # noqa: PTH118  (Keras wants a text)
        Path(path).write_bytes(content)
        try:
            model.load_weights(path)
        except (ValueError, OSError, KeyError) as problem:
            reason = (str(problem).splitlines() or [type(problem).__name__])[0]
            raise DataError(f"{card.path}: its weights do not fit its network: {reason}") from None
