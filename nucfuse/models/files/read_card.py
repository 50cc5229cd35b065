"""Cards of trained networks, read and checked."""

import json
from pathlib import Path
from typing import Any

import attrs

from nucfuse.errors import DataError
from nucfuse.models.families import family_named
from nucfuse.models.files.card import FORMAT, Card

_ENTRIES = {field.name for field in attrs.fields(Card)} - {"path", "document"}


def read_card(path: Path) -> Card:
    """Read and check a card.

    Raises
    ------
    DataError
        A ValueError. If there is none, it is of another version than this nucfuse reads, or an
        entry is missing or wrong.
    """
    document = _document(path)
    entries = {name: value for name, value in document.items() if name in _ENTRIES}
    needed = ["name"]
    try:
        if not entries.get("members"):
            family = family_named(entries.get("kind", "unet"))
            needed += ["stride", "files", *family.card_entries]
        missing = [name for name in needed if name not in entries]
        if missing:
            raise DataError(f"the card has no entry {missing[0]!r}")
        card = Card(path=path, document=document, **entries)
        if not card.members:
            family.check_card(card)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    return card


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as problem:
        raise DataError(f"{path}: {problem.strerror}") from None
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{path}: no card of a network: it is no JSON ({problem})") from None
    if not isinstance(document, dict) or "format" not in document:
        raise DataError(f"{path}: no card of a network: it has no entry 'format'")
    if document["format"] != FORMAT:
        raise DataError(
            f"{path}: a card of format {document['format']!r:.20}; this nucfuse reads format "
            f"{FORMAT}; update nucfuse, or export the network anew"
        )
    return document
