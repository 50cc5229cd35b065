"""Fusion of probability maps, pixel by pixel."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal, get_args

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.kernels import maps as kernels
from nucfuse.ensemble.maps import weights as weighting
from nucfuse.ensemble.maps.streaming import (
    MeanAccumulator,
    StreamedMethod,
    accumulate,
    checked_values,
    empty_total,
    finished,
    of_shape,
)
from nucfuse.masks.probabilities import as_float32, check_form
from nucfuse.settings import number, switch

Method = Literal["mean", "geometric", "logit", "max", "min", "median", "trimmed"]


@attrs.frozen
class MapSettings:
    """What can be set in every method for maps; see `fuse_maps`."""

    resample: bool = switch(False, "whether maps of other sizes are brought to that of the first")


@attrs.frozen
class TrimmedSettings(MapSettings):
    """Of "trimmed"."""

    trim: float = number(0.25, 0, 0.5, "share of the weight that is cut from either end")


MAP_SETTINGS: dict[str, type[MapSettings]] = {
    method: TrimmedSettings if method == "trimmed" else MapSettings for method in get_args(Method)
}

_BLOCK = 65536  # pixels; where maps are converted or sorted, blocks of them stay in the L2 cache
_MEDIAN_WIDTH = 1e-9  # share of the weight that counts as the middle, to be safe from rounding
_MISSING: Any = object()

# The weight of a model: one number, or one for each pixel.
Share = float | NDArray[np.float64]
# Fuses values (n,) of each model into the last argument; returns their `kernels.largest_bits`.
Direct = Callable[[list[NDArray[np.float32]], NDArray[np.float32]], int]


def mean_maps(
    maps: Iterable[ArrayLike], weights: Iterable[float] | None = None
) -> NDArray[np.float32]:
    """Weighted mean of probability maps; `fuse_maps` with ``method="mean"``.

    Examples
    --------
    >>> mean_maps([[[0.0, 1.0]], [[0.5, 0.5]]], weights=[3, 1])
    array([[0.125, 0.875]], dtype=float32)
    """
    return fuse_maps(maps, "mean", weights)


def fuse_maps(
    maps: Iterable[ArrayLike],
    method: Method = "mean",
    weights: Iterable[float] | None = None,
    pixel_weights: Iterable[ArrayLike | None] | None = None,
    trim: float = 0.25,
    resample: bool = False,
) -> NDArray[np.float32]:
    """One probability map from those of K models of one image.

    Parameters
    ----------
    maps : iterable of K array_like, shape (H, W) or (C, H, W)
        Probabilities in [0, 1]. An iterator (say, a generator) is read one map at a time and only
        one is in memory, if the method is neither "median" nor "trimmed".
    method : {"mean", "geometric", "logit", "max", "min", "median", "trimmed"}
        - "mean": arithmetic mean.
        - "geometric": exp(mean(log p)). A single certain 0 vetoes.
        - "logit": the mean of the log odds, as a probability: the geometric mean of p : (1 - p).
          0 and 1 count as 1e-6 and 1 - 1e-6.
        - "max", "min": of the models that have weight there.
        - "median": with weights, the value that has half of the weight on either side.
        - "trimmed": the mean of what is left when the share ``trim`` of the weight is cut from
          either end of the sorted values, from parts of a model if need be: of three models with
          ``trim=0.25`` the outer two keep a quarter of their weight each, where rounding down (as
          SciPy does) would cut nothing. ``trim=0`` is the mean, ``trim=0.5`` the median.
    weights : iterable of K float, optional
        One for each model, 0 or more; equal by default.
    pixel_weights : iterable of K (array_like, shape (H, W), or None), optional
        A factor on the weight for each pixel, say less towards the edges of tiles; None is 1.
    trim : float
        From 0 to 0.5; for "trimmed" only.
    resample : bool
        Whether maps of another height or width are brought to that of the first, their pixel
        weights with them: by area where both sides shrink, else bilinear.

    Returns
    -------
    ndarray of float32, shape (H, W) or (C, H, W)
        Between the smallest and the largest value at each pixel.

    Raises
    ------
    ValueError
        If there are no maps, shapes differ, a value is NaN, infinite or outside [0, 1], the number
        of weights is not K, a weight is negative, NaN or infinite, or a pixel has no weight at
        all. The message names the model.
    TypeError
        If a map does not hold real numbers.

    Examples
    --------
    >>> fuse_maps([[[0.25, 0.75]], [[0.5, 0.75]], [[1.0, 0.0]]], "median")
    array([[0.5 , 0.75]], dtype=float32)
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    if not 0 <= trim <= 0.5:
        raise ValueError(f"trim must be a share from 0 to 0.5, got {trim!r}")
    if isinstance(maps, Iterator) and method != "median" and method != "trimmed":
        return _fuse_stream(maps, MeanAccumulator(method, resample), weights, pixel_weights)
    arrays = [check_form(one, f"maps[{i}]") for i, one in enumerate(maps)]
    if not arrays:
        raise ValueError("there are no maps to fuse; give one for each model")
    shape = arrays[0].shape
    sizes = [one.shape[-2:] for one in arrays]
    arrays = [of_shape(one, shape, f"maps[{i}]", resample) for i, one in enumerate(arrays)]
    model_weights = weighting.check_weights(weights, len(arrays))
    planes = weighting.check_pixel_weights(pixel_weights, sizes)
    shares = _shares(model_weights, planes, shape[-2:])
    return _fuse_blocks(arrays, method, shares, 0.5 if method == "median" else trim)


