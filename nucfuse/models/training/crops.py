"""The random crops of training images that a network learns from."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from nucfuse.data.augment import random_affine, random_displacement, recoloured, warped
from nucfuse.models.arrays import Floats, Ints
from nucfuse.models.families import family_named
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.training.images import TrainingImage, clipped_scale, scale_to

# Images and what is to be learned of them: targets of pixels, or label images.
Batch = tuple[Floats, Floats | Ints]


class Crops:
    """Random batches; batch number k is the same whenever it is asked for.

    Parameters
    ----------
    images : sequence of TrainingImage
    config : TrainingConfig
    """

    def __init__(self, images: Sequence[TrainingImage], config: TrainingConfig) -> None:
        self.images, self.config = images, config
        self._family = family_named(config.model)
        counts = Counter(image.modality for image in images)
        chances = np.array([float(counts[image.modality]) ** -config.balance for image in images])
        self._chances = chances / chances.sum()

    def batch(self, number: int) -> Batch:
        """Images and what is to be learned of them.

        Returns
        -------
        images : ndarray of float32, shape (B, S, S, C)
        learned : ndarray of float32, shape (B, S, S, K), or of int32, shape (B, S, S)
            Targets; or label images, for a Mask R-CNN.
        """
        rng = np.random.default_rng([self.config.seed, number])
        chosen = rng.choice(len(self.images), self.config.batch, p=self._chances)
        images, learned = zip(*(self._crop(rng, self.images[k]) for k in chosen), strict=True)
        return np.stack(images), np.stack(learned)

    def _crop(self, rng: np.random.Generator, image: TrainingImage) -> Batch:
        network, a = self.config.network, self.config.augmentation
        if network.size:
            views, labels = self._family.whole(image, network.size)
            side, scale, centre = network.size, 1.0, ((network.size - 1) / 2,) * 2
        else:
            views, labels, side = image.views, image.labels, self.config.side
            scale, centre = self._scale(rng, image), _centre(rng, labels)
        affine = random_affine(rng, a, side, scale, centre)
        shifts = random_displacement(rng, side, a.elastic) if a.elastic else None
        pixels, labels = warped(views, labels, affine, side, a.fill, shifts)
        x = pixels.astype(np.float32) / np.float32(255)
        if network.input == "neutral":
            x = self._mixed(rng, x)
        return recoloured(rng, x, a), self._family.learned(labels, network)

    def _scale(self, rng: np.random.Generator, image: TrainingImage) -> float:
        low, high = self.config.diameter
        native, place = rng.random(2)
        if np.isnan(image.diameter):
            return 1.0
        if native < self.config.native:
            # Off by up to a fifth, as an estimated diameter is.
            return scale_to(image.diameter, self.config.diameter) * 1.2 ** (2 * place - 1)
        return clipped_scale(low * (high / low) ** place / image.diameter)

    def _mixed(self, rng: np.random.Generator, x: Floats) -> Floats:
        n = x.shape[2]
        weights = rng.dirichlet(np.ones(n)) if rng.random() < self.config.mix else np.eye(n)[0]
        return (x @ weights.astype(np.float32))[..., np.newaxis]


def _centre(rng: np.random.Generator, labels: Ints) -> tuple[float, float]:
    """Anywhere in half of the crops, else in a nucleus if there is one."""
    height, width = labels.shape
    in_nucleus, y, x = rng.random(3)
    if in_nucleus < 0.5:
        for _ in range(8):  # tries; cheaper than a list of all pixels of nuclei
            r, c = rng.integers(height), rng.integers(width)
            if labels[r, c]:
                return float(r), float(c)
    return float(y * height), float(x * width)
