"""Probabilities to nuclei: where they are, and where one ends and the next begins."""

from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.clean.kernels import peaks as kernels
from nucfuse.clean.kernels.watershed import flood
from nucfuse.clean.parameters import Parameter, resolve
from nucfuse.masks.instances import Instances
from nucfuse.masks.probabilities import check_probabilities

Method = Literal["threshold", "hysteresis", "watershed", "hmaxima", "interior"]
Settings = dict[str, Any]

_LARGE_SIGMA = 16  # pixels; where running means become faster than OpenCV's Gaussian

PARAMETERS = (
    Parameter("threshold", 0.5, 0, 1, "a pixel is nucleus if its probability is above this"),
    Parameter("connectivity", 1, 1, 2, "pixels touch by their sides (1) or also corners (2)"),
    Parameter("high", 0.75, 0, 1, "hysteresis: a nucleus must rise above this somewhere"),
    Parameter(
        "smoothing", 0.2, 0, 2,
        "watershed, hmaxima: sigma of the Gaussian on distances or probabilities, in radii",
    ),
    Parameter(
        "peak_distance", 0.7, 0, 5,
        "watershed, hmaxima: seeds of one object are farther apart than this, in radii",
    ),
    Parameter(
        "depth", 0.0, 0, 2,
        "watershed: between seeds the distance to the edge falls by more than this, in radii",
    ),
    Parameter(
        "height", 0.05, 0, 1, "hmaxima: between seeds the probability falls by more than this"
    ),
    Parameter(
        "margin", 0.0, -1, 1, "interior: in a seed, interior exceeds border by more than this"
    ),
    Parameter("seed_share", 0.05, 0, 1, "interior: smallest seed, as a share of the median seed"),
)  # fmt: skip

_USED_BY: dict[str, tuple[str, ...]] = {
    "threshold": ("threshold", "connectivity"),
    "hysteresis": ("threshold", "connectivity", "high"),
    "watershed": ("threshold", "connectivity", "smoothing", "peak_distance", "depth"),
    "hmaxima": ("threshold", "connectivity", "smoothing", "peak_distance", "height"),
    "interior": ("threshold", "connectivity", "margin", "seed_share"),
}


