"""Means of probability maps that come one at a time."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.kernels import maps as kernels
from nucfuse.ensemble.maps import weights as weighting
from nucfuse.masks.probabilities import as_float32, check_form, check_range

StreamedMethod = Literal["mean", "geometric", "logit", "max", "min"]

Weight = float | NDArray[np.float64]

# The logit mean is taken of 1e-6 + (1 - 2e-6) p: a model that says 0 or 1 is sure, not infinitely.
_MARGIN = 1e-6


class MeanAccumulator:
    """Fuses maps that come one after the other; keeps sums, not the maps.

    Parameters
    ----------
    method : {"mean", "geometric", "logit", "max", "min"}
        The means that need no look at all maps at once; see `pixel.fuse_maps`.
    resample : bool
        Whether maps of another height or width are brought to that of the first.

    Attributes
    ----------
    count : int
        Maps added so far.

    Notes
    -----
    Memory is 8 bytes per value, and 8 per pixel from the first map that has pixel weights.

    Examples
    --------
    >>> mean = MeanAccumulator()
    >>> for value in (0.0, 0.5, 1.0):
    ...     mean.add(np.full((1, 2), value), weight=2)
    >>> mean.result(), mean.count
    (array([[0.5, 0.5]], dtype=float32), 3)
    """

    def __init__(self, method: StreamedMethod = "mean", resample: bool = False) -> None:
        if method not in get_args(StreamedMethod):
            known = ", ".join(get_args(StreamedMethod))
            raise ValueError(f"method must be one of {known} to take maps singly, got {method!r}")
        self.method: StreamedMethod = method
        self.resample = resample
        self.count = 0
        self._shape: tuple[int, ...] = ()
        self._total = np.empty((0, 0))
        self._weight: Weight = 0.0

    def add(
        self, probabilities: ArrayLike, weight: float = 1.0, pixel_weights: ArrayLike | None = None
    ) -> None:
        """Take in the map of the next model.

        Parameters
        ----------
        probabilities : array_like, shape (H, W) or (C, H, W)
            In [0, 1].
        weight : float
            0 or more.
        pixel_weights : array_like, shape (H, W), optional
            0 or more; 1 everywhere by default.

        Raises
        ------
        ValueError, TypeError
            As `pixel.fuse_maps`; nothing is added then.
        """
        name = f"maps[{self.count}]"
        array = check_form(probabilities, name)
        shape = self._shape or array.shape
        share: Weight = weighting.check_weight(weight, f"weights[{self.count}]")
        if pixel_weights is not None:
            plane = weighting.check_plane(
                pixel_weights, array.shape[-2:], f"pixel_weights[{self.count}]"
            )
            share = share * weighting.resized(plane, shape[-2:]).reshape(-1)
        array = of_shape(array, shape, name, self.resample)
        values = checked_values(array, array, name).reshape(-1, shape[-2] * shape[-1])
        if not self.count:
            self._shape, self._total = shape, empty_total(self.method, values.shape)
        accumulate(self.method, values, share, self._total)
        self._weight = self._weight + share
        self.count += 1

    def result(self) -> NDArray[np.float32]:
        """Return the fused map; more may be added afterwards.

        Raises
        ------
        ValueError
            If no map was added, or none has weight at some pixel.
        """
        if not self.count:
            raise ValueError("there are no maps to fuse; add one for each model")
        weighting.check_some_weight(self._weight, self._shape[-2:])
        return finished(self.method, self._total, self._weight).reshape(self._shape)


def of_shape(
    array: NDArray[Any], shape: tuple[int, ...], name: str, resample: bool
) -> NDArray[Any]:
    """Bring a map to the shape of the first, if that was asked."""
    if array.shape == shape:
        return array
    if not resample or array.shape[:-2] != shape[:-2]:
        remedy = "the number of channels must agree" if resample else "resample=True brings all to"
        remedy += "" if resample else " the first's height and width"
        raise ValueError(f"{name} has the shape {array.shape}, the first map {shape}; {remedy}")
    check_range(array, name)  # interpolation would spread or hide what is wrong
    planes = as_float32(array).reshape(-1, *array.shape[-2:])
    return np.stack([weighting.resized(one, shape[-2:]) for one in planes]).reshape(shape)


def checked_values(part: NDArray[Any], array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Take a part of a map as float32 (n,), in [0, 1] or else a ValueError about the map."""
    values = as_float32(part).reshape(-1)
    if kernels.largest_bits(values) <= kernels.BITS_OF_ONE:
        return values
    check_range(array, name)
    return np.clip(values, 0, 1) + np.float32(0)  # it held -0.0, which becomes 0.0


def empty_total(method: StreamedMethod, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Make what `accumulate` starts from."""
    return np.full(shape, {"max": -np.inf, "min": np.inf}.get(method, 0.0))


def accumulate(
    method: StreamedMethod,
    values: NDArray[np.float32],
    weight: Weight,
    total: NDArray[np.float64],
) -> None:
    """Add one map, (C, n), to the total in place; the weight is one number or (n,)."""
    takes_part = np.greater(weight, 0)
    if method in ("max", "min"):
        extreme = np.maximum if method == "max" else np.minimum
        extreme(total, values, out=total, where=takes_part)
    elif np.ndim(weight):
        # Not everywhere: 0 times log(0) would be NaN.
        terms = _forward(method, values)
        total += np.multiply(weight, terms, out=np.zeros(terms.shape), where=takes_part)
    elif takes_part:
        kernels.add(_forward(method, values).reshape(-1), np.float64(weight), total.reshape(-1))


def finished(
    method: StreamedMethod, total: NDArray[np.float64], weight: Weight
) -> NDArray[np.float32]:
    """Make the fused map (C, n) of the total and the sum of the weights."""
    if method in ("max", "min"):
        return total.astype(np.float32)
    mean = total / weight
    if method == "geometric":
        mean = np.exp(mean)
    elif method == "logit":
        mean = (1 / (1 + np.exp(-mean)) - _MARGIN) / (1 - 2 * _MARGIN)
    return np.clip(mean, 0, 1).astype(np.float32)


def _forward(method: StreamedMethod, values: NDArray[np.float32]) -> NDArray[Any]:
    """Turn values into what is added up: themselves, their logarithms, or their log odds."""
    if method == "geometric":
        with np.errstate(divide="ignore"):
            return np.log(values, dtype=np.float64)
    if method == "logit":
        inner = _MARGIN + (1 - 2 * _MARGIN) * values.astype(np.float64)
        return np.log(inner / (1 - inner))
    return values
