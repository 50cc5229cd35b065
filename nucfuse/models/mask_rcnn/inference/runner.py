"""One Mask R-CNN over one image: scaled as it was trained, tiled, seen in several positions."""

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Pixels
from nucfuse.models.inference.scale import first_pass
from nucfuse.models.inference.settings import Inference
from nucfuse.models.inference.tiling import WHOLE
from nucfuse.models.inference.views import resized, scaled_shape, view
from nucfuse.models.inputs import network_input
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig
from nucfuse.models.mask_rcnn.inference.finding import Found, find, pasted, turned_back
from nucfuse.models.mask_rcnn.inference.fitting import fitted_shape, padded_to
from nucfuse.models.mask_rcnn.inference.graphs import Graphs
from nucfuse.models.mask_rcnn.inference.tiles import nuclei_of_tiles, tiles_of

_AREA = 512**2  # pixels that a config's numbers of proposals are for


class Runner:
    """A network with its settings: images of any size to nuclei, once for each view.

    Parameters
    ----------
    graphs : Graphs
    settings : Inference
    confidence : float
        Lowest probability of what is found, if the network's config asks for more.
    """

    def __init__(self, graphs: Graphs, settings: Inference, confidence: float = 1.0) -> None:
        self.graphs, self.settings, self.card = graphs, settings, graphs.card
        least = min(graphs.config.min_confidence, confidence)
        self.config = attrs.evolve(graphs.config, min_confidence=least)
        self.size = self.config.size if settings.resize is None else settings.resize

    def views_of(self, image: Pixels) -> Iterator[Instances]:
        """Nuclei of an RGB image, in its own pixels, by each position and scale; overlaps stay."""
        seen = network_input(image, self.card.input)
        native = seen.shape[0], seen.shape[1]
        if self.size:
            shape = fitted_shape(native, self.size)
        else:
            factor, found = first_pass(seen, self.card.diameter, self.settings, self._measured)
            if found is not None:
                yield found[1]
                return
            shape = scaled_shape(native, factor)
        for scale in self.settings.scales:
            scaled = scaled_shape(shape, scale)
            pixels = seen if scaled == native else resized(seen, scaled)
            for k in range(self.settings.positions):
                yield self._in_tiles(pixels, k, native)

    def _measured(self, part: NDArray[Any]) -> tuple[Found, Instances]:
        """Find nuclei in a part of an image, and paste them."""
        found, shape = self._found(part, 0), part.shape[:2]
        return found, self._pasted(found, shape, shape)

    def _in_tiles(self, seen: NDArray[Any], k: int, native: tuple[int, int]) -> Instances:
        """Nuclei of a resized image, each of its tiles in position ``k``."""
        shape, side = (seen.shape[0], seen.shape[1]), self.settings.tile
        whole = not side or self.size or shape[0] * shape[1] <= WHOLE * side**2
        overlap = min(2 * int(max(self.config.anchor_sizes)), side // 2)
        tiles = tiles_of(shape, max(shape) if whole else side, overlap)
        found = []
        for y0, x0, y1, x1 in (tile.box for tile in tiles):
            part = self._found(seen[y0:y1, x0:x1], k)
            found.append(self._pasted(part, shape, native, (y0, x0)))
        return nuclei_of_tiles(tiles, found, (native[0] / shape[0], native[1] / shape[1]))

    def _found(self, seen: NDArray[Any], k: int) -> Found:
        """Nuclei of a piece of an image, whole, in position ``k``."""
        pixels = padded_to(view(seen, k), self.size, self.config.stride)
        if pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / np.float32(255)
        pixels = np.ascontiguousarray(pixels)
        config = _for_area(self.config, pixels.shape[0] * pixels.shape[1])
        try:
            found = find(self.graphs.features, self.graphs.heads, pixels, config)
        except DataError:
            raise
        except ValueError as problem:
            raise DataError(f"{self.card.path}: on this image {problem}") from None
        return turned_back(found, k, (seen.shape[0], seen.shape[1]))

    def _pasted(
        self,
        found: Found,
        shape: tuple[int, ...],
        native: tuple[int, ...],
        corner: tuple[int, int] = (0, 0),
    ) -> Instances:
        factors = native[0] / shape[0], native[1] / shape[1]
        return pasted(found, corner, factors, (native[0], native[1]), self.config)


def _for_area(config: MaskRCNNConfig, area: int) -> MaskRCNNConfig:
    """With more proposals for what is larger than 512 x 512: there is room for more nuclei.

    Images of one size are as large as they were in training.
    """
    more = area / _AREA
    if config.size or more <= 1:
        return config
    wanted = round(config.test_proposals * more)
    return attrs.evolve(config, pre_nms=round(config.pre_nms * more), test_proposals=wanted)
