"""Checks of boxes, of one model or of several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.kernels.weighted_boxes import Boxes
from nucfuse.ensemble.nuclei.candidates import confidence


def checked_corners(boxes: ArrayLike, where: str = "boxes") -> NDArray[np.float64]:
    """Boxes as a C-contiguous array (N, 4).

    Raises
    ------
    ValueError
        If it has another shape, or a box is not finite or ends before it begins.
    """
    corners = np.ascontiguousarray(boxes, np.float64)
    if corners.shape[1:] != (4,):
        if corners.size:
            raise ValueError(f"{where} must have shape (N, 4), got {corners.shape}")
        return np.zeros((0, 4))
    good = (corners[:, :2] <= corners[:, 2:]).all() and np.isfinite(corners).all()
    if not good:
        each = (corners[:, :2] <= corners[:, 2:]) & np.isfinite(corners).reshape(-1, 2, 2).all(1)
        bad = int(np.flatnonzero(~each.all(axis=1))[0])
        raise ValueError(
            f"{where} must be finite corners, the lower one first; box {bad} is "
            f"{corners[bad].tolist()}"
        )
    return corners


def per_box(
    values: ArrayLike | None, n: int, default: float, name: str, where: str = "boxes"
) -> NDArray[Any]:
    """Check the values of n boxes, or take the default if none are given.

    Raises
    ------
    ValueError
        If there are not as many.
    """
    array = np.full(n, default) if values is None else np.asarray(values)
    if array.shape != (n,):
        raise ValueError(f"{where}: {n} boxes need as many {name}, got shape {array.shape}")
    return array


def joined_boxes(
    boxes: Sequence[ArrayLike],
    scores: Sequence[ArrayLike] | None,
    classes: Sequence[ArrayLike] | None,
) -> Boxes:
    """Join the boxes of all models; a score that is missing or NaN is 1.0.

    Raises
    ------
    ValueError
        If there is no model, a box is not finite or ends before it begins, numbers of boxes, scores
        and classes differ, or a score is negative or infinite.
    """
    n_models = len(boxes)
    if n_models == 0:
        raise ValueError("boxes must hold the boxes of at least one model, got none")
    for name, parts in (("scores", scores), ("classes", classes)):
        if parts is not None and len(parts) != n_models:
            raise ValueError(
                f"{name} must be given for each of the {n_models} models, got {len(parts)}"
            )
    corners, values, labels = [], [], []
    for k, part in enumerate(boxes):
        where = f"boxes of model {k}"
        own = checked_corners(part, where)
        corners.append(own)
        values.append(
            per_box(None if scores is None else scores[k], len(own), 1.0, "scores", where)
        )
        labels.append(
            per_box(None if classes is None else classes[k], len(own), 0, "classes", where)
        )
    joined = confidence(np.concatenate(values))
    if not ((joined >= 0) & (joined < np.inf)).all():
        raise ValueError("scores must be finite and not negative, for boxes are weighted by them")
    models = np.repeat(np.arange(n_models), [len(part) for part in corners])
    return Boxes(np.concatenate(corners), joined, np.concatenate(labels).astype(np.int32), models)