def parameters_of(method: Method) -> tuple[Parameter, ...]:
    """The parameters that a method has, with their ranges and defaults.

    Raises
    ------
    ValueError
        If there is no such method.

    Examples
    --------
    >>> [parameter.name for parameter in parameters_of("threshold")]
    ['threshold', 'connectivity']
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    return tuple(p for p in PARAMETERS if p.name in _USED_BY[method])


def split(
    probabilities: ArrayLike, method: Method = "watershed", *, source: str = "",
    **parameters: float,
) -> Instances:  # fmt: skip
    """Nuclei of a probability map, scored by their mean probability.

    Parameters
    ----------
    probabilities, method, **parameters
        See `split_labels`.
    source : str
        The model's name.

    Returns
    -------
    Instances
        Disjoint; mask ``i`` is label ``i + 1`` of `split_labels`.
    """
    settings = resolve(parameters_of(method), parameters, f"splitting by {method!r}")
    maps = check_probabilities(probabilities)
    labels = _labels_of(maps, method, settings)
    nucleus = maps if maps.ndim == 2 else maps[0]
    inside = labels > 0
    ids = labels[inside]
    scores = np.bincount(ids, nucleus[inside])[1:] / np.bincount(ids)[1:]
    return Instances.from_labels(labels, scores=scores, source=source)


def split_labels(
    probabilities: ArrayLike, method: Method = "watershed", **parameters: float
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
    **parameters : float
        See `PARAMETERS` for names, defaults and ranges, `parameters_of` for a method's own. Lengths
        are in radii of the median component of the image, as a disc.

    Returns
    -------
    ndarray of int32, shape (H, W)
        0 is background, nuclei are numbered 1..N in the order of their first pixels. All pixels
        above the threshold, and only these, are in a nucleus; with "hysteresis" some are in none.

    Raises
    ------
    ValueError
        If a probability, the method, or a parameter's name or value is invalid, "interior" has no
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
    settings = resolve(parameters_of(method), parameters, f"splitting by {method!r}")
    return _labels_of(check_probabilities(probabilities), method, settings)


def _labels_of(maps: NDArray[np.float32], method: Method, settings: Settings) -> NDArray[np.int32]:
    nucleus = maps if maps.ndim == 2 else maps[0]
    objects = _components(nucleus > settings["threshold"], settings["connectivity"])
    if method == "threshold" or not objects.any():
        labels = objects
    elif method == "hysteresis":
        labels = _rising(objects, nucleus, settings)
    elif method == "interior":
        labels = _cut_by_interior(objects, maps, settings)
    else:
        labels = _cut_between_peaks(objects, nucleus, method, settings)
    return in_order(labels)


def in_order(labels: NDArray[Any]) -> NDArray[np.int32]:
    """The same nuclei numbered 1..N in the order of their first pixels, row by row."""
    flat = labels.ravel()
    first = np.full(flat.max() + 1, flat.size)
    # Of equal indices NumPy assigns the last, which in reverse is the first.
    first[flat[::-1]] = np.arange(flat.size)[::-1]
    first[0] = -1
    new = np.zeros(first.size, np.int32)
    new[np.argsort(first, kind="stable")] = np.arange(first.size)
    return new[labels]


def _components(mask: NDArray[np.bool_], connectivity: Any) -> NDArray[np.int32]:
    pixels = np.ascontiguousarray(mask).view(np.uint8)
    labels: NDArray[np.int32] = cv2.connectedComponents(pixels, connectivity=4 * connectivity)[1]
    return labels


def _rising(
    objects: NDArray[np.int32], nucleus: NDArray[np.float32], settings: Settings
) -> NDArray[np.int32]:
    threshold, high = settings["threshold"], settings["high"]
    if high < threshold:
        raise ValueError(f"high must be at least threshold ({threshold:g}), got {high:g}")
    rises = np.zeros(objects.max() + 1, np.int32)
    rises[objects[nucleus > high]] = 1
    rises[0] = 0
    return objects * rises[objects]


def _cut_by_interior(
    objects: NDArray[np.int32], maps: NDArray[np.float32], settings: Settings
) -> NDArray[np.int32]:
    if maps.ndim == 2 or len(maps) < 2:
        raise ValueError(
            f"method 'interior' needs the channels nucleus and border, got shape {maps.shape}; "
            "use another method for a single map"
        )
    interior = maps[2] if len(maps) > 2 else maps[0]
    excess = interior - maps[1]
    seeds = _components((objects > 0) & (excess > settings["margin"]), settings["connectivity"])
    areas = np.bincount(seeds.ravel())
    if areas.size > 1:
        keep = areas >= settings["seed_share"] * np.median(areas[1:])
        keep[0] = False
        seeds = np.where(keep[seeds], seeds, 0)
    labels = np.where(objects > 0, _every_object_seeded(seeds, objects), np.int32(-1))
    flood(-excess, labels, settings["connectivity"] == 2)
    return np.maximum(labels, 0)


def _cut_between_peaks(
    objects: NDArray[np.int32], nucleus: NDArray[np.float32], method: Method, settings: Settings
) -> NDArray[np.int32]:
    foreground = objects > 0
    radius = float(np.sqrt(np.median(np.bincount(objects.ravel())[1:]) / np.pi))
    if method == "watershed":
        pixels = foreground.view(np.uint8)
        surface = cv2.distanceTransform(pixels, cv2.DIST_L2, cv2.DIST_MASK_5)
        surface = np.minimum(surface, sum(surface.shape))  # infinite if there is no background
        least = settings["depth"] * radius
    else:
        surface, least = nucleus, settings["height"]
    if settings["smoothing"] > 0:
        surface = _blurred(surface, settings["smoothing"] * radius)
    inside = np.flatnonzero(foreground)
    order = inside[np.argsort(-surface.ravel()[inside], kind="stable")]
    diagonal = settings["connectivity"] == 2
    depths = kernels.peak_depths(surface.ravel(), order, surface.shape[1], diagonal)
    peaks = order[depths > least]
    peaks = peaks[kernels.spaced(peaks, objects, settings["peak_distance"] * radius)]
    seeds = np.zeros(objects.shape, np.int32)
    seeds.ravel()[peaks] = np.arange(1, peaks.size + 1)
    return _flooded(-surface, seeds, objects, settings)


def _blurred(surface: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    if sigma < _LARGE_SIGMA:
        return cv2.GaussianBlur(surface, (0, 0), sigma)
    # Three running means come close to a Gaussian, in time that does not grow with its width.
    side = 2 * round(np.sqrt(4 * sigma**2 + 1) / 2) + 1
    for _ in range(3):
        surface = cv2.blur(surface, (side, side))
    return surface


def _flooded(
    surface: NDArray[np.float32], seeds: NDArray[np.int32], objects: NDArray[np.int32],
    settings: Settings,
) -> NDArray[np.int32]:  # fmt: skip
    """Each object divided among the seeds in it; one without seeds stays whole."""
    from skimage.segmentation import watershed  # slow to import; "interior" does without

    labels: NDArray[np.int32] = watershed(
        surface, _every_object_seeded(seeds, objects), connectivity=settings["connectivity"],
        mask=objects > 0,
    )  # fmt: skip
    return labels


def _every_object_seeded(seeds: NDArray[np.int32], objects: NDArray[np.int32]) -> NDArray[np.int32]:
    """The seeds, and where an object has none, the object itself."""
    seeded = np.zeros(objects.max() + 1, bool)
    seeded[objects[seeds > 0]] = True
    return np.where(seeded[objects], seeds, objects + seeds.max()) * (objects > 0)
