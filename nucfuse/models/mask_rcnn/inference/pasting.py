"""The masks of the mask head as nuclei of the image (He et al. 2017, 3.1), without N x H x W."""

import numpy as np
from numpy.typing import ArrayLike

from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Shape
from nucfuse.models.mask_rcnn.kernels import pasting as kernels


def paste(
    masks: Floats,
    boxes: ArrayLike,
    scores: ArrayLike | None,
    shape: Shape,
    threshold: float = 0.5,
    classes: ArrayLike | None = None,
) -> Instances:
    """Stretch masks to their boxes and keep the pixels above a threshold.

    Masks are interpolated linearly between the centres of their cells, and constant from the
    outermost to the edge of the box. A pixel belongs to a nucleus if its centre lies in the box and
    the mask there is above the threshold.

    Parameters
    ----------
    masks : ndarray of float, shape (N, S, S)
        Probabilities.
    boxes : array_like of float, shape (N, 4)
        y0, x0, y1, x1 in pixels of the image; they may reach beyond it.
    scores : array_like of float, shape (N,), or None
    shape : (H, W)
        Of the image.
    threshold : float
    classes : array_like of int, shape (N,)

    Returns
    -------
    Instances
        One for each mask, in order; they may overlap. One that is nowhere above the threshold, or
        holds no pixel's centre, has no pixels.

    Raises
    ------
    ValueError
        If sizes differ, or a box is not finite or ends before it begins.

    Examples
    --------
    >>> paste(np.ones((1, 28, 28), np.float32), [[1, 1, 3, 4]], [0.9], (4, 5)).to_labels()
    array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]], dtype=int32)
    """
    stack = np.ascontiguousarray(masks, np.float32)
    if stack.ndim != 3 or 0 in stack.shape[1:]:
        raise ValueError(f"masks must have shape (N, S, S), got {stack.shape}")
    corners = np.ascontiguousarray(boxes, np.float64).reshape(-1, 4)
    if len(corners) != len(stack):
        raise ValueError(f"{len(stack)} masks need as many boxes, got {len(corners)}")
    right = np.isfinite(corners).all(axis=1) & (corners[:, 2:] >= corners[:, :2]).all(axis=1)
    if not right.all():
        bad = int(np.argmin(right))
        raise ValueError(
            f"boxes must be finite corners, the lower one first; box {bad} is "
            f"{corners[bad].tolist()}"
        )
    runs = kernels.pasted_runs(stack, corners, *shape, float(threshold))
    return Instances.from_runs(shape, *runs, scores=scores, classes=classes)
