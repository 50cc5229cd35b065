"""Small boolean masks and where they lie, to and from runs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.kernels import runs as kernels
from nucfuse.masks.rle import Runs, join_runs


def crops_to_runs(
    crops: Sequence[ArrayLike], corners: Sequence[Sequence[int]], shape: tuple[int, int]
) -> Runs:
    """Column-major runs of masks (h, w) whose upper left corners lie at ``corners`` (y0, x0).

    Raises
    ------
    ValueError
        If a crop is no 2-D mask of bool or 0 and 1, or leaves the image of that shape.
    """
    if len(crops) != len(corners):
        raise ValueError(f"{len(crops)} crops need as many corners, got {len(corners)}")
    parts = []
    for i, (crop, (y0, x0)) in enumerate(zip(crops, corners, strict=True)):
        mask = _as_mask(crop, i)
        if y0 < 0 or x0 < 0 or y0 + mask.shape[0] > shape[0] or x0 + mask.shape[1] > shape[1]:
            raise ValueError(
                f"crop {i} of shape {mask.shape} at ({y0}, {x0}) leaves the image {shape}"
            )
        parts.append(kernels.mask_runs(mask, shape[0], y0, x0))
    return join_runs(parts)


def runs_to_crops(runs: Runs, boxes: NDArray[Any], height: int) -> list[NDArray[np.bool_]]:
    """Each mask cut out at its box (y0, x0, y1, x1 half-open)."""
    starts, lengths, offsets = runs
    return [
        kernels.crop(starts, lengths, offsets[i], offsets[i + 1], boxes[i], height)
        for i in range(len(boxes))
    ]


def _as_mask(crop: ArrayLike, i: int) -> NDArray[np.bool_]:
    mask = np.asarray(crop)
    if mask.ndim != 2:
        raise ValueError(f"mask {i} must be 2-D, got shape {mask.shape}")
    if mask.dtype != bool:
        if not ((mask == 0) | (mask == 1)).all():
            raise ValueError(f"mask {i} must be boolean or hold 0 and 1 only; threshold it first")
        mask = mask.astype(bool)
    return mask
