"""The aggregated Jaccard index, in the two readings that are told apart by name."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.metrics.quotient import quotient


def aji(shared: ArrayLike, united: ArrayLike, n_nuclei: ArrayLike) -> NDArray[np.float64]:
    """Compute the aggregated Jaccard index as published: a prediction may serve several truths.

    Each truth takes the prediction of the largest IoU (ties to more shared pixels, then to the
    lower label); the pixels they share are added up, and so are their unions, to which the area of
    every prediction that no truth took is added; AJI is the quotient. A truth that shares no pixel
    with any prediction adds its area to the unions.

    1 for an image without nuclei on both sides, 0 for one without on one side.

    Parameters
    ----------
    shared, united : array_like of int, shape (I,)
        The two sums, in pixels.
    n_nuclei : array_like of int, shape (I,)
        Truths and predictions together.

    References
    ----------
    N. Kumar et al., "A dataset and a technique for generalized nuclear segmentation for
    computational pathology", IEEE Trans. Med. Imaging 36, 2017, doi:10.1109/TMI.2017.2677499.

    Examples
    --------
    Two truths of 2 pixels in one prediction of 4: 2 + 2 shared of 4 + 4.

    >>> float(aji(4, 8, 3))
    0.5
    """
    return quotient(shared, united, n_nuclei)


def aji_plus(shared: ArrayLike, areas: ArrayLike, n_nuclei: ArrayLike) -> NDArray[np.float64]:
    """Compute the aggregated Jaccard index with each prediction used once.

    Truths and predictions are paired one to one so that the total IoU is the largest; of several
    such pairings the one that shares most pixels counts. The quotient is that of `aji`, where the
    areas of all unpaired truths and predictions join the unions. The optimum is exact but for
    1e-9 of total IoU, within which pixels decide.

    Parameters
    ----------
    shared : array_like of int, shape (I,)
        Pixels that the pairs share.
    areas : array_like of int, shape (I,)
        Of all truths and predictions; less what pairs share, these are the unions.
    n_nuclei : array_like of int, shape (I,)

    References
    ----------
    S. Graham et al., "HoVer-Net: simultaneous segmentation and classification of nuclei in
    multi-tissue histology images", Medical Image Analysis 58, 2019,
    doi:10.1016/j.media.2019.101563, and its code, which names it AJI+.

    Examples
    --------
    The same: only one of the truths is paired.

    >>> float(aji_plus(2, 8, 3))
    0.3333333333333333
    """
    return quotient(shared, np.asarray(areas) - np.asarray(shared), n_nuclei)
