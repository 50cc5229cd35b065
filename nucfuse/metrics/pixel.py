"""Agreement in pixels: of the foreground, and of nuclei weighted by their area."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.metrics.quotient import quotient


def dice(shared: ArrayLike, both: ArrayLike, n_nuclei: ArrayLike) -> NDArray[np.float64]:
    """Dice of the foreground: twice the shared pixels over the pixels of both, in [0, 1].

    Pixels in any nucleus count once, and which nucleus it is does not matter. 1 for an image
    without nuclei on both sides, 0 for one without on one side.

    Parameters
    ----------
    shared, both : array_like of int, shape (I,)
        Pixels in the foreground of both sides; pixels of either foreground, added.
    n_nuclei : array_like of int, shape (I,)
        Truths and predictions together.

    Examples
    --------
    >>> float(dice(1, 4, 2))
    0.5
    """
    return quotient(2 * np.asarray(shared), both, n_nuclei)


def pixel_iou(shared: ArrayLike, both: ArrayLike, n_nuclei: ArrayLike) -> NDArray[np.float64]:
    """IoU of the foreground: pixels in both over pixels in either; arguments as of `dice`.

    Examples
    --------
    >>> float(pixel_iou(1, 3, 2))
    0.5
    """
    return quotient(shared, np.asarray(both) - np.asarray(shared), n_nuclei)


def object_dice(
    true_dice: ArrayLike, pred_dice: ArrayLike, n_nuclei: ArrayLike
) -> NDArray[np.float64]:
    """Object-level Dice of the GlaS challenge, in [0, 1].

    Each nucleus is compared with the one of the other side that shares most pixels with it (ties
    to the smaller), by Dice, 0 if there is none. Either side is averaged with the areas as
    weights; the score is the mean of the two sides. Conventions as in `dice`.

    Parameters
    ----------
    true_dice, pred_dice : array_like of float, shape (I,)
        The average of each side.
    n_nuclei : array_like of int, shape (I,)

    References
    ----------
    K. Sirinukunwattana et al., "Gland segmentation in colon histology images: the GlaS challenge
    contest", Medical Image Analysis 35, 2017, doi:10.1016/j.media.2016.08.008.
    """
    mean = 0.5 * (np.asarray(true_dice) + np.asarray(pred_dice))
    return np.where(np.asarray(n_nuclei) == 0, 1.0, mean)
