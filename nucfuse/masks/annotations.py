"""What a COCO file says of the nuclei of an image beside the masks; `metrics.coco` asks for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.instances import Instances


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """All M annotated regions of an image in the order of the file, crowds among them.

    Attributes
    ----------
    regions : Instances
    is_crowd : ndarray of bool, shape (M,)
        Whether it is a crowd region, a clump that nobody outlined, and no nucleus.
    areas : ndarray of float64, shape (M,)
        Area that the file states, in pixels; that of the mask where it states none.
    scores : ndarray of float64, shape (M,)
        Confidence as written, which `Instances` round; NaN where none is known.
    categories : ndarray of int64, shape (M,), or None
        None if an annotation of the file has none.
    has_several : bool
        Whether the file knows several categories.
    place : int
        Of the image among those of the file by their ids, from 0.
    """

    regions: Instances
    is_crowd: NDArray[np.bool_]
    areas: NDArray[np.float64]
    scores: NDArray[np.float64]
    categories: NDArray[np.int64] | None
    has_several: bool
    place: int
