"""Trained U-Nets as a model: one, or several whose probabilities are averaged."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.clean.bands import split_bands
from nucfuse.clean.selection import select
from nucfuse.clean.splitting import split
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Pixels
from nucfuse.models.files.card import Card
from nucfuse.models.inference.settings import Inference
from nucfuse.models.segmenter import as_rgb
from nucfuse.models.trained import TrainedSegmenter
from nucfuse.models.unet.graph import UNetGraph
from nucfuse.models.unet.runner import Runner, split_of

# Images up to this many pixels are split whole. Larger ones come in bands, as the watershed takes
# some 50 bytes a pixel.
_WHOLE = 1 << 24
_BAND = 512  # rows


class UNetSegmenter(TrainedSegmenter):
    """Finds nuclei by one or more U-Nets.

    Parameters
    ----------
    cards : sequence of Card
        Of networks; the mean of their probabilities counts.
    name, settings
        See `TrainedSegmenter`.
    split : mapping
        Method and parameters of `nucfuse.clean.splitting.split`; the first card's if empty.

    Raises
    ------
    DataError
        If there is no network, one cannot be loaded, or their maps differ in kind.
    """

    def __init__(
        self, cards: Sequence[Card], name: str, settings: Inference, split: Mapping[str, Any] = {}
    ) -> None:
        super().__init__(cards, name, settings)
        self._runners = [Runner(UNetGraph(c, settings.threads), settings) for c in cards]
        if not cards or any(r.head.maps != self._runners[0].head.maps for r in self._runners):
            raise DataError(
                f"model {name!r} needs networks that give the same maps, got "
                f"{[card.outputs for card in cards]}"
            )
        self.channels = self._runners[0].head.maps
        self.splitting = dict(split or split_of(cards[0]))

    def joining(self) -> dict[str, Any]:
        """Say how the mean of the maps is split."""
        return {"split": self.splitting}

    def find(self, rgb: Pixels) -> Instances:
        """Nuclei of one image, with their mean probability as score."""
        runner = self._runners[0]
        if len(self._runners) == 1 and self.splitting == split_of(runner.card):
            bands, nuclei = runner.run(rgb, _height(rgb.shape))
            if nuclei is not None:
                return select(nuclei.with_source(self.name), **self.cards[0].select)
            return self._nuclei(bands, rgb.shape)
        return self._nuclei(self.bands(rgb), rgb.shape)

    def find_with_maps(self, rgb: Pixels) -> tuple[Instances, NDArray[np.float16], tuple[str, ...]]:
        """Nuclei and probability maps, which are rounded to float16 first."""
        # Before they are whole: of a large image they are the largest thing in memory.
        bands = [band.astype(np.float16) for band in self.bands(rgb)]
        nuclei = self._nuclei((band.astype(np.float32) for band in bands), rgb.shape)
        maps = bands[0] if len(bands) == 1 else np.concatenate(bands, axis=1)
        return nuclei, maps, self.channels

    def probabilities(self, image: ArrayLike) -> Floats:
        """Probability maps (C, H, W) of ``channels``, float32 in [0, 1], of one image."""
        return np.concatenate(list(self.bands(as_rgb(image))), axis=1)

    def bands(self, rgb: Pixels) -> Iterator[Floats]:
        """Probability maps (C, h, W) of an RGB image from the top down; whole if it is not large.

        An image of 20,000 x 20,000 pixels needs the memory of itself, of what the network sees of
        it and of some rows.
        """
        height = _height(rgb.shape)
        for maps in zip(*(runner.bands(rgb, height) for runner in self._runners), strict=True):
            if len(maps) == 1:
                yield maps[0]
                continue
            total = np.array(maps[0])
            for further in maps[1:]:
                total += further
            total /= np.float32(len(maps))
            yield total

    def _nuclei(self, bands: Iterable[Floats], shape: Sequence[int]) -> Instances:
        """Nuclei of the probability maps that `bands` gives for an image of that shape."""
        if _is_small(shape):
            nuclei = split(next(iter(bands)), source=self.name, **self.splitting)
        else:
            size = int(shape[0]), int(shape[1])
            nuclei = split_bands(iter(bands), size, source=self.name, **self.splitting)
        return select(nuclei, **self.cards[0].select)


def _height(shape: Sequence[int]) -> int:
    """Of the bands of an image: its own if it is not large."""
    return int(shape[0]) if _is_small(shape) else _BAND


def _is_small(shape: Sequence[int]) -> bool:
    return shape[0] * shape[1] <= _WHOLE
