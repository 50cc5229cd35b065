"""U-Nets as a kind of network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.models.families import Family, Validate
from nucfuse.models.files.card import Card
from nucfuse.models.files.export import export_network
from nucfuse.models.inference.settings import Inference
from nucfuse.models.training.images import TrainingImage
from nucfuse.models.unet.config import PRESETS, UNetConfig, UNetTraining
from nucfuse.models.unet.heads import HEADS, HEADS_BY_OUTPUTS
from nucfuse.models.unet.losses import Loss, loss_of
from nucfuse.models.unet.network import build_unet
from nucfuse.models.unet.segmenter import UNetSegmenter
from nucfuse.models.unet.validation import SELECTION, UNetValidation


class UNetFamily(Family):
    """See `Family`."""

    kind, title = "unet", "a U-Net"
    network, presets, training = UNetConfig, PRESETS, UNetTraining
    card_entries = ("outputs",)

    def check_card(self, card: Card) -> None:
        """Raise a DataError if its outputs are of no head."""
        if card.outputs not in HEADS_BY_OUTPUTS:
            known = ", ".join(str(list(outputs)) for outputs in HEADS_BY_OUTPUTS)
            raise DataError(f"outputs must be one of {known}, got {list(card.outputs)!r:.80}")

    def build(self, network: UNetConfig, seed: int = 0, precision: str = "float32") -> Any:
        """See `build_unet`."""
        return build_unet(network, seed, precision)

    def loss(self, config: UNetTraining) -> Loss:
        """Loss between targets and probabilities."""
        n_channels = len(HEADS[config.network.head].outputs)
        return loss_of(config.loss, config.class_weights, n_channels)

    def whole(self, image: TrainingImage, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """A whole image and its labels, stretched to a square."""
        views = cv2.resize(image.views, (size, size), interpolation=cv2.INTER_LINEAR)
        values = image.labels.astype(np.float32)
        nearest = cv2.resize(values, (size, size), interpolation=cv2.INTER_NEAREST)
        return views.reshape(size, size, -1), nearest.astype(np.int32)

    def learned(self, labels: NDArray[np.int32], network: UNetConfig) -> NDArray[np.float32]:
        """Targets of the head, (H, W, K)."""
        return HEADS[network.head].targets(labels)

    def validation(self, images: Sequence[TrainingImage], config: UNetTraining) -> Validate:
        """See `UNetValidation`."""
        return UNetValidation(images, config)

    def export(self, model: Any, network: UNetConfig, card: dict[str, Any], folder: Path) -> Card:
        """Write one graph, which computes in float32, whatever it was trained in."""
        exact, head = build_unet(network), HEADS[network.head]
        exact.set_weights(model.get_weights())
        entries = {"outputs": head.outputs, "split": head.split, "select": SELECTION}
        return export_network(exact, {**card, **entries}, folder)

    def segmenter(
        self, cards: Sequence[Card], name: str, settings: Inference,
        splitting: Mapping[str, Any] | None = None,
    ) -> UNetSegmenter:  # fmt: skip
        """See `UNetSegmenter`."""
        return UNetSegmenter(cards, name, settings, splitting)
