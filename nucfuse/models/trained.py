"""What trained networks of every kind are as a model."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Pixels
from nucfuse.models.files.card import Card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.inference.time_limit import time_limit
from nucfuse.models.segmenter import as_rgb


class TrainedSegmenter(ABC):
    """One or several trained networks of one kind, a `Segmenter`.

    Parameters
    ----------
    cards : sequence of Card
        Of the networks.
    name : str
        What the model is called.
    settings : Inference
        How the networks are run.
    """

    def __init__(self, cards: Sequence[Card], name: str, settings: Inference) -> None:
        self.cards, self.name, self.settings = tuple(cards), name, settings

    def predict(self, image: ArrayLike) -> Instances:
        """Nuclei of one image, with scores.

        Parameters
        ----------
        image : array_like, shape (H, W, 3) or (H, W)
            RGB or grey; see `as_rgb` for other dtypes than uint8.

        Returns
        -------
        Instances
            Disjoint.
        """
        with time_limit(self.settings.timeout):
            return self.find(as_rgb(image))

    def predict_with_maps(
        self, image: ArrayLike
    ) -> tuple[Instances, NDArray[np.float16], tuple[str, ...]]:
        """Nuclei of one image, its probability maps (C, H, W), and the names of these.

        Raises
        ------
        DataError
            If networks of this kind have none.
        """
        with time_limit(self.settings.timeout):
            return self.find_with_maps(as_rgb(image))

    def describe(self) -> dict[str, Any]:
        """All that the result depends on besides the image, for JSON."""
        return {
            "model": self.name,
            "cards": [card.identity for card in self.cards],
            **self.settings.to_dict(),
            **self.joining(),
            "select": dict(self.cards[0].select),
        }

    @abstractmethod
    def joining(self) -> dict[str, Any]:
        """How what the networks say becomes nuclei, for `describe`."""

    @abstractmethod
    def find(self, rgb: Pixels) -> Instances:
        """Nuclei of one RGB image (H, W, 3)."""

    @abstractmethod
    def find_with_maps(self, rgb: Pixels) -> tuple[Instances, NDArray[np.float16], tuple[str, ...]]:
        """As `predict_with_maps`, of an RGB image (H, W, 3)."""
