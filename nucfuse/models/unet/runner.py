"""One network over one image: seen as it was trained, scaled, tiled, augmented; maps come back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.splitting import split
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Pixels
from nucfuse.models.files.card import Card
from nucfuse.models.inference.scale import first_pass, resampled_bands
from nucfuse.models.inference.settings import Inference
from nucfuse.models.inference.tiling import WHOLE, Tiling, bands, padded
from nucfuse.models.inference.views import augmented, resized, scaled_shape
from nucfuse.models.inputs import network_input
from nucfuse.models.unet.graph import UNetGraph
from nucfuse.models.unet.heads import HEADS_BY_OUTPUTS


class Runner:
    """A graph with its settings: images of any size to maps of the same size."""

    def __init__(self, graph: UNetGraph, settings: Inference) -> None:
        self.graph, self.card, self.settings = graph, graph.card, settings
        self.head = HEADS_BY_OUTPUTS[self.card.outputs]
        self.resize = self.card.size if settings.resize is None else settings.resize
        self._predict = augmented(self._once, settings.positions, settings.scales)

    def bands(self, image: Pixels, height: int) -> Iterator[Floats]:
        """Probability maps of the head in bands (C, height, W) from the top down."""
        return self.run(image, height)[0]

    def run(self, image: Pixels, height: int) -> tuple[Iterator[Floats], Instances | None]:
        """Give the bands, and the nuclei in them as `split_of` the card splits them, if known.

        They are known where the first pass, which measures them, was all that had to be done.
        """
        seen, nuclei = network_input(image, self.card.input), None
        shape = image.shape[0], image.shape[1]
        if self.resize:
            seen = resized(seen, (self.resize, self.resize))
            parts = iter([self._predict(seen)])
        else:
            factor, found = first_pass(seen, self.card.diameter, self.settings, self._measured)
            if found is not None:
                parts, nuclei = iter([found[0]]), found[1]
            else:
                seen = resized(seen, scaled_shape(shape, factor)) if factor != 1 else seen
                parts = self._in_tiles(seen)
        return resampled_bands(parts, (seen.shape[0], seen.shape[1]), shape, height), nuclei

    def _measured(self, part: NDArray[Any]) -> tuple[Floats, Instances]:
        """Predict maps of a part of an image, and split them."""
        maps = self._once(part)
        return maps, split(maps, **split_of(self.card))

    def _in_tiles(self, seen: NDArray[Any]) -> Iterator[Floats]:
        tile = self.settings.tile
        if not tile or seen.shape[0] * seen.shape[1] <= WHOLE * tile**2:
            return iter([self._predict(seen)])
        return bands(self._predict, seen, Tiling.of(tile, self.card.stride))

    def _once(self, seen: NDArray[Any]) -> Floats:
        """Run the network once on a piece of an image."""
        pixels = padded(seen, self.card.stride)
        if pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / np.float32(255)
        outputs = self.graph.run(np.ascontiguousarray(pixels)[np.newaxis])[0]
        return self.head.to_maps(outputs[: seen.shape[0], : seen.shape[1]])


def split_of(card: Card) -> dict[str, Any]:
    """How maps of a network become nuclei: as the card says, else as its channels allow."""
    return dict(card.split) or {"method": "interior" if len(card.outputs) > 1 else "watershed"}
