"""Mask R-CNNs as a kind of network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.models.families import Family, Validate
from nucfuse.models.files.card import Card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.mask_rcnn.config import PRESETS, MaskRCNNConfig, MaskRCNNTraining
from nucfuse.models.mask_rcnn.export import export_mask_rcnn
from nucfuse.models.mask_rcnn.inference.fitting import fitted
from nucfuse.models.mask_rcnn.network.network import backbone_of, build_mask_rcnn, set_stage
from nucfuse.models.mask_rcnn.network.resnet import load_imagenet
from nucfuse.models.mask_rcnn.segmenter import MaskRCNNSegmenter
from nucfuse.models.mask_rcnn.training.targets import separate_pieces
from nucfuse.models.mask_rcnn.training.validation import SELECTION, MaskRCNNValidation
from nucfuse.models.training.images import TrainingImage
from nucfuse.settings import read

_ROUNDING = 1e-9  # shares of a run are quotients


class MaskRCNNFamily(Family):
    """See `Family`."""

    kind, title = "mask_rcnn", "a Mask R-CNN"
    network, presets, training = MaskRCNNConfig, PRESETS, MaskRCNNTraining

    def check_card(self, card: Card) -> None:
        """Raise a DataError if there is no such Mask R-CNN."""
        read(MaskRCNNConfig, card.network, "network")

    def takes_imagenet(self, network: MaskRCNNConfig) -> bool:
        """Whether the backbone is a ResNet."""
        return network.backbone != "small"

    def check_start(
        self, network: MaskRCNNConfig, imagenet: Path | None, start: str | None
    ) -> None:
        """Raise a DataError also if frozen batch normalisation would freeze fresh weights."""
        super().check_start(network, imagenet, start)
        fresh = imagenet is None and start is None
        if fresh and self.takes_imagenet(network) and network.batch_norm == "frozen":
            raise DataError(
                "a ResNet with frozen batch normalisation cannot learn from fresh weights; give "
                '--imagenet FILE or --from, or set batch_norm = "trained" in [network]'
            )

    def build(self, network: MaskRCNNConfig, seed: int = 0, precision: str = "float32") -> Any:
        """See `build_mask_rcnn`."""
        return build_mask_rcnn(network, seed, precision)

    def load_imagenet(self, model: Any, path: Path) -> None:
        """Give the ResNet the weights of a file of Keras Applications."""
        load_imagenet(backbone_of(model), path)

    def set_stage(self, model: Any, config: MaskRCNNTraining, share: float) -> None:
        """Let all layers learn, or the heads only at the end of a run."""
        last = config.heads_only and share >= 1 - config.heads_only - _ROUNDING
        set_stage(model, "heads" if last else "all")

    def whole(self, image: TrainingImage, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """A whole image and its labels, its longest side resized, beside zeros."""
        return fitted(image.views, size), fitted(image.labels, size)

    def learned(self, labels: NDArray[np.int32], network: MaskRCNNConfig) -> NDArray[np.int32]:
        """Label image of whole pieces, (H, W)."""
        return separate_pieces(labels)

    def validation(self, images: Sequence[TrainingImage], config: MaskRCNNTraining) -> Validate:
        """See `MaskRCNNValidation`."""
        return MaskRCNNValidation(images, config)

    def export(
        self, model: Any, network: MaskRCNNConfig, card: dict[str, Any], folder: Path
    ) -> Card:
        """Write both graphs."""
        return export_mask_rcnn(model, {**card, "select": SELECTION}, folder)

    def segmenter(
        self, cards: Sequence[Card], name: str, settings: Inference,
        splitting: Mapping[str, Any] | None = None,
    ) -> MaskRCNNSegmenter:  # fmt: skip
        """See `MaskRCNNSegmenter`."""
        return MaskRCNNSegmenter(cards, name, settings)
