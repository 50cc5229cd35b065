"""Overlap removal: every pixel goes to one nucleus, and what is cut to pieces is cleaned."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.kernels import overlaps as kernels
from nucfuse.clean.kernels.pieces import connected_pieces
from nucfuse.masks.instances import Instances
from nucfuse.masks.kernels.runs import sorted_runs
from nucfuse.masks.ranking import RankBy, ranked_masks
from nucfuse.masks.rle import Runs, measured

_RUNS_OF_BAND = 50_000  # what lies in a band of columns stays in the cache
_LEAST_BAND = 64  # columns; of narrower bands too many masks lie in two

By = Literal["score", "area", "nearest"]
Then = Literal["keep", "largest", "split"]


def remove_overlaps(
    instances: Instances, by: By = "score", then: Then = "keep", min_area: int = 0
) -> Instances:
    """Give every pixel to one nucleus.

    Parameters
    ----------
    instances : Instances
        N masks that may overlap.
    by : {"score", "area", "nearest"}
        Who gets a pixel that lies in several masks:

        - "score": the most confident; no score (NaN) ranks below any.
        - "area": the largest. A speck inside a nucleus vanishes, as debris and fragments should;
          the other way round it would leave a hole in the nucleus.
        - "nearest": the one whose nearest uncontested pixel is closest (Euclidean), so that the
          border runs down the middle of the overlap. A mask without uncontested pixels loses to
          any that has one.

        Ties go to the higher score, then the larger area, then the lower index ("area": area,
        score, index).
    then : {"keep", "largest", "split"}
        What becomes of a mask that lost pixels: all that is left stays one nucleus, only its
        largest 8-connected piece does (of equal ones the first in column-major order), or each
        piece becomes a nucleus with the same score, source and class.
    min_area : int
        Nuclei that lost pixels and have fewer than this many left (after ``then``) are dropped.

    Returns
    -------
    Instances
        Disjoint masks in the order of the input; pieces of one mask follow each other. Scores,
        sources and classes are kept. Masks without pixels, before or after, are dropped. A mask
        that lost no pixel is as it was, even if it is small or in several pieces.

    Raises
    ------
    ValueError
        If ``by`` or ``then`` is none of the above, or ``min_area`` is negative.

    Notes
    -----
    Time and memory are O(R) in the number of runs, besides O(N log N) for the ranking and 2 bytes
    per 1,000 pixels of the image; "nearest" takes O(R log R), passes over the box of each contested
    mask and keeps one such box and the contested pixels in memory.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 1, 1, 0]], [[0, 1, 1, 1]]], scores=[0.2, 0.9])
    >>> remove_overlaps(x).to_labels()
    array([[1, 2, 2, 2]], dtype=int32)
    >>> remove_overlaps(x, by="nearest").to_labels()
    array([[1, 1, 2, 2]], dtype=int32)
    """
    if by not in ("score", "area", "nearest"):
        raise ValueError(f"by must be 'score', 'area' or 'nearest', got {by!r}")
    if then not in ("keep", "largest", "split"):
        raise ValueError(f"then must be 'keep', 'largest' or 'split', got {then!r}")
    if min_area < 0:
        raise ValueError(f"min_area must be 0 or more pixels, got {min_area}")
    disjoint, parents = _nearest(instances) if by == "nearest" else _ranked(instances, by)
    lost = disjoint.areas < instances.areas[parents]
    if then != "keep" and lost.any():
        disjoint, origins = _with_pieces(disjoint, lost, then)
        lost = lost[origins]
    small = lost & (disjoint.areas < min_area)
    return disjoint[~small] if small.any() else disjoint


def _ranked(instances: Instances, by: RankBy) -> tuple[Instances, NDArray[np.int64]]:
    """Return what is visible with the best rank on top, and which masks these are."""
    width = instances.shape[1]
    ranked = ranked_masks(instances.scores, instances.areas, by)
    band = max(_LEAST_BAND, width // (instances.starts.size // _RUNS_OF_BAND + 1) + 1)
    visible = kernels.visible_runs(instances.arrays, ranked, width, band)
    kept, starts, ends, offsets = kernels.runs_by_mask(*visible)
    runs = starts, (ends - starts).astype(np.int32), offsets
    return _with_runs(instances, runs, kept), kept


def _nearest(instances: Instances) -> tuple[Instances, NDArray[np.int64]]:
    """Overlaps divided in their middle, and which masks are left."""
    divided = _with_runs(instances, _nearest_runs(instances), np.arange(len(instances)))
    kept = np.flatnonzero(divided.areas)
    return divided[kept], kept


def _nearest_runs(instances: Instances) -> Runs:
    from nucfuse.clean.kernels import nearest as nearest_kernels  # for this rule only

    order = np.argsort(instances.starts, kind="stable")
    contested = nearest_kernels.contested_runs(instances.starts, instances.lengths, order)
    if contested[0].size == 0:
        return instances.runs
    parts = nearest_kernels.divided_runs(*instances.runs, *contested)
    ranked = ranked_masks(instances.scores, instances.areas)
    owners = nearest_kernels.nearest_owners(
        parts, instances.boxes, ranked, instances.shape[0], int(contested[1].sum())
    )
    return nearest_kernels.owned_runs(parts, owners)


def _with_runs(instances: Instances, runs: Runs, parents: NDArray[Any]) -> Instances:
    """Masks of other runs that inherit all else from their parents."""
    return instances.with_masks(measured(runs, instances.shape[0]), parents)


def _with_pieces(
    instances: Instances, lost: NDArray[np.bool_], then: Then
) -> tuple[Instances, NDArray[np.int64]]:
    """Masks that lost pixels as their pieces, or the largest of them; and whose each mask is."""
    height, width = instances.shape
    *segments, mask_of_piece = connected_pieces(*instances[lost].runs, height)
    runs = sorted_runs(*segments, width, height, mask_of_piece.size)
    parents = np.flatnonzero(lost)[mask_of_piece]
    pieces = _with_runs(instances, runs, parents)
    if then == "largest":
        by_area = np.lexsort((-pieces.areas, parents))
        largest = by_area[np.unique(parents[by_area], return_index=True)[1]]
        pieces, parents = pieces[largest], parents[largest]
    parents = np.concatenate([np.flatnonzero(~lost), parents])
    order = np.argsort(parents, kind="stable")
    return Instances.concatenate([instances[~lost], pieces])[order], parents[order]
