"""Pieces and holes of one mask."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def count_pieces_and_holes(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """8-connected pieces of a mask (H, W), and the holes in them, by OpenCV's contour hierarchy.

    Contours without a parent go around pieces, those with one around holes. A hole is ground that
    its 4-connected neighbours separate from what is outside of the crop.

    Examples
    --------
    >>> ring = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]], bool)
    >>> count_pieces_and_holes(ring)
    (1, 1)
    """
    padded = np.pad(mask, 1).astype(np.uint8)
    _, hierarchy = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return 0, 0
    is_hole = hierarchy[0, :, 3] >= 0
    return int((~is_hole).sum()), int(is_hole.sum())


def largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the 8-connected piece of most pixels, of equal ones the first."""
    n, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if n <= 2:
        return mask
    found: NDArray[np.bool_] = pieces == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return found


def largest_filled_piece(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Keep the 8-connected piece with the largest outline, holes filled; none of an empty mask.

    What counts is the area of the polygon through the middles of its border pixels, then their
    number; not its pixels, as for `largest_piece`.
    """
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = np.zeros(mask.shape, np.uint8)
    if outlines:
        largest = max(outlines, key=lambda outline: (cv2.contourArea(outline), len(outline)))
        cv2.drawContours(found, [largest], 0, 1, cv2.FILLED)
    return found > 0


def filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the holes of a mask, as `count_pieces_and_holes` counts them."""
    ground = np.pad(~mask, 1, constant_values=True).view(np.uint8)
    _, pieces = cv2.connectedComponents(ground, connectivity=4)
    found: NDArray[np.bool_] = pieces[1:-1, 1:-1] != pieces[0, 0]
    return found
