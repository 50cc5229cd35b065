"""Routing: which kind of image this is, learned from images without labels.

A router is a handful of cluster centres. Each cluster can then have its own model or its own
fusion; see `routing_map`. Routers are kept as small JSON files; see `router_file`.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.routing.features import FEATURES, FeatureSet

# Where images go that are far from every cluster.
DEFAULT = "default"
# The radius of a cluster is that of its farthest image and half as much again.
_MARGIN = 1.5
_DIGITS = 4  # of centres and radii: enough, and a file of them can be read
# Of K-means. One start in ten ends in a poor split of the DSB2018 training images.
_STARTS, _ROUNDS = 20, 100


class Decision(NamedTuple):
    """Where one image goes.

    Attributes
    ----------
    cluster : str
        Name of the nearest cluster, or "default" if the image is far.
    distance : float
        To the nearest centre, in units of the features.
    is_far : bool
        Whether that is beyond the cluster's radius.
    nearest : str
        Name of the nearest cluster.
    """

    cluster: str
    distance: float
    is_far: bool
    nearest: str


@dataclass(frozen=True, slots=True, eq=False)
class Router:
    """Clusters of images, to send new images to.

    Attributes
    ----------
    features : str
        A key of `FEATURES`.
    scales : ndarray of float64, shape (F,)
        What features are divided by.
    names : tuple of str
        Of the K clusters, from the largest to the smallest.
    centres : ndarray of float64, shape (K, F)
        Mean features, not divided.
    radii : ndarray of float64, shape (K,)
        Distance, in scaled features, beyond which an image is far.
    sizes : ndarray of int64, shape (K,)
        Images each was learned from.
    """

    features: str
    scales: NDArray[np.float64]
    names: tuple[str, ...]
    centres: NDArray[np.float64]
    radii: NDArray[np.float64]
    sizes: NDArray[np.int64]

    def route(self, image: NDArray[Any]) -> Decision:
        """Find the cluster of an image.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB.

        Raises
        ------
        TypeError, ValueError
            If it is no such image.
        """
        measured = FEATURES[self.features].measure(image)
        distances = _distances(measured[np.newaxis] / self.scales, self.centres / self.scales)[0]
        nearest = int(distances.argmin())
        distance = float(distances[nearest])
        is_far = bool(distance > self.radii[nearest])
        name = self.names[nearest]
        return Decision(DEFAULT if is_far else name, distance, is_far, name)


def fit_router(
    images: Iterable[tuple[str, NDArray[Any]]],
    features: str = "polarity",
    k: int = 3,
    seed: int = 0,
) -> Router:
    """Learn clusters of images by K-means on their features.

    Parameters
    ----------
    images : iterable of (str, ndarray of uint8, shape (H, W, 3))
        Id and RGB image, looked at one at a time; the order does not matter.
    features : {"polarity", "study"}
        "study": mean hue, saturation and value, unscaled, as in the 2018 study. "polarity": kind of
        ground, colour spread and texture, whatever the hue; see `features`.
    k : int
        How many clusters.
    seed : int
        Of K-means.

    Returns
    -------
    Router
        Clusters are named by how their centres look: "fluorescence", "histology", "brightfield"; a
        second one of a look is "histology-2". A cluster reaches half as far again as its farthest
        image, and at least half the way to the next centre.

    Raises
    ------
    ValueError
        If features are unknown, or there are fewer than ``k`` images that differ.
    TypeError, ValueError
        If an image is not RGB of uint8; names its id.

    Notes
    -----
    On the 664 DSB2018 training images either kind of features gives 541 fluorescence, 107 histology
    and 16 bright-field images. Of 2,889 copies of the 107 with other hues, brighter, darker, hazy,
    yellowed and paled, "study" takes 757 for bright-field, "polarity" none (3 are far). The
    latter's units were chosen on these very images: on unseen ones expect less.
    """
    if features not in FEATURES:
        raise ValueError(f"unknown features {features!r}; there are: {', '.join(FEATURES)}")
    kind = FEATURES[features]
    points = _measured(images, kind)
    scales = np.array(kind.units)
    if not len(points):
        raise ValueError("there are no images to learn clusters from")
    try:
        centres, members = _clusters(points / scales, k, seed)
    except ValueError as problem:
        raise ValueError(f"{len(points)} images cannot be clustered: {problem}") from None
    radii = _radii(points / scales, centres, members)
    raw = np.round(centres * scales, _DIGITS)
    names = _names([kind.look(centre) for centre in raw])
    sizes = np.bincount(members, minlength=k)
    return Router(features, scales, names, raw, radii, sizes)


def _measured(images: Iterable[tuple[str, NDArray[Any]]], kind: FeatureSet) -> NDArray[np.float64]:
    """Features of all images (N, F), in ascending order, so that the images' order is forgotten."""
    rows = []
    for image_id, image in images:
        try:
            rows.append(kind.measure(image))
        except (TypeError, ValueError) as problem:
            raise type(problem)(f"image {image_id!r}: {problem}") from problem
    points = np.array(rows).reshape(-1, len(kind.names))
    return points[np.lexsort(points.T[::-1])]


def _clusters(
    points: NDArray[np.float64], k: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Centres (K, F), from the largest cluster to the smallest, and the cluster of each point (N,).

    The best of several runs of Lloyd's algorithm from starts after Arthur and Vassilvitskii,
    "k-means++", SODA 2007. Of equal clusters those with the lower coordinates come first.
    """
    from scipy.cluster.vq import kmeans2  # slow to import, and only fitting needs it

    distinct = len(np.unique(points, axis=0))
    if not 1 <= k <= distinct:
        raise ValueError(f"k must be in 1..{distinct}, the number of different points; got {k}")
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cluster may be left without points; others are better
        runs = [kmeans2(points, k, _ROUNDS, minit="++", seed=rng) for _ in range(_STARTS)]
    centres, members = min(runs, key=lambda run: ((points - run[0][run[1]]) ** 2).sum())
    order = np.lexsort((*centres.T[::-1], -np.bincount(members, minlength=k)))
    return centres[order], np.argsort(order)[members]


def _distances(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of every point (N, F) to every centre (K, F), shape (N, K)."""
    return np.sqrt(((points[:, np.newaxis] - centres) ** 2).sum(axis=2))


def _radii(
    points: NDArray[np.float64], centres: NDArray[np.float64], members: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How far each cluster reaches, shape (K,)."""
    own = np.sqrt(((points - centres[members]) ** 2).sum(axis=1))
    farthest = np.array([own[members == c].max(initial=0.0) for c in range(len(centres))])
    apart = _distances(centres, centres)
    np.fill_diagonal(apart, np.inf)
    # A few images that look all the same would else leave no room for the next one like them.
    halfway = apart.min(axis=1) / 2 if len(centres) > 1 else np.zeros(1)
    return np.round(np.maximum(_MARGIN * farthest, halfway), _DIGITS)


def _names(looks: list[str]) -> tuple[str, ...]:
    """Make names of looks that are all different: histology, histology-2 and so on."""
    counts = [looks[: i + 1].count(look) for i, look in enumerate(looks)]
    return tuple(look if n == 1 else f"{look}-{n}" for look, n in zip(looks, counts, strict=True))
