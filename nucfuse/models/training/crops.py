"""Training images and the random crops of them that a network learns from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.data.augment import random_affine, random_displacement, recoloured, warped
from nucfuse.data.modality import modality
from nucfuse.models.inputs import planes, prepared
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.inference.fitting import fitted
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.unet.targets import separate_pieces, targets

# Images and what is to be learned of them: targets of pixels, or label images.
Batch = tuple[NDArray[np.float32], NDArray[np.float32] | NDArray[np.int32]]

_SCALES = (0.25, 4.0)  # smallest and largest rescaling, whatever the diameter asks for


@dataclass(frozen=True, slots=True, eq=False)
class TrainingImage:
    """An image with its truth, ready to be cut.

    Attributes
    ----------
    image_id : str
    views : ndarray of uint8, shape (H, W, P)
        Planes to choose from or mix for the input "neutral", else the channels of the input.
    labels : ndarray of int32, shape (H, W)
    diameter : float
        Of a disc of the median nucleus's area, in pixels; NaN if there is none.
    modality : str
    """

    image_id: str
    views: NDArray[np.uint8]
    labels: NDArray[np.int32]
    diameter: float
    modality: str


def training_image(
    image_id: str, rgb: NDArray[np.uint8], labels: NDArray[np.int32], kind: Any
) -> TrainingImage:
    """Prepare one image for the input ``kind``."""
    if kind == "neutral":
        views = planes(rgb)
    else:
        views = np.round(prepared(rgb, kind) * 255).astype(np.uint8)
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    diameter = 2 * float(np.sqrt(np.median(areas) / np.pi)) if areas.size else float("nan")
    return TrainingImage(image_id, views, labels, diameter, modality(rgb))


class Crops:
    """Random batches; batch number k is the same whenever it is asked for.

    Parameters
    ----------
    images : sequence of TrainingImage
    config : TrainingConfig
    """

    def __init__(self, images: Sequence[TrainingImage], config: TrainingConfig) -> None:
        self.images, self.config = images, config
        counts = Counter(image.modality for image in images)
        chances = np.array([float(counts[image.modality]) ** -config.balance for image in images])
        self._chances = chances / chances.sum()

    def batch(self, number: int) -> Batch:
        """Images (B, S, S, C) and targets (B, S, S, K), float32; or label images (B, S, S), int32,
        for a Mask R-CNN.
        """
        rng = np.random.default_rng([self.config.seed, number])
        chosen = rng.choice(len(self.images), self.config.batch, p=self._chances)
        images, learned = zip(*(self._crop(rng, self.images[k]) for k in chosen), strict=True)
        return np.stack(images), np.stack(learned)

    def _crop(self, rng: np.random.Generator, image: TrainingImage) -> Batch:
        config, a = self.config, self.config.augmentation
        if config.network.size:
            views, labels, side = *self._whole(image), config.network.size
            scale, centre = 1.0, ((side - 1) / 2, (side - 1) / 2)
        else:
            views, labels, side = image.views, image.labels, config.side
            scale, centre = self._scale(rng, image), _centre(rng, labels)
        affine = random_affine(rng, a, side, scale, centre)
        shifts = random_displacement(rng, side, a.elastic) if a.elastic else None
        pixels, labels = warped(views, labels, affine, side, a.fill, shifts)
        x = pixels.astype(np.float32) / np.float32(255)
        if config.network.input == "neutral":
            x = self._mixed(rng, x)
        if isinstance(config.network, MaskRCNNConfig):
            return recoloured(rng, x, a), separate_pieces(labels)
        return recoloured(rng, x, a), targets(labels, config.network.head)

    def _whole(self, image: TrainingImage) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """A whole image and its labels in the one size of the network."""
        network = self.config.network
        if isinstance(network, MaskRCNNConfig):
            return fitted(image.views, network.size), fitted(image.labels, network.size)
        return _resized(image, network.size)

    def _scale(self, rng: np.random.Generator, image: TrainingImage) -> float:
        low, high = self.config.diameter
        native, place = rng.random(2)
        if np.isnan(image.diameter):
            return 1.0
        wanted = low * (high / low) ** place
        if native < self.config.native:
            # Off by up to a fifth, as an estimated diameter is.
            return scale_to(image.diameter, self.config.diameter) * 1.2 ** (2 * place - 1)
        return float(np.clip(wanted / image.diameter, *_SCALES))

    def _mixed(self, rng: np.random.Generator, x: NDArray[np.float32]) -> NDArray[np.float32]:
        n = x.shape[2]
        weights = rng.dirichlet(np.ones(n)) if rng.random() < self.config.mix else np.eye(n)[0]
        return (x @ weights.astype(np.float32))[..., np.newaxis]


def scale_to(diameter: float, wanted: tuple[float, float]) -> float:
    """The factor nearest to 1 that brings a diameter between two others; 1 if it is NaN."""
    if np.isnan(diameter):
        return 1.0
    return float(np.clip(np.clip(diameter, *wanted) / diameter, *_SCALES))


def _centre(rng: np.random.Generator, labels: NDArray[np.int32]) -> tuple[float, float]:
    """Anywhere in half of the crops, else in a nucleus if there is one."""
    height, width = labels.shape
    in_nucleus, y, x = rng.random(3)
    if in_nucleus < 0.5:
        for _ in range(8):  # tries; cheaper than a list of all pixels of nuclei
            r, c = rng.integers(height), rng.integers(width)
            if labels[r, c]:
                return float(r), float(c)
    return float(y * height), float(x * width)


def _resized(image: TrainingImage, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    views = cv2.resize(image.views, (size, size), interpolation=cv2.INTER_LINEAR)
    nearest = cv2.resize(
        image.labels.astype(np.float32), (size, size), interpolation=cv2.INTER_NEAREST
    )
    return views.reshape(size, size, -1), nearest.astype(np.int32)
