"""Agreement in pixels: of the foreground, and of nuclei weighted by their area."""

from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.measures import measure


def dice(overlaps: Overlaps) -> float:
    """Dice of the foreground: twice the shared pixels over the pixels of both, in [0, 1].

    Pixels in any nucleus count once, and which nucleus it is does not matter. 1 for an image
    without nuclei on both sides, 0 for one without on one side.

    Examples
    --------
    >>> import numpy as np
    >>> from nucfuse.masks.overlap import overlaps
    >>> round(dice(overlaps(np.array([[1, 1, 0]]), np.array([[2, 0, 0]]))), 3)
    0.667
    """
    return measure(overlaps).as_dict()["dice"]


def pixel_iou(overlaps: Overlaps) -> float:
    """IoU of the foreground: pixels in both over pixels in either; conventions as in `dice`.

    Examples
    --------
    >>> import numpy as np
    >>> from nucfuse.masks.overlap import overlaps
    >>> pixel_iou(overlaps(np.array([[1, 1, 0]]), np.array([[2, 0, 0]])))
    0.5
    """
    return measure(overlaps).as_dict()["pixel_iou"]


def object_dice(overlaps: Overlaps) -> float:
    """Object-level Dice of the GlaS challenge, in [0, 1].

    Each nucleus is compared with the one of the other side that shares most pixels with it (ties
    to the smaller), by Dice, 0 if there is none. Either side is averaged with the areas as
    weights; the score is the mean of the two sides. Conventions as in `dice`.

    References
    ----------
    K. Sirinukunwattana et al., "Gland segmentation in colon histology images: the GlaS challenge
    contest", Medical Image Analysis 35, 2017, doi:10.1016/j.media.2016.08.008.

    Examples
    --------
    >>> import numpy as np
    >>> from nucfuse.masks.overlap import overlaps
    >>> object_dice(overlaps(np.array([[1, 1, 1, 0]]), np.array([[2, 0, 0, 0]])))
    0.5
    """
    return measure(overlaps).as_dict()["object_dice"]
