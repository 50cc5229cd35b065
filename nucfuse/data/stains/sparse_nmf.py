"""Factors of a few colours that are nowhere negative, and mostly nothing of each."""

import numpy as np
from numpy.typing import NDArray


def sparse_nmf(
    values: NDArray[np.floating], start: NDArray[np.floating], penalty: float, rounds: int = 100
) -> NDArray[np.float64]:
    """Colours whose sparse mixtures the values are.

    Minimises ½‖values - amounts · colours‖² + penalty · Σ amounts over amounts ≥ 0 and colours ≥ 0
    of length at most 1, by coordinate descent: one amount of all pixels or one colour at a time,
    each step exact, so that no round makes it worse.

    Parameters
    ----------
    values : ndarray, shape (N, C)
        At least 0.
    start : ndarray, shape (K, C)
        Colours to begin with, at least 0 and none of them 0.
    penalty : float
        From 0; the larger, the more amounts are 0.
    rounds : int
        At most; it stops when no colour moves by a millionth.

    Returns
    -------
    ndarray of float64, shape (K, C)
        Colours of length 1, in the order of ``start``. One that takes no part stays as it was.

    References
    ----------
    J. Mairal et al., Online learning for matrix factorization and sparse coding, JMLR 11 (2010);
    A. Cichocki and A.-H. Phan, Fast local algorithms for large scale nonnegative matrix and tensor
    factorizations, IEICE Trans. Fundamentals E92-A (2009), doi:10.1587/transfun.E92.A.708.
    """
    wide = np.asarray(values, np.float64)
    colours: NDArray[np.float64] = np.array(start, np.float64)
    colours /= np.linalg.norm(colours, axis=1, keepdims=True)
    amounts = np.zeros((len(wide), len(colours)))
    for _ in range(rounds):
        before = colours.copy()
        _update_amounts(amounts, wide, colours, penalty)
        _update_colours(colours, wide, amounts)
        if np.abs(colours - before).max() < 1e-6:
            break
    colours /= np.linalg.norm(colours, axis=1, keepdims=True)
    return colours


def amounts_of(
    values: NDArray[np.floating], colours: NDArray[np.floating], penalty: float
) -> NDArray[np.float64]:
    """How much of each of two colours, at least 0, best makes up the values: the exact minimum.

    Parameters
    ----------
    values : ndarray, shape (N, C)
    colours : ndarray, shape (2, C)
        Of length 1, and not the same.
    penalty : float
        As for `sparse_nmf`.

    Returns
    -------
    ndarray of float64, shape (N, 2)
    """
    gain = values @ colours.T - penalty
    shared = float(colours[0] @ colours[1])
    both = (gain - shared * gain[:, ::-1]) / (1 - shared**2)
    alone = np.maximum(gain, 0)
    # If either would be negative, only one takes part: that of the larger gain, as lengths are 1.
    alone[np.arange(len(alone)), np.argmin(gain, axis=1)] = 0
    found: NDArray[np.float64] = np.where((both >= 0).all(axis=1, keepdims=True), both, alone)
    return found


def _update_amounts(
    amounts: NDArray[np.float64],
    values: NDArray[np.float64],
    colours: NDArray[np.float64],
    penalty: float,
) -> None:
    gain = values @ colours.T - penalty
    shared = colours @ colours.T
    for k in range(len(colours)):
        if shared[k, k] > 0:
            step = (gain[:, k] - amounts @ shared[k]) / shared[k, k]
            amounts[:, k] = np.maximum(amounts[:, k] + step, 0)


def _update_colours(
    colours: NDArray[np.float64], values: NDArray[np.float64], amounts: NDArray[np.float64]
) -> None:
    wanted, weights = amounts.T @ values, amounts.T @ amounts
    for k in range(len(colours)):
        if weights[k, k] > 0:
            moved = colours[k] + (wanted[k] - weights[k] @ colours) / weights[k, k]
            moved = np.maximum(moved, 0)
            if moved.any():
                colours[k] = moved / max(np.linalg.norm(moved), 1)
