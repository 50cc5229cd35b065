"""U-Net or Mask R-CNN: what training needs of either, so that all else need not ask which."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nucfuse.errors import DataError
from nucfuse.models.files.card import Card
from nucfuse.models.files.initial_weights import load_weights
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.training.validation import MaskRCNNValidation
from nucfuse.models.training.config import NetworkConfig, TrainingConfig
from nucfuse.models.training.crops import TrainingImage
from nucfuse.models.training.loop import Validate
from nucfuse.models.unet.validation import Validation

_ROUNDING = 1e-9  # shares of a run are quotients


def build_network(network: NetworkConfig, seed: int = 0, precision: str = "float32") -> Any:
    """A Keras model with fresh weights; see `build_unet` and `build_mask_rcnn`."""
    if isinstance(network, MaskRCNNConfig):
        from nucfuse.models.mask_rcnn.network.network import build_mask_rcnn

        return build_mask_rcnn(network, seed, precision)
    from nucfuse.models.unet.network import build_unet

    return build_unet(network, seed, precision)


def check_start(network: NetworkConfig, imagenet: Path | None, start: Path | None) -> None:
    """Raise a DataError if a network cannot, or should not, begin with these weights or none."""
    resnet = None
    if isinstance(network, MaskRCNNConfig) and network.backbone != "small":
        resnet = network
    if imagenet is not None and resnet is None:
        raise DataError("--imagenet is for a Mask R-CNN with a ResNet as backbone; leave it out")
    if imagenet is not None and start is not None:
        raise DataError("give --imagenet or --from, not both")
    fresh = imagenet is None and start is None
    if fresh and resnet is not None and resnet.batch_norm == "frozen":
        raise DataError(
            "a ResNet with frozen batch normalisation cannot learn from fresh weights; give "
            '--imagenet FILE or --from, or set batch_norm = "trained" in [network]'
        )


def begin(model: Any, imagenet: Path | None, start: Card | None) -> None:
    """Give a model the weights of another network, or its backbone those of ImageNet."""
    if start is not None:
        load_weights(model, start)
    if imagenet is not None:
        from nucfuse.models.mask_rcnn.network.network import backbone_of
        from nucfuse.models.mask_rcnn.network.resnet import load_imagenet

        load_imagenet(backbone_of(model), imagenet)


def validation_of(config: TrainingConfig, images: Sequence[TrainingImage]) -> Validate | None:
    """What scores a model on these images; None if there are none."""
    if not images:
        return None
    if isinstance(config.network, MaskRCNNConfig):
        return MaskRCNNValidation(images, config.network, config.diameter)
    return Validation(images, config.network, config.diameter)


def stages_of(config: TrainingConfig, model: Any) -> Callable[[float], None]:
    """What chooses the layers that learn, told how much of the run is done."""

    def choose(share: float) -> None:
        if isinstance(config.network, MaskRCNNConfig):
            from nucfuse.models.mask_rcnn.network.network import set_stage

            last = config.heads_only and share >= 1 - config.heads_only - _ROUNDING
            set_stage(model, "heads" if last else "all")

    return choose
