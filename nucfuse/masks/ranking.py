"""Rank of masks, where a pixel lies in several."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

RankBy = Literal["score", "area"]


def ranked_masks(
    scores: NDArray[np.float32], areas: NDArray[np.int64], by: RankBy = "score"
) -> NDArray[np.int64]:
    """Masks from the best rank to the last, (N,).

    "score": by score (NaN ranks below any), then area, then index. "area": area, score, index.
    """
    strengths = -scores
    if by == "score":
        order = np.argsort(strengths, kind="stable")
        # Few scores are equal: one sort does instead of three, NaN comes last in it.
        if not _repeated(strengths[order]):
            return order
    unscored = np.isnan(scores)
    score = (np.where(unscored, 0, strengths), unscored)
    return np.lexsort((*score, -areas) if by == "area" else (-areas, *score))


def _repeated(ordered: NDArray[np.float32]) -> bool:
    """Whether a value occurs twice in a sorted array, NaN at its end."""
    equal = ordered[1:] == ordered[:-1]
    return bool(equal.any() or (ordered.size > 1 and np.isnan(ordered[-2])))
