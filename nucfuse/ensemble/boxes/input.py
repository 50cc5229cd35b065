"""Checks of boxes, of one model or of several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.ensemble.kernels.box_nms import first_bad_box, weights_from
from nucfuse.ensemble.nuclei.candidates import confidence

_NO_SCORES, _NO_CLASSES = np.zeros(0), np.zeros(0, np.int32)


def checked_boxes(
    boxes: ArrayLike, scores: ArrayLike | None, classes: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]:
    """Boxes (N, 4), scores (N,) without NaN and classes (N,) as arrays.

    Raises
    ------
    ValueError
        If a box is not finite or ends before it begins, or sizes differ.
    """
    corners, values, labels = box_arrays(boxes, scores, classes)
    bad = first_bad_box(corners)
    if bad >= 0:
        raise box_error(corners, bad, "boxes", bad)
    n = len(corners)
    values = np.ones(n) if scores is None else confidence(values)
    return corners, values, np.zeros(n, np.int32) if classes is None else labels


def box_arrays(
    boxes: ArrayLike, scores: ArrayLike | None, classes: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]:
    """As `checked_boxes`, but only sizes are checked: NaN stays, and None is no entries."""
    corners = _corners(boxes, "boxes")
    n, values, labels = len(corners), _NO_SCORES, _NO_CLASSES
    if scores is not None:
        values = np.ascontiguousarray(_per_box(scores, n, "scores", "boxes"), np.float64)
    if classes is not None:
        labels = np.ascontiguousarray(_per_box(classes, n, "classes", "boxes"), np.int32)
    return corners, values, labels


def image_numbers(images: ArrayLike, n: int) -> NDArray[np.int64]:
    """The image of each box.

    Raises
    ------
    ValueError
        If there are not as many, or they are not whole numbers.
    """
    given = _per_box(images, n, "images", "boxes")
    if n and given.dtype.kind not in "iu":
        raise ValueError(f"images must be whole numbers, one for each box, got {given.dtype}")
    return np.ascontiguousarray(given, np.int64)


def _corners(boxes: ArrayLike, where: str) -> NDArray[np.float64]:
    corners = np.ascontiguousarray(boxes, np.float64)
    if corners.shape[1:] != (4,):
        if corners.size:
            raise ValueError(f"{where} must have shape (N, 4), got {corners.shape}")
        return np.zeros((0, 4))
    return corners


def _per_box(values: ArrayLike, n: int, name: str, where: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (n,):
        raise ValueError(f"{where}: {n} boxes need as many {name}, got shape {array.shape}")
    return array


def box_error(corners: NDArray[np.float64], bad: int, where: str, place: int) -> ValueError:
    """What to raise for box ``bad`` of all, box ``place`` of its set."""
    return ValueError(
        f"{where} must be finite corners, the lower one first; box {place} is "
        f"{corners[bad].tolist()}"
    )


def joined_boxes(
    boxes: Sequence[ArrayLike],
    scores: Sequence[ArrayLike] | None,
    classes: Sequence[ArrayLike] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32], NDArray[np.int64]]:
    """Boxes, scores, classes and model of all boxes; see `checked_boxes`."""
    n_models = len(boxes)
    if n_models == 0:
        raise ValueError("boxes must hold the boxes of at least one model, got none")
    parts = [_corners(b, f"boxes of model {k}") for k, b in enumerate(boxes)]
    sizes = [len(part) for part in parts]
    corners = np.concatenate(parts)
    models = np.repeat(np.arange(n_models), sizes)
    bad = first_bad_box(corners)
    if bad >= 0:
        k = int(models[bad])
        raise box_error(corners, bad, f"boxes of model {k}", bad - sum(sizes[:k]))
    if scores is None:
        values = np.ones(len(corners))
    else:
        given = np.ascontiguousarray(_joined_values(scores, sizes, "scores"), np.float64)
        values, good = weights_from(given)
        if not good:
            raise ValueError(
                "scores must be finite and not negative, for boxes are weighted by them"
            )
    if classes is None:
        labels = np.zeros(len(corners), np.int32)
    else:
        labels = _joined_values(classes, sizes, "classes").astype(np.int32)
    return corners, values, labels, models


def _joined_values(parts: Sequence[ArrayLike], sizes: list[int], name: str) -> NDArray[Any]:
    if len(parts) != len(sizes):
        raise ValueError(
            f"{name} must be given for each of the {len(sizes)} models, got {len(parts)}"
        )
    arrays = [np.asarray(part) for part in parts]
    for k, (array, n) in enumerate(zip(arrays, sizes, strict=True)):
        if array.shape != (n,):
            _per_box(array, n, name, f"boxes of model {k}")
    return np.concatenate(arrays)
