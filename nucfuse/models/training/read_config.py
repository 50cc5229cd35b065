"""How a network is trained, read from a TOML file or from what a card says."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nucfuse.errors import DataError
from nucfuse.models.families import family_named
from nucfuse.models.training.config import TrainingConfig
from nucfuse.settings import read


def read_config(path: Path) -> TrainingConfig:
    """From a TOML file.

    Raises
    ------
    DataError
        A ValueError. If the file is not there, no TOML, or says what is not allowed.
    """
    try:
        return training_config(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no valid TOML: {error}") from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def training_config(values: Mapping[str, Any]) -> TrainingConfig:
    """From what `TrainingConfig.to_dict` gives; what is not named is the default.

    Parameters
    ----------
    values : mapping
        ``model`` is the kind of the network, "unet" if not given. ``network`` may name a preset
        instead: ``network = "study-128"``, or have ``preset`` beside the settings that differ from
        it.

    Raises
    ------
    DataError
        A ValueError. If a name is unknown, means nothing to that kind of network, or a value is
        out of range.
    """
    given = dict(values)
    family = family_named(given.pop("model", "unet"), "model")
    given["network"] = family.read_network(given.get("network", {}))
    return read(family.training, given, f"training of a {family.kind}")
