"""Which nuclei are worth keeping, by their scores and areas alone: no pixel is looked at."""

import numpy as np

from nucfuse.clean.objects import median_area
from nucfuse.clean.parameters import Parameter, resolve
from nucfuse.masks.instances import Instances

PARAMETERS = (
    Parameter("min_score", 0.0, 0, 1, "nuclei of a lower score are dropped"),
    Parameter("speck", 0, 0, np.inf, "nuclei of fewer pixels are dropped, and never the median"),
    Parameter("small", 0.0, 0, 1, "nuclei below this share of the median area are dropped"),
)


def select(instances: Instances, **parameters: float) -> Instances:
    """Drop nuclei that are improbable or much smaller than the others.

    Parameters
    ----------
    instances : Instances
    **parameters : float
        See `PARAMETERS`. The median is that of the nuclei whose score and area suffice; a nucleus
        without a score (NaN) has enough.

    Returns
    -------
    Instances
        What is left, in the old order.

    Raises
    ------
    ValueError
        If a parameter's name or value is invalid.

    Examples
    --------
    >>> x = Instances.from_masks([[[1, 0, 0]], [[0, 1, 1]]], scores=[0.9, 0.6])
    >>> select(x, min_score=0.8).scores, select(x, small=0.7).scores
    (array([0.9], dtype=float32), array([0.6], dtype=float32))
    """
    settings = resolve(PARAMETERS, parameters, "selection")
    # As float32, so that a score that was rounded to it is not below itself.
    kept = instances[~(instances.scores < np.float32(settings["min_score"]))]
    kept = kept[kept.areas >= settings["speck"]]
    return kept[kept.areas >= settings["small"] * median_area(kept.areas, settings["speck"])]
