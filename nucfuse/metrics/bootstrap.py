"""Confidence intervals: what the score would be on other images of the kind."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
# Weights of so many images at a time are in memory (32 MB).
_CHUNK = 4_000_000


def resamplings(n: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each of n images comes in each resampling, in chunks of float64 (b, n).

    Images are drawn with replacement, n at a time; the same seed gives the same draws.

    Examples
    --------
    >>> [chunk.sum(axis=1) for chunk in resamplings(5, 3, seed=0)]
    [array([5., 5., 5.])]
    """
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // max(1, n))
    for begin in range(0, resamples, rows):
        b = min(rows, resamples - begin)
        drawn = rng.integers(0, n, (b, n)) + n * np.arange(b)[:, np.newaxis]
        yield np.bincount(drawn.ravel(), minlength=b * n).reshape(b, n).astype(np.float64)


def interval(
    values: NDArray[np.float64], level: float = LEVEL
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile interval of resampled numbers, (B, K) -> (K,), (K,).

    Draws in which a number is undefined (NaN) are left out; NaN if it is so in all of them.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1, or there are no draws.
    """
    if not 0 < level < 1 or values.shape[0] == 0:
        raise ValueError(
            f"an interval needs a level between 0 and 1 and draws, got {level} and {len(values)}"
        )
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    some = ~np.isnan(values).all(axis=0)
    if some.any():
        tails = [(1 - level) / 2, (1 + level) / 2]
        low[some], high[some] = np.nanquantile(values[:, some], tails, axis=0)
    return low, high
