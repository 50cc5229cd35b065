"""Probability maps of images too large to split at once: nuclei band by band."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.splitting import Method, split
from nucfuse.masks.instances import Instances


def split_bands(
    bands: Iterable[NDArray[Any]],
    shape: tuple[int, int],
    method: Method = "watershed",
    *,
    context: int = 256,
    source: str = "",
    **settings: Any,
) -> Instances:
    """Nuclei of probability maps that come in bands of rows.

    Each band is split together with the ``context`` rows above and below it, and gives the nuclei
    whose box has its centre in the band. Where a pixel is then in two nuclei, that of the upper
    band keeps it. Far from the seams the nuclei are those of `split` on the whole map, save that
    lengths in radii of the median component are taken in each band.

    Parameters
    ----------
    bands : iterable of ndarray, shape (C, h, W) or (h, W)
        Probabilities from the top down; the heights add up to the image's.
    shape : (int, int)
        H and W.
    method, source, **settings
        See `nucfuse.clean.splitting.split`.
    context : int
        Rows; at least as many as the largest nucleus is high.

    Returns
    -------
    Instances
        Disjoint, from the top down.

    Raises
    ------
    ValueError
        If the rows of all bands are not those of the image, or as `split` does.
    """
    found = _NucleiOfBands(shape, context)
    held: NDArray[Any] | None = None  # rows from `top` on
    top = begin = 0
    for band in bands:
        held = band if held is None else np.concatenate([held, band], axis=-2)
        last = top + held.shape[-2]
        if last < shape[0] and last - context - begin < max(context, 1):
            continue
        end = shape[0] if last == shape[0] else last - context
        found.add(split(held, method, source=source, **settings), top, begin, end)
        begin = end
        keep = max(begin - context, top)
        held, top = held[..., keep - top :, :], keep
    if begin != shape[0]:
        raise ValueError(f"bands must have the {shape[0]} rows of the image, got {begin}")
    return found.instances(source)


class _NucleiOfBands:
    """Nuclei so far, and the pixels that they hold around the last seam."""

    def __init__(self, shape: tuple[int, int], context: int) -> None:
        self._shape, self._context = shape, context
        self._taken = np.zeros((0, shape[1]), bool)  # rows from `_taken_top` on
        self._taken_top = 0
        self._crops: list[NDArray[np.bool_]] = []
        self._corners: list[tuple[int, int]] = []
        self._scores: list[float] = []

    def add(self, nuclei: Instances, top: int, begin: int, end: int) -> None:
        """Take the nuclei of rows from ``top`` on that have their centre in ``begin:end``."""
        taken = np.zeros(nuclei.shape, bool)
        old = self._taken[max(top - self._taken_top, 0) :][: len(taken)]
        taken[: len(old)] = old
        middle = (nuclei.boxes[:, 0] + nuclei.boxes[:, 2]) / 2 + top
        chosen = nuclei[(middle >= begin) & (middle < end)]
        crops, corners = chosen.to_crops()
        for crop, (y, x), score in zip(crops, corners.tolist(), chosen.scores, strict=True):
            there = taken[y : y + crop.shape[0], x : x + crop.shape[1]]
            own = crop & ~there
            # Most of it belongs to a nucleus above the seam: they are the same one, split twice.
            if 2 * np.count_nonzero(own) < np.count_nonzero(crop):
                continue
            there |= own
            self._crops.append(own)
            self._corners.append((y + top, x))
            self._scores.append(float(score))
        self._taken, self._taken_top = taken, top

    def instances(self, source: str) -> Instances:
        return Instances.from_crops(
            self._crops, self._corners, self._shape, scores=self._scores, source=source
        )
