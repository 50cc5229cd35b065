"""One network over one image: seen as it was trained, scaled, tiled, augmented; maps come back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.split import split
from nucfuse.masks.instances import Instances
from nucfuse.models.files.card import Card
from nucfuse.models.inference.onnx_session import Network
from nucfuse.models.inference.scale import (
    SAMPLE,
    factor_of,
    median_diameter,
    part_of,
    resampled_bands,
)
from nucfuse.models.inference.settings import Inference
from nucfuse.models.inference.tiling import WHOLE, Tiling, bands, padded
from nucfuse.models.inference.views import augmented, resized, scaled_shape
from nucfuse.models.inputs import as_seen
from nucfuse.models.unet.heads import HEADS_BY_OUTPUTS


class Runner:
    """A network with its settings: images of any size to maps of the same size."""

    def __init__(self, network: Network, settings: Inference) -> None:
        self.network, self.card, self.settings = network, network.card, settings
        self.head = HEADS_BY_OUTPUTS[self.card.outputs]
        self.resize = self.card.size if settings.resize is None else settings.resize
        self._predict = augmented(self._once, settings.positions, settings.scales)

    def bands(self, image: NDArray[np.uint8], height: int) -> Iterator[NDArray[np.float32]]:
        """Probability maps of the head in bands (C, height, W) from the top down."""
        return self.run(image, height)[0]

    def run(
        self, image: NDArray[np.uint8], height: int
    ) -> tuple[Iterator[NDArray[np.float32]], Instances | None]:
        """Give the bands, and the nuclei in them as `split_of` the card splits them, if known.

        They are known where the first pass, which measures them, was all that had to be done.
        """
        seen, nuclei = as_seen(image, self.card.input), None
        shape = image.shape[0], image.shape[1]
        side = self.resize
        if side:
            seen = resized(seen, (side, side))
            parts = iter([self._predict(seen)])
        else:
            factor, maps, nuclei = self._first_pass(seen)
            if factor != 1:
                seen = resized(seen, scaled_shape(shape, factor))
            parts = self._in_tiles(seen) if maps is None else iter([maps])
        return resampled_bands(parts, (seen.shape[0], seen.shape[1]), shape, height), nuclei

    def _first_pass(
        self, seen: NDArray[Any]
    ) -> tuple[float, NDArray[np.float32] | None, Instances | None]:
        """Find the factor for an image; its maps and nuclei if nothing is left to be done."""
        known, asked = self.card.diameter, self.settings.diameter
        if asked == "native" or known is None:
            return 1.0, None, None
        if asked != "auto":
            return factor_of(asked, known), None, None
        part = part_of(seen, SAMPLE)
        maps = self._once(part)
        nuclei = split(maps, **split_of(self.card))
        factor = factor_of(median_diameter(nuclei), known)
        if factor != 1 or part.shape != seen.shape or self._predict != self._once:
            return factor, None, None
        return factor, maps, nuclei

    def _in_tiles(self, seen: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
        tile = self.settings.tile
        if not tile or seen.shape[0] * seen.shape[1] <= WHOLE * tile**2:
            return iter([self._predict(seen)])
        return bands(self._predict, seen, Tiling.of(tile, self.card.stride))

    def _once(self, seen: NDArray[Any]) -> NDArray[np.float32]:
        """Run the network once on a piece of an image."""
        pixels = padded(seen, self.card.stride)
        if pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / np.float32(255)
        outputs = self.network.run(np.ascontiguousarray(pixels)[np.newaxis])[0]
        return self.head.to_maps(outputs[: seen.shape[0], : seen.shape[1]])


def split_of(card: Card) -> dict[str, Any]:
    """How maps of a network become nuclei: as the card says, else as its channels allow."""
    return dict(card.split) or {"method": "interior" if len(card.outputs) > 1 else "watershed"}