def _fuse_stream(
    maps: Iterator[ArrayLike],
    fused: MeanAccumulator,
    weights: Iterable[float] | None,
    pixel_weights: Iterable[ArrayLike | None] | None,
) -> NDArray[np.float32]:
    given: dict[str, Iterable[Any] | None] = {"weights": weights, "pixel_weights": pixel_weights}
    rest = {name: iter(values) for name, values in given.items() if values is not None}
    while (one := next(maps, _MISSING)) is not _MISSING:
        further = {name: next(values, _MISSING) for name, values in rest.items()}
        for name, value in further.items():
            if value is _MISSING:
                raise ValueError(f"{name} must hold one for each map, but end after {fused.count}")
        fused.add(one, further.get("weights", 1.0), further.get("pixel_weights"))
        del one  # so that the next map is not made while this one is in memory
    for name, values in rest.items():
        if next(values, _MISSING) is not _MISSING:
            raise ValueError(f"{name} must hold one for each of {fused.count} maps, got more")
    return fused.result()


def _shares(
    weights: NDArray[np.float64],
    planes: Sequence[NDArray[np.float64] | None],
    size: tuple[int, ...],
) -> list[Share]:
    shares: list[Share] = [
        float(weight) if plane is None else weight * weighting.resized(plane, size)
        for weight, plane in zip(weights, planes, strict=True)
    ]
    weighting.check_some_weight(sum(shares), size)
    return shares


def _fuse_blocks(
    arrays: list[NDArray[Any]], method: Method, shares: list[Share], trim: float
) -> NDArray[np.float32]:
    fused = np.empty(arrays[0].shape, np.float32)
    direct = _direct(method, shares)
    for index, rows in _blocks(arrays, whole=direct is not None):
        out = fused[index].reshape(-1)  # a view, as are most parts
        values = [as_float32(one[index]).reshape(-1) for one in arrays]
        if direct is not None and direct(values, out) <= kernels.BITS_OF_ONE:
            continue
        values = [
            checked_values(part, one, f"maps[{i}]")
            for i, (part, one) in enumerate(zip(values, arrays, strict=True))
        ]
        if direct is not None:
            direct(values, out)  # again, without the -0.0 that there was
            continue
        here = [share if isinstance(share, float) else share[rows].reshape(-1) for share in shares]
        if method == "median" or method == "trimmed":
            _rank_mean(values, here, trim, out)
        else:
            out[:] = _accumulated(values, here, method)
    return fused


