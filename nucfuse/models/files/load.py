"""Trained networks from their cards: which `Segmenter` runs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nucfuse.errors import DataError
from nucfuse.models.files.card import Card, read_card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.mask_rcnn.segmenter import MaskRCNNSegmenter
from nucfuse.models.unet.segmenter import NetworkSegmenter

TrainedSegmenter = NetworkSegmenter | MaskRCNNSegmenter


def open_network(path: Path, settings: Inference | None = None) -> TrainedSegmenter:
    """The model that a card describes, a network or an ensemble.

    Raises
    ------
    DataError
        If the card is bad, or names members that are missing or ensembles themselves, or a network
        cannot be loaded.
    """
    card = read_card(path)
    if not card.members:
        return segmenter_of([card], card.name, settings)
    members = [read_card(path.with_name(f"{name}.json")) for name in card.members]
    if any(member.members for member in members):
        raise DataError(f"{path}: the members of an ensemble must be networks")
    return segmenter_of(members, card.name, settings, card.document.get("split"))


def segmenter_of(
    cards: Sequence[Card], name: str, settings: Inference | None = None,
    splitting: Mapping[str, Any] | None = None,
) -> TrainedSegmenter:  # fmt: skip
    """One or several networks of one kind as a model.

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
    if kinds == ["mask_rcnn"]:
        return MaskRCNNSegmenter(cards, name, settings)
    return NetworkSegmenter(cards, name, settings, splitting)
