"""The size of nuclei: measured, made as a network knows them, and maps brought back."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Shape
from nucfuse.models.inference.settings import Inference
from nucfuse.models.inference.views import resampled_maps

Found = TypeVar("Found", bound=tuple[Any, Instances])

LEAST_FACTOR, LARGEST_FACTOR = 0.25, 4.0
SAMPLE = 1024  # side of the part in which the nuclei of a large image are measured
_SPECK = 12  # pixels; smaller objects do not count


def median_diameter(nuclei: Instances) -> float | None:
    """Diameter in pixels of a disc of the median nucleus's area; None if there are no nuclei."""
    areas = nuclei.areas[nuclei.areas >= _SPECK]
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if areas.size else None


def factor_of(diameter: float | None, known: tuple[float, float] | None) -> float:
    """By how much an image is enlarged, so that its nuclei come into a known range of diameters.

    Examples
    --------
    >>> [factor_of(d, (10, 40)) for d in (5, 25, 80, 4000, None)]
    [2.0, 1.0, 0.5, 0.25, 1.0]
    """
    if diameter is None or known is None or known[0] <= diameter <= known[1]:
        return 1.0
    nearer = known[0] if diameter < known[0] else known[1]
    return float(np.clip(nearer / diameter, LEAST_FACTOR, LARGEST_FACTOR))


def first_pass(
    seen: NDArray[Any],
    known: tuple[float, float] | None,
    settings: Inference,
    find: Callable[[NDArray[Any]], Found],
) -> tuple[float, Found | None]:
    """By how much to enlarge an image, as asked for or measured by a first pass.

    Parameters
    ----------
    seen : ndarray, shape (H, W, C)
    known : (float, float) or None
        Least and largest diameter of nuclei that a network knows.
    settings : Inference
    find : callable
        Part of the image -> anything, and the nuclei in it.

    Returns
    -------
    factor : float
    found : tuple or None
        What the pass found, if nothing is left to be done.
    """
    asked = settings.diameter
    if asked == "native" or known is None:
        return 1.0, None
    if not isinstance(asked, str):
        return factor_of(asked, known), None
    part = part_of(seen, SAMPLE)
    found = find(part)
    factor = factor_of(median_diameter(found[1]), known)
    is_all = factor == 1 and part.shape == seen.shape and settings.is_plain
    return factor, found if is_all else None


def part_of(image: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    """Most varied of some parts of an image (H, W, C), for measuring nuclei.

    Of a large image, squares of that side in a grid of up to 3 x 3; a small one is taken whole.
    """
    rows, columns = (_starts(length, side) for length in image.shape[:2])
    parts = [image[y : y + side, x : x + side] for y in rows for x in columns]
    return max(parts, key=lambda part: float(part[::4, ::4].std()))


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    return sorted({0, (length - side) // 2, length - side})


def resampled_bands(
    bands: Iterable[Floats], seen: tuple[int, int], shape: Shape, height: int
) -> Iterator[Floats]:
    """Resample maps that come in bands of rows to another size by linear interpolation (order 1).

    Pixel centres are those of `resampled_maps`, and so is the result; but one band at a time is in
    memory.

    Parameters
    ----------
    bands : iterable of ndarray of float32, shape (K, h, W')
        From the top down; the heights add up to H'.
    seen, shape : (int, int)
        H', W' and the wanted H, W.
    height : int
        Of the bands that come out; the last may be lower.

    Yields
    ------
    ndarray of float32, shape (K, height, W)
    """
    source = iter(bands)
    held = next(source)  # rows from `top` on
    top = 0
    at = np.clip((np.arange(shape[0]) + 0.5) * (seen[0] / shape[0]) - 0.5, 0, seen[0] - 1)
    for begin, end in pairwise([*range(0, shape[0], height), shape[0]]):
        lower = np.floor(at[begin:end]).astype(np.int64)
        upper = np.minimum(lower + 1, seen[0] - 1)
        while top + held.shape[1] <= upper[-1]:
            done = min(max(int(lower[0]) - top, 0), held.shape[1])
            held = np.concatenate([held[:, done:], next(source)], axis=1)
            top += done
        if seen == shape:
            yield held[:, begin - top : end - top]
            continue
        share = (at[begin:end] - lower).astype(np.float32)[:, np.newaxis]
        rows = held[:, lower - top] * (1 - share) + held[:, upper - top] * share
        yield resampled_maps(rows, (end - begin, shape[1]))