def _blocks(arrays: list[NDArray[Any]], whole: bool) -> Iterator[tuple[Any, slice]]:
    """Index of each block of the maps, and its rows; one block if that costs no copies."""
    shape = arrays[0].shape
    if whole and all(one.dtype == np.float32 and one.flags.c_contiguous for one in arrays):
        yield ..., slice(None)
        return
    height, width = shape[-2:]
    step = max(1, _BLOCK // width)
    for channel in np.ndindex(shape[:-2]):
        for top in range(0, height, step):
            rows = slice(top, top + step)
            yield (*channel, rows), rows


def _equal(shares: list[Share]) -> bool:
    return all(isinstance(share, float) and share == shares[0] for share in shares)


def _direct(method: Method, shares: list[Share]) -> Direct | None:
    """Find a kernel that does it in one pass in registers: means and medians of up to four."""
    n = len(shares)
    scalars = [share for share in shares if isinstance(share, float)]
    if n > 4 or len(scalars) < n:
        return None
    if method == "mean" or (method == "median" and n <= 2 and _equal(shares)):
        weights = np.zeros(4)
        weights[:n] = np.array(scalars) / sum(scalars)
        return lambda values, out: kernels.mean_of_four(
            *values, *[values[0]] * (4 - n), weights, out
        )
    if method == "median" and _equal(shares):
        kernel = kernels.median_of_three if n == 3 else kernels.median_of_four
        return lambda values, out: kernel(*values, out)
    return None


def _accumulated(
    values: list[NDArray[np.float32]], shares: list[Share], method: StreamedMethod
) -> NDArray[np.float32]:
    total = empty_total(method, (1, values[0].size))
    for one, share in zip(values, shares, strict=True):
        accumulate(method, one[np.newaxis], share, total)
    return finished(method, total, sum(shares))[0]


def _rank_mean(
    values: list[NDArray[np.float32]], shares: list[Share], trim: float, out: NDArray[np.float32]
) -> None:
    taking_part = [i for i, share in enumerate(shares) if np.any(share)]
    stack = np.stack([values[i] for i in taking_part])
    shares = [shares[i] for i in taking_part]
    if _equal(shares):
        kernels.rank_mean(stack, *_ranking(len(shares), trim), out)
        return
    size = 1 if all(isinstance(share, float) for share in shares) else out.size
    weights = np.stack([np.broadcast_to(np.asarray(share), size) for share in shares])
    cut = min(trim, 0.5 - _MEDIAN_WIDTH)
    kernels.weighted_rank_mean(stack, weights, cut, 1 - cut, out)


@lru_cache
def _ranking(n: int, trim: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of rows that, put into order in turn, sort n of them, and the share of each rank.

    Batcher's odd-even merge sort, without the pairs that no rank with a share depends on.

    References
    ----------
    K. E. Batcher, "Sorting networks and their applications", AFIPS 1968,
    doi:10.1145/1468075.1468121.
    """
    ranks, cut = np.arange(n), trim * n
    if n * (1 - 2 * trim) < _MEDIAN_WIDTH:
        shares = (ranks == (n - 1) // 2) + 1.0 * (ranks == n // 2)
    else:
        shares = np.clip(np.minimum(ranks + 1, n - cut) - np.maximum(ranks, cut), 0, None)
    needed = set(np.flatnonzero(shares).tolist())
    kept = []
    for low, high in reversed(list(_odd_even_merge_sort(n))):
        if low in needed or high in needed:
            needed |= {low, high}
            kept.append((low, high))
    return np.array(kept[::-1], np.int64).reshape(-1, 2), shares / shares.sum()


def _odd_even_merge_sort(n: int) -> Iterator[tuple[int, int]]:
    merged = 1
    while merged < n:
        step = merged
        while step >= 1:
            for start in range(step % merged, n - step, 2 * step):
                for low in range(start, min(start + step, n - step)):
                    if low // (2 * merged) == (low + step) // (2 * merged):
                        yield low, low + step
            step //= 2
        merged *= 2
