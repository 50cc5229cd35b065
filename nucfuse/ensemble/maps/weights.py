"""Weights of models, and of their pixels: checks, and what they need to be resampled."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Size = tuple[int, ...]


def check_weights(weights: Iterable[float] | None, n_maps: int) -> NDArray[np.float64]:
    """One weight for each map, the largest 1; all 1 if None is given.

    Raises
    ------
    ValueError
        If their number is another, or one is negative, NaN or infinite, or all are 0.
    """
    if weights is None:
        return np.ones(n_maps)
    array = np.array([check_weight(w, f"weights[{i}]") for i, w in enumerate(weights)], np.float64)
    if array.size != n_maps:
        raise ValueError(
            f"weights must hold one number for each of {n_maps} maps, got {array.size}"
        )
    if not array.any():
        raise ValueError("weights are all 0; give at least one model a positive weight")
    return array / array.max()


def check_weight(weight: Any, name: str) -> float:
    """One weight as a float; a ValueError if it is negative, infinite or no number."""
    try:
        value = float(weight)
    except (TypeError, ValueError):
        value = np.nan
    if not 0 <= value < np.inf:
        raise ValueError(f"{name} must be a finite number of 0 or more, got {weight!r}")
    return value


def check_pixel_weights(
    planes: Iterable[ArrayLike | None] | None, sizes: Sequence[Size]
) -> list[NDArray[np.float64] | None]:
    """Check the weights of each map's pixels, float64 (H, W), or None where they are all 1.

    Raises
    ------
    ValueError
        If there is not one entry for each map, its shape is not the map's (H, W), or a weight is
        negative, NaN or infinite.
    """
    if planes is None:
        return [None] * len(sizes)
    given = list(planes)
    if len(given) != len(sizes):
        raise ValueError(
            f"pixel_weights must hold one (H, W) or None for each of {len(sizes)} maps, "
            f"got {len(given)}"
        )
    return [
        None if plane is None else check_plane(plane, size, f"pixel_weights[{i}]")
        for i, (plane, size) in enumerate(zip(given, sizes, strict=True))
    ]


def check_plane(plane: ArrayLike, size: Size, name: str) -> NDArray[np.float64]:
    """Check the weights of one map's pixels, float64 (H, W); see `check_pixel_weights`."""
    array = np.asarray(plane, np.float64)
    if array.shape != size:
        raise ValueError(f"{name} must have the shape {size} of its map, got {array.shape}")
    bad = ~((array >= 0) & (array < np.inf))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name} must be finite and 0 or more, got {array[first]:g} at {first}")
    return array


def check_some_weight(total: float | NDArray[np.float64], size: Size) -> None:
    """Raise a ValueError if the sum of the weights, one or per pixel, is 0 or too large."""
    array = np.asarray(total)
    if not np.isfinite(array).all():
        raise ValueError("weights add up to more than a float64 holds; make them smaller")
    if not array.all():
        bare = np.broadcast_to(array.reshape(-1) == 0, size[0] * size[1]).reshape(size)
        first = tuple(int(i) for i in np.argwhere(bare)[0])
        raise ValueError(
            f"no map has weight at {np.count_nonzero(bare)} of {bare.size} pixels, the first of "
            f"them {first}; give at least one map a positive weight everywhere"
        )


def resized(plane: NDArray[Any], size: Size) -> NDArray[Any]:
    """Resample a plane (H, W): by area where both sides shrink, else bilinear."""
    if plane.shape == size:
        return plane
    import cv2  # slow to load, and seldom needed

    shrinks = size[0] <= plane.shape[0] and size[1] <= plane.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    # Interpolation may leave the range by a rounding error.
    return np.clip(
        cv2.resize(plane, (size[1], size[0]), interpolation=how), plane.min(), plane.max()
    )
