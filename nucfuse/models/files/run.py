"""The folder of a run of `nucfuse train`: its network, and which image was for what."""

import json
from pathlib import Path

from nucfuse.errors import DataError
from nucfuse.models.files.card import Card, is_card
from nucfuse.models.files.read_card import read_card

PARTS = "parts.json"  # which image is for what, in the folder of every run


def is_run(path: Path) -> bool:
    """Whether a path is the folder of one run."""
    return (path / PARTS).is_file()


def runs_in(folder: Path) -> list[Path]:
    """Folders of runs in a folder, FOLD as well as SEED/FOLD, sorted."""
    parts = [*folder.glob(f"*/{PARTS}"), *folder.glob(f"*/*/{PARTS}")]
    hidden = (any(n.startswith(".") for n in path.relative_to(folder).parts) for path in parts)
    return sorted(path.parent for path, skip in zip(parts, hidden, strict=True) if not skip)


def card_of_run(run: Path) -> Card:
    """Read the card of the network of a finished run.

    Raises
    ------
    DataError
        If there is none, or several.
    """
    files = (path for path in sorted(run.glob("*.json")) if not path.name.startswith("."))
    cards = [path for path in files if is_card(path)]
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
