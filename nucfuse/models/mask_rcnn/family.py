"""Mask R-CNNs as a kind of network."""

from pathlib import Path
from typing import Any

from nucfuse.models.arrays import Ints, Pixels
from nucfuse.models.families import Family
from nucfuse.models.files.card import Card
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


def _is_resnet(network: MaskRCNNConfig) -> bool:
    return network.backbone != "small"


def _is_frozen_resnet(network: MaskRCNNConfig) -> bool:
    return _is_resnet(network) and network.batch_norm == "frozen"


def _set_stage(model: Any, config: MaskRCNNTraining, share: float) -> None:
    """Let all layers learn, or the heads only at the end of a run."""
    last = config.heads_only and share >= 1 - config.heads_only - _ROUNDING
    set_stage(model, "heads" if last else "all")


def _whole(image: TrainingImage, size: int) -> tuple[Pixels, Ints]:
    """Resize the longest side of an image and its labels, with zeros beside them."""
    return fitted(image.views, size), fitted(image.labels, size)


def _export(model: Any, network: MaskRCNNConfig, card: dict[str, Any], folder: Path) -> Card:
    return export_mask_rcnn(model, {**card, "select": SELECTION}, folder)


def _check_card(card: Card) -> None:
    read(MaskRCNNConfig, card.network, "network")


MASK_RCNN = Family(
    kind="mask_rcnn",
    title="a Mask R-CNN",
    network=MaskRCNNConfig,
    presets=PRESETS,
    training=MaskRCNNTraining,
    build=build_mask_rcnn,
    set_stage=_set_stage,
    takes_imagenet=_is_resnet,
    needs_start=_is_frozen_resnet,
    load_imagenet=lambda model, path: load_imagenet(backbone_of(model), path),
    whole=_whole,
    learned=lambda labels, network: separate_pieces(labels),
    validation=MaskRCNNValidation,
    export=_export,
    check_card=_check_card,
    segmenter=MaskRCNNSegmenter,
)
