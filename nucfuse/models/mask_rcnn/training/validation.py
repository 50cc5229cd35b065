"""The real score of a Mask R-CNN in training: nuclei of whole images against their truth."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.clean.selection import select
from nucfuse.masks.instances import Instances
from nucfuse.metrics.scoring import score_images
from nucfuse.models.inference.views import resized, scaled_shape
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.inference.finding import find, pasted
from nucfuse.models.mask_rcnn.inference.fitting import fitted_shape, padded_to
from nucfuse.models.training.crops import TrainingImage, scale_to
from nucfuse.models.unet.validation import part_of_training

# Which nuclei stay.
SELECTION: dict[str, float] = {"speck": 12, "small": 0.1}


class MaskRCNNValidation:
    """Mean ``dsb_ap`` over some images; call it with a model.

    Images are rescaled as their truth asks for (a prediction has to estimate that), or to the one
    size of the network.

    Parameters
    ----------
    images : sequence of TrainingImage
    config : MaskRCNNConfig
    diameter : (float, float)
        See `nucfuse.models.training.config.TrainingConfig`.
    """

    def __init__(
        self, images: Sequence[TrainingImage], config: MaskRCNNConfig,
        diameter: tuple[float, float],
    ) -> None:  # fmt: skip
        self.images, self.config, self.diameter = images, config, diameter

    def __call__(self, model: Any) -> float:
        """The score of a model, in [0, 1]."""
        return float(np.mean([self._score(model, image) for image in self.images]))

    def _score(self, model: Any, image: TrainingImage) -> float:
        x, labels = part_of_training(image, self.config.input)
        factor = 1.0 if self.config.size else scale_to(image.diameter, self.diameter)
        return score_images(labels, self._nuclei(model, x, factor)).dsb_ap

    def _nuclei(self, model: Any, x: NDArray[np.float32], factor: float) -> Instances:
        height, width = x.shape[:2]
        shape = scaled_shape((height, width), factor)
        if self.config.size:
            shape = fitted_shape((height, width), self.config.size)
        seen = resized(x, shape) if shape != (height, width) else x
        full = padded_to(seen, self.config.size, self.config.stride)
        features, heads = model.graphs
        found = find(features, heads, full, self.config)
        ratios = height / shape[0], width / shape[1]
        nuclei = pasted(found, (0, 0), ratios, (height, width), self.config)
        return select(remove_overlaps(nuclei), **SELECTION)
