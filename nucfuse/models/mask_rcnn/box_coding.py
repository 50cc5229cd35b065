"""Boxes as differences from anchors (Girshick et al. 2014, https://doi.org/10.1109/CVPR.2014.81).

As in their appendix C: the shift of the centre, in heights and widths of the anchor, and the
logarithms of height and width over the anchor's. Each is divided by a standard deviation, so that
the network has numbers of order 1 to say.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nucfuse.models.arrays import Floats, Shape

# Largest logarithm of a box's side over its anchor's: beyond it exp would overflow. Detectron's.
LARGEST_LOG = float(np.log(1000 / 16))


def encode(boxes: Floats, anchors: Floats, std: Sequence[float]) -> Floats:
    """Deltas of boxes from anchors.

    Parameters
    ----------
    boxes, anchors : ndarray of float32, shape (N, 4)
        y0, x0, y1, x1 of positive height and width.
    std : sequence of 4 float
        Of y, x, log height, log width.

    Returns
    -------
    ndarray of float32, shape (N, 4)
        y, x, log height, log width.

    Raises
    ------
    ValueError
        If a box or an anchor has no height or no width.

    Examples
    --------
    >>> encode(np.float32([[2, 0, 6, 8]]), np.float32([[0, 0, 4, 8]]), (0.1, 0.1, 0.2, 0.2))
    array([[5., 0., 0., 0.]], dtype=float32)
    """
    centres, sides = _centres_and_sides(boxes)
    anchor_centres, anchor_sides = _centres_and_sides(anchors)
    for name, values in (("boxes", sides), ("anchors", anchor_sides)):
        if not (values > 0).all():
            i = int(np.flatnonzero(~(values > 0).all(axis=1))[0])
            raise ValueError(
                f"{name} must have a positive height and width; number {i} has {values[i].tolist()}"
            )
    shifts = (centres - anchor_centres) / anchor_sides
    deltas = np.concatenate([shifts, np.log(sides / anchor_sides)], axis=-1)
    return np.asarray(deltas / np.asarray(std, np.float32), np.float32)


def decode(deltas: Floats, anchors: Floats, std: Sequence[float]) -> Floats:
    """Boxes from deltas and anchors, the opposite of `encode`.

    Parameters
    ----------
    deltas, anchors : ndarray of float32, shape (N, 4)
    std : sequence of 4 float

    Returns
    -------
    ndarray of float32, shape (N, 4)
        y0, x0, y1, x1; no side is more than 62.5 times the anchor's.
    """
    centres, sides = _centres_and_sides(anchors)
    moves = deltas * np.asarray(std, np.float32)
    found = centres + moves[:, :2] * sides
    half = sides * np.exp(np.minimum(moves[:, 2:], np.float32(LARGEST_LOG))) / 2
    return np.asarray(np.concatenate([found - half, found + half], axis=-1), np.float32)


def clipped(boxes: Floats, shape: Shape) -> Floats:
    """Boxes (N, 4) cut to an image (H, W); what lies beyond an edge becomes a line on it."""
    limits = np.array([*shape, *shape], np.float32)
    return np.clip(boxes, np.float32(0), limits)


def large_enough(boxes: Floats, side: float) -> NDArray[np.bool_]:
    """Which boxes (N, 4) are at least ``side`` high and wide, (N,)."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2] >= np.float32(side)).all(axis=1))


def _centres_and_sides(boxes: Floats) -> tuple[Floats, Floats]:
    low, high = boxes[:, :2], boxes[:, 2:]
    return (low + high) / np.float32(2), high - low
