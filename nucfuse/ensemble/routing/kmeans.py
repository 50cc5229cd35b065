"""K-means: small, seeded, the same on every machine and with every version of a library."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

# One start in ten ends in a poor split of the DSB2018 training images.
_RESTARTS = 20
_ROUNDS = 300


def kmeans(points: Points, k: int, seed: int = 0) -> tuple[Points, NDArray[np.int64]]:
    """Split points into k clusters so that squared distances to their means are small.

    Parameters
    ----------
    points : ndarray of float64, shape (N, F)
        At least ``k`` different ones.
    k : int
        At least 1.
    seed : int
        Of the random starts.

    Returns
    -------
    centres : ndarray of float64, shape (k, F)
        From the largest cluster to the smallest, of equal ones in ascending order of coordinates.
    members : ndarray of int64, shape (N,)
        Cluster of each point.

    Raises
    ------
    ValueError
        If there are fewer than ``k`` different points.

    Notes
    -----
    The best of 20 runs of Lloyd's algorithm, each from a start after Arthur and Vassilvitskii,
    "k-means++", SODA 2007: the next centre is a point drawn with a probability that grows with its
    squared distance to the nearest one so far. Time is O(N k) per round.

    Examples
    --------
    >>> kmeans(np.array([[0.0], [1.0], [9.0]]), 2)
    (array([[0.5], [9. ]]), array([0, 0, 1]))
    """
    distinct = len(np.unique(points, axis=0))
    if not 1 <= k <= distinct:
        raise ValueError(f"k must be in 1..{distinct}, the number of different points; got {k}")
    rng = np.random.default_rng(seed)
    runs = [_one_run(points, k, rng) for _ in range(_RESTARTS)]
    _, centres, members = min(runs, key=lambda run: run[0])
    sizes = np.bincount(members, minlength=k)
    order = np.lexsort((*centres.T[::-1], -sizes))
    return centres[order], np.argsort(order)[members]


def squared_distances(points: Points, centres: Points) -> Points:
    """Of every point (N, F) to every centre (k, F); shape (N, k)."""
    columns = [((points - centre) ** 2).sum(axis=1) for centre in centres]
    return np.stack(columns, axis=1)


def _one_run(
    points: Points, k: int, rng: np.random.Generator
) -> tuple[float, Points, NDArray[np.int64]]:
    """Sum of squared distances, centres, cluster of each point."""
    centres = _start(points, k, rng)
    for _ in range(_ROUNDS):
        members = squared_distances(points, centres).argmin(axis=1)
        moved = centres.copy()
        for c in np.unique(members):  # one without points stays where it is
            moved[c] = points[members == c].mean(axis=0)
        if np.array_equal(moved, centres):
            break
        centres = moved
    distances = squared_distances(points, centres)
    return float(distances.min(axis=1).sum()), centres, distances.argmin(axis=1)


def _start(points: Points, k: int, rng: np.random.Generator) -> Points:
    centres = points[rng.integers(len(points), size=1)]
    while len(centres) < k:
        nearest = squared_distances(points, centres).min(axis=1)
        drawn = rng.choice(len(points), p=nearest / nearest.sum())
        centres = np.concatenate([centres, points[drawn : drawn + 1]])
    return centres
