"""U-Nets as a kind of network."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nucfuse.errors import DataError
from nucfuse.models.arrays import Floats, Ints, Pixels
from nucfuse.models.families import Family
from nucfuse.models.files.card import Card
from nucfuse.models.files.export import export_network
from nucfuse.models.training.images import TrainingImage
from nucfuse.models.unet.config import PRESETS, UNetConfig, UNetTraining
from nucfuse.models.unet.heads import HEADS, HEADS_BY_OUTPUTS
from nucfuse.models.unet.losses import Loss, loss_of
from nucfuse.models.unet.network import build_unet
from nucfuse.models.unet.segmenter import UNetSegmenter
from nucfuse.models.unet.validation import SELECTION, UNetValidation


def _loss(config: UNetTraining) -> Loss:
    n_channels = len(HEADS[config.network.head].outputs)
    return loss_of(config.loss, config.class_weights, n_channels)


def _whole(image: TrainingImage, size: int) -> tuple[Pixels, Ints]:
    """Stretch an image and its labels to a square."""
    views = cv2.resize(image.views, (size, size), interpolation=cv2.INTER_LINEAR)
    values = image.labels.astype(np.float32)
    nearest = cv2.resize(values, (size, size), interpolation=cv2.INTER_NEAREST)
    return views.reshape(size, size, -1), nearest.astype(np.int32)


def _learned(labels: Ints, network: UNetConfig) -> Floats:
    return HEADS[network.head].targets(labels)


def _export(model: Any, network: UNetConfig, card: dict[str, Any], folder: Path) -> Card:
    """Write one graph, which computes in float32, whatever it was trained in."""
    exact, head = build_unet(network), HEADS[network.head]
    exact.set_weights(model.get_weights())
    entries = {"outputs": head.outputs, "split": head.split, "select": SELECTION}
    return export_network(exact, {**card, **entries}, folder)


def _check_card(card: Card) -> None:
    if card.outputs not in HEADS_BY_OUTPUTS:
        known = ", ".join(str(list(outputs)) for outputs in HEADS_BY_OUTPUTS)
        raise DataError(f"outputs must be one of {known}, got {list(card.outputs)!r:.80}")


UNET = Family(
    kind="unet",
    title="a U-Net",
    network=UNetConfig,
    presets=PRESETS,
    training=UNetTraining,
    build=build_unet,
    loss=_loss,
    whole=_whole,
    learned=_learned,
    validation=UNetValidation,
    export=_export,
    check_card=_check_card,
    card_entries=("outputs",),
    segmenter=UNetSegmenter,
)
