"""Probabilities to nuclei: where they are, and where one ends and the next begins."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.clean.kernels import peaks as kernels
from nucfuse.clean.kernels.watershed import flood
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.masks.probabilities import check_probabilities
from nucfuse.settings import number, read

Method = Literal["threshold", "hysteresis", "watershed", "hmaxima", "interior"]

_LARGE_SIGMA = 16  # pixels; where running means become faster than OpenCV's Gaussian


@attrs.frozen
class Threshold:
    """Settings of method "threshold", which all others have as well."""

    threshold: float = number(0.5, 0, 1, "a pixel is nucleus if its probability is above this")
    connectivity: int = number(1, 1, 2, "pixels touch by their sides (1) or also corners (2)")

    @property
    def diagonal(self) -> bool:
        """Whether pixels also touch by corners."""
        return self.connectivity == 2


@attrs.frozen
class Hysteresis(Threshold):
    """Settings of method "hysteresis"."""

    high: float = number(0.75, 0, 1, "a nucleus must rise above this somewhere")


@attrs.frozen
class _Peaks(Threshold):
    smoothing: float = number(0.2, 0, 2, "sigma of the Gaussian on the surface, in radii")
    peak_distance: float = number(0.7, 0, 5, "seeds of an object are farther apart, in radii")


@attrs.frozen
class Watershed(_Peaks):
    """Settings of method "watershed": the surface is the distance to the edge."""

    depth: float = number(0.0, 0, 2, "between seeds the surface falls by more, in radii")


@attrs.frozen
class HMaxima(_Peaks):
    """Settings of method "hmaxima": the surface is the probability."""

    height: float = number(0.05, 0, 1, "between seeds the surface falls by more than this")


@attrs.frozen
class Interior(Threshold):
    """Settings of method "interior"."""

    margin: float = number(0.0, -1, 1, "in a seed, interior exceeds border by more than this")
    seed_share: float = number(0.05, 0, 1, "smallest seed, as a share of the median seed")


SETTINGS: dict[str, type[Threshold]] = {
    "threshold": Threshold,
    "hysteresis": Hysteresis,
    "watershed": Watershed,
    "hmaxima": HMaxima,
    "interior": Interior,
}


def split_settings(method: str, given: Mapping[str, Any]) -> Threshold:
    """Read the settings of a method as somebody wrote them; the rest are defaults.

    Raises
    ------
    DataError
        A ValueError. If there is no such method, or a setting is unknown or out of range.

    Examples
    --------
    >>> split_settings("hysteresis", {"high": 0.8})
    Hysteresis(threshold=0.5, connectivity=1, high=0.8)
    """
    if not isinstance(method, str) or method not in SETTINGS:
        raise DataError(f"method must be one of {', '.join(SETTINGS)}, got {method!r}")
    return read(SETTINGS[method], given, f"splitting by {method!r}")


def split(
    probabilities: ArrayLike, method: Method = "watershed", *, source: str = "", **settings: Any
) -> Instances:
    """Nuclei of a probability map, scored by their mean probability.

    Parameters
    ----------
    probabilities, method, **settings
        See `split_labels`.
    source : str
        The model's name.

    Returns
    -------
    Instances
        Disjoint; mask ``i`` is label ``i + 1`` of `split_labels`.
    """
    chosen = split_settings(method, settings)
    maps = check_probabilities(probabilities)
    labels = _labels_of(maps, chosen)
    nucleus = maps if maps.ndim == 2 else maps[0]
    inside = labels > 0
    ids = labels[inside]
    scores = np.bincount(ids, nucleus[inside])[1:] / np.bincount(ids)[1:]
    return Instances.from_labels(labels, scores=scores, source=source)


def split_labels(
    probabilities: ArrayLike, method: Method = "watershed", **settings: Any
) -> NDArray[np.int32]:
    """Label image of a probability map.

    Parameters
    ----------
    probabilities : array_like, shape (H, W) or (C, H, W)
        In [0, 1]. Channels are nucleus, border, interior; all methods but "interior" use the first.
    method : {"threshold", "hysteresis", "watershed", "hmaxima", "interior"}
        - "threshold": connected components of the pixels above the threshold.
        - "hysteresis": those of them that somewhere rise above ``high``.
        - "watershed": components are cut between the peaks of the distance to their edge.
        - "hmaxima": components are cut between the peaks of the probability.
        - "interior": components are cut between the pieces where interior exceeds border; where
          there is no third channel, nucleus stands for interior.
    **settings
        The method's own, those of its class in `SETTINGS`. Lengths are in radii of the median
        component of the image, as a disc.

    Returns
    -------
    ndarray of int32, shape (H, W)
        0 is background, nuclei are numbered 1..N in the order of their first pixels. All pixels
        above the threshold, and only these, are in a nucleus; with "hysteresis" some are in none.

    Raises
    ------
    ValueError
        If a probability, the method, or a setting's name or value is invalid, "interior" has no
        border channel, or ``high`` is below ``threshold``.
    TypeError
        If the probabilities are no real numbers.

    Examples
    --------
    >>> split_labels([[0.9, 0.6, 0.0, 0.7]], "threshold")
    array([[1, 1, 0, 2]], dtype=int32)
    >>> split_labels([[0.9, 0.6, 0.0, 0.7]], "hysteresis", high=0.8)
    array([[1, 1, 0, 0]], dtype=int32)
    """
    chosen = split_settings(method, settings)
    return _labels_of(check_probabilities(probabilities), chosen)


def _labels_of(maps: NDArray[np.float32], settings: Threshold) -> NDArray[np.int32]:
    nucleus = maps if maps.ndim == 2 else maps[0]
    objects = _components(nucleus > settings.threshold, settings)
    if not objects.any():
        return objects
    match settings:
        case Hysteresis():
            objects = _rising(objects, nucleus, settings)
        case Interior():
            objects = _cut_by_interior(objects, maps, settings)
        case Watershed() | HMaxima():
            objects = _cut_between_peaks(objects, nucleus, settings)
    return in_order(objects)


def in_order(labels: NDArray[Any]) -> NDArray[np.int32]:
    """Renumber nuclei 1..N in the order of their first pixels, row by row."""
    flat = labels.ravel()
    first = np.full(flat.max() + 1, flat.size)
    # Of equal indices NumPy assigns the last, which in reverse is the first.
    first[flat[::-1]] = np.arange(flat.size)[::-1]
    first[0] = -1
    new = np.zeros(first.size, np.int32)
    new[np.argsort(first, kind="stable")] = np.arange(first.size)
    return new[labels]


def _components(mask: NDArray[np.bool_], settings: Threshold) -> NDArray[np.int32]:
    import cv2  # slow to load: fusing nuclei does without

    pixels = np.ascontiguousarray(mask).view(np.uint8)
    labels: NDArray[np.int32]
    _, labels = cv2.connectedComponents(pixels, connectivity=4 * settings.connectivity)
    return labels


def _rising(
    objects: NDArray[np.int32], nucleus: NDArray[np.float32], settings: Hysteresis
) -> NDArray[np.int32]:
    threshold, high = settings.threshold, settings.high
    if high < threshold:
        raise ValueError(f"high must be at least threshold ({threshold:g}), got {high:g}")
    rises = np.zeros(objects.max() + 1, np.int32)
    rises[objects[nucleus > high]] = 1
    rises[0] = 0
    return objects * rises[objects]


def _cut_by_interior(
    objects: NDArray[np.int32], maps: NDArray[np.float32], settings: Interior
) -> NDArray[np.int32]:
    if maps.ndim == 2 or len(maps) < 2:
        raise ValueError(
            f"method 'interior' needs the channels nucleus and border, got shape {maps.shape}; "
            "use another method for a single map"
        )
    interior = maps[2] if len(maps) > 2 else maps[0]
    excess = interior - maps[1]
    seeds = _components((objects > 0) & (excess > settings.margin), settings)
    areas = np.bincount(seeds.ravel())
    if areas.size > 1:
        keep = areas >= settings.seed_share * np.median(areas[1:])
        keep[0] = False
        seeds = np.where(keep[seeds], seeds, 0)
    labels = np.where(objects > 0, _every_object_seeded(seeds, objects), np.int32(-1))
    flood(-excess, labels, settings.diagonal)
    return np.maximum(labels, 0)


def _cut_between_peaks(
    objects: NDArray[np.int32], nucleus: NDArray[np.float32], settings: Watershed | HMaxima
) -> NDArray[np.int32]:
    foreground = objects > 0
    radius = float(np.sqrt(np.median(np.bincount(objects.ravel())[1:]) / np.pi))
    if isinstance(settings, Watershed):
        import cv2

        pixels = foreground.view(np.uint8)
        surface = cv2.distanceTransform(pixels, cv2.DIST_L2, cv2.DIST_MASK_5)
        surface = np.minimum(surface, sum(surface.shape))  # infinite if there is no background
        least = settings.depth * radius
    else:
        surface, least = nucleus, settings.height
    if settings.smoothing > 0:
        surface = _blurred(surface, settings.smoothing * radius)
    inside = np.flatnonzero(foreground)
    order = inside[np.argsort(-surface.ravel()[inside], kind="stable")]
    depths = kernels.peak_depths(surface.ravel(), order, surface.shape[1], settings.diagonal)
    peaks = order[depths > least]
    peaks = peaks[kernels.spaced(peaks, objects, settings.peak_distance * radius)]
    seeds = np.zeros(objects.shape, np.int32)
    seeds.ravel()[peaks] = np.arange(1, peaks.size + 1)
    return _flooded(-surface, seeds, objects, settings)


def _blurred(surface: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    import cv2

    if sigma < _LARGE_SIGMA:
        return cv2.GaussianBlur(surface, (0, 0), sigma)
    # Three running means come close to a Gaussian, in time that does not grow with its width.
    side = 2 * round(np.sqrt(4 * sigma**2 + 1) / 2) + 1
    for _ in range(3):
        surface = cv2.blur(surface, (side, side))
    return surface


def _flooded(
    surface: NDArray[np.float32],
    seeds: NDArray[np.int32],
    objects: NDArray[np.int32],
    settings: Threshold,
) -> NDArray[np.int32]:
    """Each object divided among the seeds in it; one without seeds stays whole."""
    from skimage.segmentation import watershed  # slow to import; "interior" does without

    seeds = _every_object_seeded(seeds, objects)
    labels: NDArray[np.int32] = watershed(
        surface, seeds, connectivity=settings.connectivity, mask=objects > 0
    )
    return labels


def _every_object_seeded(seeds: NDArray[np.int32], objects: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the seeds, and where an object has none, the object itself."""
    seeded = np.zeros(objects.max() + 1, bool)
    seeded[objects[seeds > 0]] = True
    return np.where(seeded[objects], seeds, objects + seeds.max()) * (objects > 0)
