"""Fall-back: one model taken whole, the others only where it found nothing."""

import numpy as np

from nucfuse.ensemble.kernels.mask_nms import suppress_masks
from nucfuse.ensemble.nuclei.candidates import Pool
from nucfuse.ensemble.nuclei.drafts import draft_of_survivors
from nucfuse.ensemble.nuclei.primary import primary_model
from nucfuse.ensemble.nuclei.provenance import Draft


def fallback(pool: Pool, *, primary: int, overlap: float) -> Draft:
    """All nuclei of the primary set, and those of the next sets that it missed.

    The other sets follow in the order they were given. A nucleus of theirs is added unless it and a
    nucleus of a set before it share more than ``overlap`` of the smaller of the two. Where it still
    overlaps such a nucleus it is cut, if results are to be disjoint: a nucleus of the primary set
    is never edited (unless two of its own overlap each other). Scores and weights do not matter,
    but within one set.
    """
    tiers = primary_model(pool, primary, "fallback")[1][pool.models]
    order = np.lexsort((pool.ranks, tiers))
    ranks = np.empty(order.size, np.int64)
    ranks[order] = np.arange(order.size)
    masks = pool.masks
    by = suppress_masks(
        (*masks.runs, masks.boxes, masks.areas, masks.shape[0]), pool.models, pool.classes, ranks,
        overlap, True, False,
    )  # fmt: skip
    own_ranks = ranks.astype(np.int32)
    return draft_of_survivors(pool, by, np.zeros(by.size, bool), own_ranks, tiers=tiers)
