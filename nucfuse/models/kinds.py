"""U-Net or Mask R-CNN: what training needs of either, so that all else need not ask which."""

from collections.abc import Callable, Sequence
from typing import Any

from nucfuse.models.crops import TrainingImage
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.validating import MaskRCNNValidation
from nucfuse.models.training import Validate
from nucfuse.models.training_config import NetworkConfig, TrainingConfig
from nucfuse.models.validating import Validation

_ROUNDING = 1e-9  # shares of a run are quotients


def build_network(network: NetworkConfig, seed: int = 0, precision: str = "float32") -> Any:
    """A Keras model with fresh weights; see `build_unet` and `build_mask_rcnn`."""
    if isinstance(network, MaskRCNNConfig):
        from nucfuse.models.mask_rcnn.network import build_mask_rcnn

        return build_mask_rcnn(network, seed, precision)
    from nucfuse.models.unet import build_unet

    return build_unet(network, seed, precision)


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
            from nucfuse.models.mask_rcnn.network import set_stage

            last = config.heads_only and share >= 1 - config.heads_only - _ROUNDING
            set_stage(model, "heads" if last else "all")

    return choose
