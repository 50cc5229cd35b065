"""Fall-back: one model taken whole, the others only where it found nothing."""

import numpy as np

from nucfuse.ensemble.kernels.mask_nms import suppress_masks
from nucfuse.ensemble.nuclei.candidates import Candidates, inverse
from nucfuse.ensemble.nuclei.parameters import Fallback
from nucfuse.ensemble.nuclei.provenance import MethodResult
from nucfuse.ensemble.nuclei.results import result_of_survivors


def fallback(candidates: Candidates, settings: Fallback) -> MethodResult:
    """All nuclei of the primary set, and those of the next sets that it missed.

    The other sets follow in the order they were given. A nucleus of theirs is added unless it and a
    nucleus of a set before it share more than ``overlap`` of the smaller of the two. Where it still
    overlaps such a nucleus it is cut, if results are to be disjoint: a nucleus of the primary set
    is never edited (unless two of its own overlap each other). Scores and weights do not matter,
    but within one set.
    """
    model = candidates.primary_model(settings.primary)
    tier_of_model = np.arange(candidates.weights.size, dtype=np.int32)
    tier_of_model[:model] += 1
    tier_of_model[model] = 0
    tiers = tier_of_model[candidates.models]
    ranks = inverse(np.lexsort((candidates.ranks, tiers)))
    by = suppress_masks(
        candidates.masks.arrays,
        candidates.models,
        candidates.classes,
        -ranks.astype(np.float64),
        settings.overlap,
        True,
    )
    return result_of_survivors(candidates, by, ranks, tiers=tiers)
