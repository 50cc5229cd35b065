"""Annotations with holes or in several pieces: found, then filled, cut, or left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.instances import Instances
from nucfuse.masks.topology import count_pieces_and_holes, filled, largest_piece

Holes = Literal["fill", "exclude", "keep"]
Pieces = Literal["largest", "exclude", "keep"]


@dataclass(frozen=True, slots=True)
class CleanTruth:
    """Cleaned masks of one image, and what was done.

    Attributes
    ----------
    masks : Instances
        Those that stay, in their old order.
    excluded : Instances
        Those that were left out, as they were: nuclei all the same, so no place to learn
        background from.
    with_holes, in_pieces : ndarray of bool, shape (N,)
        What was found, for each of the masks that came.
    """

    masks: Instances
    excluded: Instances
    with_holes: NDArray[np.bool_]
    in_pieces: NDArray[np.bool_]

    def __str__(self) -> str:
        """One line of report."""
        return report([self])


def report(found: Sequence[CleanTruth]) -> str:
    """One line about the masks of some images together."""
    return (
        f"{sum(f.with_holes.size for f in found)} masks: "
        f"{sum(f.with_holes.sum() for f in found)} with holes, "
        f"{sum(f.in_pieces.sum() for f in found)} in several pieces, "
        f"{sum(len(f.excluded) for f in found)} left out"
    )


def find_flaws(masks: Instances) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which masks have holes, and which are in several (8-connected) pieces: two bool (N,)."""
    counts = [count_pieces_and_holes(crop) for crop in masks.to_crops()[0]]
    pieces, holes = np.array(counts, np.int64).reshape(-1, 2).T
    return holes > 0, pieces > 1


def clean_truth(
    masks: NDArray[Any] | Instances, holes: Holes = "fill", pieces: Pieces = "largest"
) -> CleanTruth:
    """Repair or leave out annotations that are drawn badly.

    Parameters
    ----------
    masks : ndarray of int, shape (H, W), or Instances
        True nuclei.
    holes : {"fill", "exclude", "keep"}
        What happens to masks with holes. Pixels of other masks are never filled.
    pieces : {"largest", "exclude", "keep"}
        What happens to masks in several pieces; "largest" cuts all others off.

    Returns
    -------
    CleanTruth

    Raises
    ------
    ValueError, TypeError
        If ``holes`` or ``pieces`` is another word, or ``masks`` is no label image.

    Notes
    -----
    The 2018 study left out all masks that have contours inside of contours, before it trained its
    Mask R-CNN (``holes="exclude", pieces="exclude"``): its held-out score rose from 0.291 to 0.318.
    For a network that learns every pixel that would turn nuclei into background, so repair is the
    default. Of a mask with holes in several pieces, pieces are cut first.

    Examples
    --------
    >>> ring = np.array([[1, 1, 1, 0, 2], [1, 0, 1, 0, 0], [1, 1, 1, 0, 2]])
    >>> cleaned = clean_truth(ring)
    >>> cleaned.masks.to_labels()
    array([[1, 1, 1, 0, 2],
           [1, 1, 1, 0, 0],
           [1, 1, 1, 0, 0]], dtype=int32)
    >>> print(cleaned)
    2 masks: 1 with holes, 1 in several pieces, 0 left out
    """
    for name, value, known in (("holes", holes, Holes), ("pieces", pieces, Pieces)):
        if value not in get_args(known):
            raise ValueError(f"{name} must be one of {', '.join(get_args(known))}, got {value!r}")
    nuclei = masks if isinstance(masks, Instances) else Instances.from_labels(masks)
    with_holes, in_pieces = find_flaws(nuclei)
    out = np.zeros(len(nuclei), bool)
    if holes == "exclude":
        out |= with_holes
    if pieces == "exclude":
        out |= in_pieces
    fill = with_holes & ~out & (holes == "fill")
    cut = in_pieces & ~out & (pieces == "largest")
    repaired = _repaired(nuclei, fill, cut) if fill.any() or cut.any() else nuclei
    return CleanTruth(repaired[~out], nuclei[out], with_holes, in_pieces)


def _repaired(nuclei: Instances, fill: NDArray[np.bool_], cut: NDArray[np.bool_]) -> Instances:
    """Cut the masks of ``cut`` down to their largest piece, then fill those of ``fill``."""
    crops, corners = nuclei.to_crops()
    for i in np.flatnonzero(cut):
        crops[i] = largest_piece(crops[i])
    places = corners.tolist()
    if fill.any():
        parts = Instances.from_crops(crops, places, nuclei.shape)
        taken = parts.to_labels(on_overlap="first") > 0
        # From the smallest: a ring around another one must not get what is inside of that.
        for i in sorted(np.flatnonzero(fill), key=parts.areas.__getitem__):
            (y, x), (height, width) = places[i], crops[i].shape
            here = taken[y : y + height, x : x + width]
            crops[i] = filled(crops[i]) & ~(here & ~crops[i])
            here |= crops[i]
    about = {n: getattr(nuclei, n) for n in ("scores", "sources", "source_names", "classes")}
    return replace(Instances.from_crops(crops, places, nuclei.shape), **about)
