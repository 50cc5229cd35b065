"""A classical baseline without training: blobs of the Laplacian of Gaussian, grown by watershed."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.segmentation import watershed

from nucfuse.clean.objects import clean_objects
from nucfuse.data.modality import modality
from nucfuse.masks.instances import Instances
from nucfuse.masks.topology import largest_filled_piece
from nucfuse.models.arrays import Floats, Ints
from nucfuse.models.classical.signal import instances_with_scores, is_flat, signal_of
from nucfuse.models.segmenter import as_rgb

# Tuned by hand on 161 of the DSB2018 training images, to no more than one digit.
_SMOOTHING = 0.5  # sigma in pixels
_BASIN_SMOOTHING = 2  # sigma in pixels; saturated nuclei have noise, but no valley between them
_SCALES = np.geomspace(3, 20, 8)  # sigmas in pixels; a disc of radius r answers most at r / sqrt(2)
_LEAST_RESPONSE = {"fluorescence": 0.15, "histology": 0.25, "brightfield": 0.25}  # of the range
_SPACING = {"fluorescence": 1.6, "histology": 1.4, "brightfield": 1.4}  # in radii of the stronger
_LEVEL = {"fluorescence": 0.45, "histology": 0.55, "brightfield": 0.6}  # from ground 0 to core 1
_CORE, _REACH = 0.7, 3.0  # radii in which a blob's brightness and its ground are measured
_SEED = 0.3  # radius of the seed, in radii of the blob
_SMALLEST_NUCLEUS = 0.1  # of the median area


class Blobs(NamedTuple):
    """Bright spots: rows, columns and radii in pixels, each (N,), the strongest first."""

    ys: NDArray[np.int64]
    xs: NDArray[np.int64]
    radii: NDArray[np.float64]


class LaplacianOfGaussian:
    """Finds nuclei by their shape: round, bright, of a size that need not be known.

    Each nucleus has a threshold of its own, so that an uneven ground does not disturb it, and it
    takes the fewest things that are no nuclei. But it cuts elongated or textured nuclei to pieces,
    and loses dim ones.

    Notes
    -----
    1. Signal: the brightest channel on a dark ground, darkness on a bright one.
    2. Blobs: maxima of the scale-normalised negative Laplacian of Gaussian, over eight scales
       (T. Lindeberg, "Feature detection with automatic scale selection", IJCV 30, 1998,
       doi:10.1023/A:1008045108935). Of maxima nearer than 1.4 or 1.6 radii the strongest stays.
    3. The image is divided among the blobs by watershed on the signal. A nucleus is what, within
       three radii of its blob, is above about half of the way from the ground there to its core.
    4. The largest piece stays, holes filled; nuclei far smaller than the median are dropped.

    The score is r / (r + t) times the solidity, for the largest response r of the filter in the
    nucleus and the least response t of a blob.
    """

    name = "log"

    def predict(self, image: ArrayLike) -> Instances:
        """Nuclei of one image, with scores in [0, 1).

        Parameters
        ----------
        image : array_like, shape (H, W, 3) or (H, W)
            RGB or grey; see `as_rgb` for other dtypes than uint8.

        Returns
        -------
        Instances
            Disjoint; none if the image is constant.
        """
        rgb = as_rgb(image)
        kind = modality(rgb)
        signal = signal_of(rgb, kind)
        if is_flat(signal):
            return Instances.empty(signal.shape, self.name)
        low, high = np.percentile(signal, (5, 99))
        least = _LEAST_RESPONSE[kind] * max(float(high - low), 4.0)
        response, scales = _responses(signal)
        blobs = _blobs(response, scales, least, _SPACING[kind])
        smooth = cv2.GaussianBlur(signal, (0, 0), _SMOOTHING)
        labels = clean_objects(_grown(smooth, blobs, _LEVEL[kind]), small=_SMALLEST_NUCLEUS)
        peaks = ndimage.maximum(response, labels, np.arange(1, labels.max() + 1))
        return instances_with_scores(labels, np.append(0, peaks)[labels], least, self.name)


def _responses(signal: Floats) -> tuple[Floats, NDArray[np.float64]]:
    """Strongest response over all scales, in grey levels, and its scale; both (H, W)."""
    best = np.full(signal.shape, -np.inf, np.float32)
    scales = np.full(signal.shape, _SCALES[0])
    for sigma in _SCALES:
        response = cv2.Laplacian(cv2.GaussianBlur(signal, (0, 0), sigma), cv2.CV_32F)
        response *= np.float32(-(sigma**2))
        scales[response > best] = sigma
        np.maximum(best, response, out=best)
    return best, scales


def _blobs(response: Floats, scales: NDArray[np.float64], least: float, spacing: float) -> Blobs:
    maxima = (response == cv2.dilate(response, np.ones((3, 3), np.uint8))) & (response > least)
    ys, xs = np.nonzero(maxima)
    order = np.argsort(-response[ys, xs], kind="stable")
    ys, xs = ys[order], xs[order]
    radii = np.sqrt(2) * scales[ys, xs]
    kept = np.ones(ys.size, bool)
    if ys.size:
        points = np.stack([ys, xs], axis=1)
        for i, near in enumerate(KDTree(points).query_ball_point(points, spacing * radii)):
            if kept[i]:
                weaker = np.array(near)
                kept[weaker[weaker > i]] = False
    return Blobs(ys[kept], xs[kept], radii[kept])


def _grown(signal: Floats, blobs: Blobs, level: float) -> Ints:
    """Label image (H, W): blob ``i`` grown to the nucleus ``i + 1``; some may have no pixels."""
    labels = np.zeros(signal.shape, np.int32)
    each = list(enumerate(zip(*blobs, strict=True), start=1))
    if not each:
        return labels
    seeds = np.zeros(signal.shape, np.int32)
    for i, (y, x, radius) in reversed(each):  # the stronger on top
        cv2.circle(seeds, (int(x), int(y)), int(_SEED * radius), i, cv2.FILLED)
    basins = watershed(-cv2.GaussianBlur(signal, (0, 0), _BASIN_SMOOTHING), seeds)
    for i, (y, x, radius) in each:
        reach = int(_REACH * radius)
        box = (slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1))
        rows, columns = (np.arange(n)[s] for n, s in zip(signal.shape, box, strict=True))
        distance = np.hypot(rows[:, np.newaxis] - y, columns - x) / radius
        nucleus = _nucleus(signal[box], basins[box] == i, distance, level)
        labels[box][nucleus & (labels[box] == 0)] = i
    return labels


def _nucleus(
    signal: Floats, basin: NDArray[np.bool_], distance: NDArray[np.float64], level: float
) -> NDArray[np.bool_]:
    """Where a basin (h, w) is bright enough; the distance to its blob is in radii."""
    near = distance <= _REACH
    core = float(signal[basin & (distance <= _CORE)].mean())
    ground = float(np.percentile(signal[near], 10))
    bright = (basin & near & (signal > ground + level * (core - ground))).astype(np.uint8)
    opened = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return largest_filled_piece(opened)
