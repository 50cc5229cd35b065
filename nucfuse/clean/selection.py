"""Which nuclei are worth keeping, by their scores and areas alone: no pixel is looked at."""

from typing import Any

import attrs
import numpy as np

from nucfuse.clean.objects import median_area
from nucfuse.masks.instances import Instances
from nucfuse.settings import number, read


@attrs.frozen
class Selection:
    """Settings of `select`."""

    min_score: float = number(0.0, 0, 1, "nuclei of a lower score are dropped")
    speck: int = number(0, 0, what="nuclei of fewer pixels are dropped, and never the median")
    small: float = number(0.0, 0, 1, "nuclei below this share of the median area are dropped")


def select(instances: Instances, **settings: Any) -> Instances:
    """Drop nuclei that are improbable or much smaller than the others.

    Parameters
    ----------
    instances : Instances
    **settings
        Those of `Selection`. The median is that of the nuclei whose score and area suffice; a
        nucleus without a score (NaN) has enough.

    Returns
    -------
    Instances
        What is left, in the old order.

    Raises
    ------
    ValueError
        If a setting is unknown or out of range.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 0, 0]], [[0, 1, 1]]], scores=[0.9, 0.6])
    >>> select(x, min_score=0.8).scores, select(x, small=0.7).scores
    (array([0.9], dtype=float32), array([0.6], dtype=float32))
    """
    rules = read(Selection, settings, "selection")
    # As float32, so that a score that was rounded to it is not below itself.
    kept = instances[~(instances.scores < np.float32(rules.min_score))]
    kept = kept[kept.areas >= rules.speck]
    return kept[kept.areas >= rules.small * median_area(kept.areas, rules.speck)]
