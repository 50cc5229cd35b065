"""The real score of a network in training: nuclei of whole images against their truth."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from nucfuse.masks.instances import Instances
from nucfuse.metrics.scoring import score_images
from nucfuse.models.arrays import Floats
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.training.images import TrainingImage, scale_to

_LARGEST = 2**21  # pixels of an image that is looked at whole; of larger ones the upper left part


class Validation(ABC):
    """Mean ``dsb_ap`` over some images; call it with a model.

    Images are rescaled as their truth asks for (a prediction has to estimate that), or to the one
    size of the network.

    Parameters
    ----------
    images : sequence of TrainingImage
    config : TrainingConfig
    """

    def __init__(self, images: Sequence[TrainingImage], config: TrainingConfig) -> None:
        self.images, self.config = images, config

    def __call__(self, model: Any) -> float:
        """Score a model, in [0, 1]."""
        return float(np.mean([self._score(model, image) for image in self.images]))

    @abstractmethod
    def nuclei(self, model: Any, seen: Floats, factor: float) -> Instances:
        """Nuclei that a model finds.

        Parameters
        ----------
        model : keras.Model
        seen : ndarray of float32, shape (H, W, C)
            In [0, 1].
        factor : float
            By how much to enlarge it first, where the network is not of one size.
        """

    def _score(self, model: Any, image: TrainingImage) -> float:
        network = self.config.network
        side = max(int(_LARGEST**0.5), _LARGEST // max(image.labels.shape))
        views, labels = image.views[:side, :side], image.labels[:side, :side]
        n_channels = 1 if network.input == "neutral" else views.shape[2]
        seen = views[..., :n_channels].astype(np.float32) / np.float32(255)
        factor = 1.0 if network.size else scale_to(image.diameter, self.config.diameter)
        return score_images(labels, self.nuclei(model, seen, factor)).dsb_ap
