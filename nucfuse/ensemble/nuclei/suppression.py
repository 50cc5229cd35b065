"""Suppression among the nuclei of several models; see `nms` for what each kind does.

The rank of a nucleus is by score x weight of its model, but the score it keeps, or that is
lowered, is its own.
"""

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.nuclei import nms
from nucfuse.ensemble.nuclei.candidates import Pool, confidence
from nucfuse.ensemble.nuclei.drafts import draft_of_survivors
from nucfuse.ensemble.nuclei.provenance import Draft


def mask_nms(pool: Pool, *, iou: float, over: str) -> Draft:
    """Greedy suppression by masks."""
    return _greedy(pool, nms.mask_suppressors(pool.masks, pool.ranks.astype(np.int64), iou, over))


def box_nms(pool: Pool, *, iou: float) -> Draft:
    """Greedy suppression by boxes."""
    return _greedy(pool, nms.box_suppressors(pool.masks, pool.order, iou))


def soft_nms(pool: Pool, *, iou: float, decay: str, sigma: float, min_score: float) -> Draft:
    """Soft suppression; what falls to ``min_score`` was suppressed by who lowered it most."""
    scores, by = nms.soft_decayed(
        nms.neighbourhood(pool.masks), confidence(pool.masks.scores), pool.weights[pool.models],
        pool.order, iou, decay, sigma, min_score,
    )  # fmt: skip
    return _lowered(pool, scores, by, min_score)


def matrix_nms(pool: Pool, *, decay: str, sigma: float, min_score: float) -> Draft:
    """Matrix suppression."""
    scores, by = nms.matrix_decayed(
        nms.neighbourhood(pool.masks), confidence(pool.masks.scores), pool.order, decay, sigma
    )
    return _lowered(pool, scores, by, min_score)


def _greedy(pool: Pool, by: NDArray[np.int32]) -> Draft:
    return draft_of_survivors(pool, by, np.zeros(by.size, bool), pool.ranks)


def _lowered(
    pool: Pool, scores: NDArray[np.float64], by: NDArray[np.int32], min_score: float
) -> Draft:
    gone = scores <= min_score
    order = np.lexsort((pool.ranks, -scores * pool.weights[pool.models]))
    ranks = np.empty(order.size, np.int32)
    ranks[order] = np.arange(order.size)
    suppressors = np.where(gone, by, -1).astype(np.int32)
    return draft_of_survivors(pool, suppressors, gone, ranks, scores.astype(np.float32))
