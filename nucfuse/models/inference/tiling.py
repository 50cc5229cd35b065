"""A network over an image of any size: padded if it is small, in overlapping tiles if it is large.

Tiles are read, run and blended row by row, so that memory does not grow with the image's height.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.models.arrays import Floats
from nucfuse.models.inference.views import Predict

# An image up to this many tiles large runs whole: tiles would see their overlaps twice.
WHOLE = 1.5
# Half the receptive field of a U-Net with two 3 x 3 convolutions a stage, in strides, rounded up
# (measured in tests/models/inference/test_tiling.py): what is nearer to a tile's edge saw it.
MARGIN = 7
_RAMP = 2  # width of the blend between two tiles, in strides


class Span(NamedTuple):
    """Part ``start:stop`` of one axis of an image, and how much each of its pixels counts."""

    start: int
    stop: int
    weights: Floats


@dataclass(frozen=True, slots=True)
class Tiling:
    """How an image is cut into tiles.

    Attributes
    ----------
    tile : int
        Side of a tile in pixels: a multiple of the stride, at least twice the overlap.
    margin : int
        Pixels along the edge of a tile, inside the image, that do not count. From half the
        receptive field on, the result is that of the whole image.
    ramp : int
        Width of the blend of two tiles between their margins.

    Raises
    ------
    ValueError
        If tiles are smaller than twice their overlap.
    """

    tile: int
    margin: int
    ramp: int

    def __post_init__(self) -> None:
        if self.tile < 2 * self.overlap or self.ramp < 1 or self.margin < 0:
            raise ValueError(
                f"tiles must be at least {2 * self.overlap} pixels, twice their overlap, "
                f"got {self.tile}"
            )

    @property
    def overlap(self) -> int:
        """Pixels that two neighbours share."""
        return 2 * self.margin + self.ramp

    @classmethod
    def of(cls, tile: int, stride: int) -> "Tiling":
        """Tiles of at least ``tile`` pixels for a network of that stride."""
        overlap = (2 * MARGIN + _RAMP) * stride
        side = -(-max(tile, 2 * overlap) // stride) * stride
        return cls(side, MARGIN * stride, _RAMP * stride)

    def spans(self, length: int) -> list[Span]:
        """Tiles along an axis of that length; their weights sum to 1 at every pixel.

        Weights rise and fall as the square of a sine (Cui et al. 2018, arXiv:1803.02786, blend
        their patches by weights as well), and are 0 in the margins.
        """
        spans, start = [], 0
        while True:
            stop = min(start + self.tile, length)
            at = np.arange(start, stop)
            weights = np.ones(stop - start)
            if start > 0:
                weights *= self._rise(at - start)
            if stop < length:
                weights *= self._rise(stop - 1 - at)
            spans.append(Span(start, stop, weights.astype(np.float32)))
            if stop == length:
                return spans
            start += self.tile - self.overlap

    def _rise(self, depth: NDArray[np.int64]) -> NDArray[np.float64]:
        share = np.clip((depth - self.margin + 0.5) / self.ramp, 0, 1)
        rise: NDArray[np.float64] = np.sin(share * (np.pi / 2)) ** 2
        return rise


def padded(image: NDArray[Any], stride: int) -> NDArray[Any]:
    """Mirror an image (H, W, C) beyond its lower and right edge, up to a multiple of stride."""
    height, width = image.shape[:2]
    below, beside = -height % stride, -width % stride
    if not below and not beside:
        return image
    return np.pad(image, ((0, below), (0, beside), (0, 0)), mode="reflect")


def bands(predict: Predict, image: NDArray[Any], tiling: Tiling) -> Iterator[Floats]:
    """Predict maps of an image from the top to the bottom, in bands of some rows.

    Parameters
    ----------
    predict : callable
        Image (h, w, C) -> maps (K, h, w).
    image : ndarray, shape (H, W, C)
    tiling : Tiling

    Yields
    ------
    ndarray of float32, shape (K, h, W)
        The heights h add up to H. One band at a time is in memory.
    """
    rows, columns = tiling.spans(image.shape[0]), tiling.spans(image.shape[1])
    carried: Floats | None = None
    for k, row in enumerate(rows):
        band = _row_of_tiles(predict, image[row.start : row.stop], columns)
        if len(rows) > 1:
            band = band * row.weights[:, np.newaxis]
        if carried is not None:
            band[:, : carried.shape[1]] += carried
        if k + 1 == len(rows):
            yield band
            return
        ready = rows[k + 1].start - row.start
        yield band[:, :ready]
        carried = band[:, ready:]


def _row_of_tiles(predict: Predict, strip: NDArray[Any], columns: Sequence[Span]) -> Floats:
    if len(columns) == 1:
        return predict(strip)
    total = np.zeros((0, *strip.shape[:2]), np.float32)
    for column in columns:
        maps = predict(strip[:, column.start : column.stop])
        if not len(total):
            total = np.zeros((len(maps), *strip.shape[:2]), np.float32)
        total[:, :, column.start : column.stop] += maps * column.weights
    return total
