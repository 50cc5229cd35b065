"""The model that some methods put first."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.nuclei.candidates import Pool


def primary_model(pool: Pool, primary: int, method: str) -> tuple[int, NDArray[np.int32]]:
    """Number of the primary set's model in the pool, and the tier of each model: primary is 0.

    Raises
    ------
    ValueError
        If there is no such set, or it has no weight.
    """
    found = np.flatnonzero(pool.sets == primary)
    if found.size == 0:
        raise ValueError(
            f"primary must be the number of a set with weight for method {method!r} "
            f"({', '.join(map(str, pool.sets))}), got {primary}"
        )
    model = int(found[0])
    tiers = np.arange(pool.weights.size, dtype=np.int32)
    tiers[:model] += 1
    tiers[model] = 0
    return model, tiers
