"""The quotient that all scores are, with the conventions for images without nuclei."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def quotient(
    numerator: ArrayLike, denominator: ArrayLike, n_nuclei: ArrayLike
) -> NDArray[np.float64]:
    """Quotient of sums over nuclei, any shapes that broadcast.

    Where the denominator is 0, it is 1 for images without nuclei on both sides and 0 for others.

    Examples
    --------
    >>> quotient([1, 0, 0], [2, 0, 0], [5, 0, 3])
    array([0.5, 1. , 0. ])
    """
    above, below, n = np.broadcast_arrays(numerator, denominator, n_nuclei)
    return np.divide(above, below, out=np.array(n == 0, np.float64), where=below != 0)
