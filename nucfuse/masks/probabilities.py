"""Probability maps: what is accepted as one."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def check_form(probabilities: ArrayLike, name: str = "probabilities") -> NDArray[Any]:
    """Return a probability map as it is, its shape and dtype checked but not its values.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If the shape is neither (H, W) nor (C, H, W), or there are no pixels.
    """
    array = np.asarray(probabilities)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(
            f"{name} must be a map (H, W) or maps (C, H, W) of at least one pixel, got shape "
            f"{array.shape}"
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


def check_range(array: NDArray[Any], name: str = "probabilities") -> None:
    """Raise a ValueError about the first value that is NaN or outside [0, 1], if there is one."""
    # As float32, in which all is computed; NaN, which is neither below nor above, is outside.
    values = as_float32(array)
    outside = ~((values >= 0) & (values <= 1))
    if not outside.any():
        return
    first = tuple(int(i) for i in np.argwhere(outside)[0])
    value = float(array[first])
    remedy = "rescale it first"
    if not np.isfinite(value):
        remedy = "replace NaN and infinite values first"
    elif array.dtype.kind in "iu":
        remedy = f"divide by {np.iinfo(array.dtype).max} if that is its 1"
    elif (values < 0).any() and (values > 1).any():
        remedy = "apply a sigmoid first if it holds log odds"
    raise ValueError(f"{name} must lie in [0, 1], got {value:g} at {first}; {remedy}")


def as_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    """Contiguous float32, the same array where nothing has to change."""
    with np.errstate(over="ignore"):  # becomes infinite, which `check_range` reports
        return np.ascontiguousarray(array, np.float32)


def check_probabilities(
    probabilities: ArrayLike, name: str = "probabilities"
) -> NDArray[np.float32]:
    """Return a probability map as contiguous float32.

    Parameters
    ----------
    probabilities : array_like, shape (H, W) or (C, H, W)
        In [0, 1]; bool and any real dtype.
    name : str
        What the argument is called, for messages.

    Returns
    -------
    ndarray of float32
        The same array where nothing had to change.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If the shape is another, or a value is NaN, infinite or outside [0, 1].
    """
    array = check_form(probabilities, name)
    check_range(array, name)
    return as_float32(array)
