"""The real score of a Mask R-CNN in training."""

from typing import Any

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.clean.selection import select
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats
from nucfuse.models.inference.views import resized, scaled_shape
from nucfuse.models.mask_rcnn.config import MaskRCNNTraining
from nucfuse.models.mask_rcnn.inference.finding import find, pasted
from nucfuse.models.mask_rcnn.inference.fitting import fitted_shape, padded_to
from nucfuse.models.training.validation import Validation

# Which nuclei stay.
SELECTION: dict[str, float] = {"speck": 12, "small": 0.1}


class MaskRCNNValidation(Validation):
    """See `Validation`."""

    config: MaskRCNNTraining

    def nuclei(self, model: Any, seen: Floats, factor: float) -> Instances:
        """Nuclei that a model finds in an image, resized by a factor first."""
        network, height, width = self.config.network, *seen.shape[:2]
        shape = scaled_shape((height, width), factor)
        if network.size:
            shape = fitted_shape((height, width), network.size)
        if shape != (height, width):
            seen = resized(seen, shape)
        features, heads = model.graphs
        full = padded_to(seen, network.size, network.stride)
        found = find(features, heads, full, network)
        ratios = height / shape[0], width / shape[1]
        nuclei = pasted(found, (0, 0), ratios, (height, width), network)
        return select(remove_overlaps(nuclei), **SELECTION)
