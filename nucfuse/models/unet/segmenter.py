"""Trained networks as a `Segmenter`: one, or several whose probabilities are averaged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.clean.bands import split_bands
from nucfuse.clean.selection import select
from nucfuse.clean.splitting import split
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.files.card import Card
from nucfuse.models.inference.onnx_session import Network
from nucfuse.models.inference.settings import Inference
from nucfuse.models.segmenter import as_rgb
from nucfuse.models.unet.runner import Runner, split_of

# Images up to this many pixels are split whole. Larger ones come in bands, as the watershed takes
# some 50 bytes a pixel.
_WHOLE = 1 << 24
_BAND = 512  # rows


class NetworkSegmenter:
    """Finds nuclei by one or more trained networks.

    Parameters
    ----------
    cards : sequence of Card
        Of networks; the mean of their probabilities counts.
    name : str
        What the model is called.
    settings : Inference
        How the networks are run.
    splitting : mapping, optional
        Method and parameters of `nucfuse.clean.splitting.split`; the first card's if not given.

    Raises
    ------
    DataError
        If there is no network, one cannot be loaded (see `Network`), or their maps differ in kind.
    """

    def __init__(
        self, cards: Sequence[Card], name: str, settings: Inference | None = None,
        splitting: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        if not cards or any(card.channels != cards[0].channels for card in cards):
            raise DataError(
                f"model {name!r} needs networks that give the same maps, got "
                f"{[card.outputs for card in cards]}"
            )
        self.name, self.cards = name, tuple(cards)
        self.settings = settings or Inference()
        self.splitting = dict(splitting or split_of(cards[0]))
        self.channels = cards[0].channels
        self._runners = [Runner(Network(c, self.settings.threads), self.settings) for c in cards]

    def with_settings(self, **changes: Any) -> "NetworkSegmenter":
        """The same model, run with other settings; see `Inference`."""
        settings = replace(self.settings, **changes)
        if settings == self.settings:
            return self
        return type(self)(self.cards, self.name, settings, self.splitting)

    def describe(self) -> dict[str, Any]:
        """All that the result depends on, for JSON."""
        return {
            "model": self.name,
            "cards": [card.identity for card in self.cards],
            **self.settings.to_dict(),
            "split": self.splitting,
            "select": dict(self.cards[0].select),
        }

    def predict(self, image: ArrayLike) -> Instances:
        """Nuclei of one image, with their mean probability as score.

        Parameters
        ----------
        image : array_like, shape (H, W, 3) or (H, W)
            RGB or grey; see `as_rgb` for other dtypes than uint8.

        Returns
        -------
        Instances
            Disjoint.
        """
        rgb = as_rgb(image)
        runner = self._runners[0]
        if len(self._runners) == 1 and self.splitting == split_of(runner.card):
            bands, nuclei = runner.run(rgb, _height(rgb.shape))
            if nuclei is not None:
                return select(nuclei.with_source(self.name), **self.cards[0].select)
            return self.nuclei_of(bands, rgb.shape[:2])
        return self.nuclei_of(self.bands(rgb), rgb.shape[:2])

    def probabilities(self, image: ArrayLike) -> NDArray[np.float32]:
        """Probability maps (C, H, W) of ``channels``, float32 in [0, 1], of one image."""
        return np.concatenate(list(self.bands(as_rgb(image))), axis=1)

    def bands(self, rgb: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
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

    def nuclei_of(self, bands: Iterator[NDArray[np.float32]], shape: Sequence[int]) -> Instances:
        """Nuclei of the probability maps that `bands` gives for an image of that shape."""
        if _is_small(shape):
            nuclei = split(next(bands), source=self.name, **self.splitting)
        else:
            size = int(shape[0]), int(shape[1])
            nuclei = split_bands(bands, size, source=self.name, **self.splitting)
        return select(nuclei, **self.cards[0].select)


def _height(shape: Sequence[int]) -> int:
    """Of the bands of an image: its own if it is not large."""
    return int(shape[0]) if _is_small(shape) else _BAND


def _is_small(shape: Sequence[int]) -> bool:
    return shape[0] * shape[1] <= _WHOLE
