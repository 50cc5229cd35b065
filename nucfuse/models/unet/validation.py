"""The real score of a U-Net in training."""

from typing import Any

import cv2
import numpy as np

from nucfuse.clean.selection import select
from nucfuse.clean.splitting import split
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Shape
from nucfuse.models.inference.tiling import padded
from nucfuse.models.inference.views import scaled_shape
from nucfuse.models.training.validation import Validation
from nucfuse.models.unet.config import UNetTraining
from nucfuse.models.unet.heads import HEADS

# Which nuclei stay. The lowest score was chosen on 136 images of 256 x 256 pixels outside fold 1,
# by a network that had seen no image of that source; the smallest share on fold 1, see
# docs/decisions/0014-prediction.md.
SELECTION = {"min_score": 0.75, "speck": 12, "small": 0.05}


class UNetValidation(Validation):
    """See `Validation`; images are padded to the stride of the network."""

    config: UNetTraining

    def nuclei(self, model: Any, seen: Floats, factor: float) -> Instances:
        """Nuclei that a model finds in an image, resized by a factor first."""
        network, height, width = self.config.network, *seen.shape[:2]
        shape = scaled_shape((height, width), factor)
        if network.size:
            shape = (network.size, network.size)
        full = padded(_resized(seen, shape), network.stride)[np.newaxis]
        # Through predict_on_batch, which compiles once: shapes stay symbolic in it.
        outputs = np.asarray(model.predict_on_batch(full))[0, : shape[0], : shape[1]]
        head = HEADS[network.head]
        maps = [_resized(m[..., np.newaxis], (height, width)) for m in head.to_maps(outputs)[:3]]
        native = np.clip(np.moveaxis(np.concatenate(maps, axis=2), 2, 0), 0, 1)
        found = split(native if len(native) > 1 else native[0], **head.split)
        return select(found, **SELECTION)


def _resized(image: Floats, shape: Shape) -> Floats:
    """Resize an image (H, W, C)."""
    if shape == image.shape[:2]:
        return image
    smaller = shape[0] < image.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(image, shape[::-1], interpolation=how).reshape(*shape, image.shape[2])
