"""The real score of a network in training: nuclei of whole images against their truth."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.selection import select
from nucfuse.clean.splitting import split
from nucfuse.masks.instances import Instances
from nucfuse.metrics.scoring import score_images
from nucfuse.models.inference.views import scaled_shape
from nucfuse.models.training.crops import TrainingImage, scale_to
from nucfuse.models.unet.config import UNetConfig

# How the maps of each head become nuclei, and which of these stay. Threshold and lowest score were
# chosen on 136 images of 256 x 256 pixels outside fold 1, by a network that had seen no image of
# that source; the margin and the smallest share on fold 1, see docs/decisions/0014-prediction.md.
_INTERIOR = {"method": "interior", "threshold": 0.55, "margin": 0.5}
SPLITS: dict[str, dict[str, Any]] = {
    "nucleus": {"method": "watershed"},
    "boundary": {"method": "interior"},
    "touching": {"method": "interior"},
    "border": _INTERIOR,
    "distance": _INTERIOR,
}
SELECTION = {"min_score": 0.75, "speck": 12, "small": 0.05}
_LARGEST = 2**21  # pixels of an image that is looked at whole; of larger ones the upper left part


class Validation:
    """Mean ``dsb_ap`` over some images; call it with a model.

    Images are rescaled as their truth asks for (a prediction has to estimate that) and padded to
    the stride of the network, or resized where the network is of one size.

    Parameters
    ----------
    images : sequence of TrainingImage
    config : UNetConfig
    diameter : (float, float)
        See `TrainingConfig`.
    """

    def __init__(
        self, images: Sequence[TrainingImage], config: UNetConfig, diameter: tuple[float, float]
    ) -> None:
        self.images, self.config, self.diameter = images, config, diameter

    def __call__(self, model: Any) -> float:
        """The score of a model, in [0, 1]."""
        return float(np.mean([self._score(model, image) for image in self.images]))

    def _score(self, model: Any, image: TrainingImage) -> float:
        x, labels = part_of_training(image, self.config.input)
        height, width = labels.shape
        if self.config.size:
            shape = (self.config.size, self.config.size)
        else:
            shape = scaled_shape((height, width), scale_to(image.diameter, self.diameter))
        maps = _maps(model, _resized(x, shape), self.config)
        native = np.stack([_resized(m[..., np.newaxis], (height, width))[..., 0] for m in maps])
        return score_images(labels, nuclei(np.clip(native, 0, 1), self.config.head)).dsb_ap


def part_of_training(
    image: TrainingImage, kind: str
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """What a network with input ``kind`` sees of a training image, in [0, 1], and its truth.

    Of a large image, those of its upper left part.
    """
    height, width = (min(n, _side(image.labels.shape)) for n in image.labels.shape)
    views, labels = image.views[:height, :width], image.labels[:height, :width]
    channels = 1 if kind == "neutral" else views.shape[2]
    return views[..., :channels].astype(np.float32) / np.float32(255), labels


def nuclei(maps: NDArray[np.float32], head: str) -> Instances:
    """Nuclei of maps (K, H, W): nucleus first, then border and interior where there are."""
    found = split(maps if len(maps) > 1 else maps[0], **SPLITS[head])
    return select(found, **SELECTION)


def _side(shape: Sequence[int]) -> int:
    return max(int(_LARGEST**0.5), _LARGEST // max(shape))


def _resized(image: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    if shape == image.shape[:2]:
        return image
    smaller = shape[0] < image.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(image, shape[::-1], interpolation=how).reshape(*shape, image.shape[2])


def _maps(model: Any, x: NDArray[np.float32], config: UNetConfig) -> NDArray[np.float32]:
    height, width = x.shape[:2]
    below, beside = -height % config.stride, -width % config.stride
    mode = cv2.BORDER_REFLECT_101 if min(height, width) > 1 else cv2.BORDER_REPLICATE
    full = cv2.copyMakeBorder(x, 0, below, 0, beside, mode).reshape(
        1, height + below, width + beside, -1
    )
    # Through predict_on_batch, which compiles once: shapes stay symbolic in it.
    y = np.asarray(model.predict_on_batch(full))[0, :height, :width]
    if len(config.outputs) < 3:
        return np.moveaxis(y, 2, 0)
    return np.stack([y[..., 1] + y[..., 2], y[..., 2], y[..., 1]])
