"""A classical baseline without training: a local threshold and a distance-transform watershed."""

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from nucfuse.clean.splitting import split_labels
from nucfuse.data.modality import Modality, modality
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Ints, Pixels
from nucfuse.models.classical.signal import (
    instances_with_scores,
    is_flat,
    median_radius,
    signal_of,
    without_flaws,
    without_halo,
)
from nucfuse.models.segmenter import as_rgb

# Tuned by hand on 161 of the DSB2018 training images, to no more than one digit.
_SMOOTHING = {"fluorescence": 0.7, "histology": 1.5, "brightfield": 2.0}  # sigma in pixels
_LEVEL = {"fluorescence": 0.3, "histology": 0.4, "brightfield": 0.4}  # from dark 0 to bright 1
_LEAST_RANGE = {"fluorescence": 0.15, "histology": 0.3, "brightfield": 0.6}  # of the image's
_WINDOW = 3  # side, in radii of the median nucleus
_FIRST_WINDOW, _SMALLEST_WINDOW = 101, 12  # pixels; the first is wider than nuclei are
_SMALLEST_NUCLEUS = 0.1  # of the median area
_PEAKS = {"peak_distance": 1.0, "smoothing": 0.3}  # see `nucfuse.clean.splitting`
_OWN_LEVEL = 0.6  # of a nucleus's mean contrast; what is fainter is its halo


class Adaptive:
    """Finds nuclei that stand out from their surroundings, however dim or bright these are.

    An uneven ground, on which one threshold for the image misses nuclei and invents others, does
    not disturb it. But it breaks up nuclei much larger than the median, and loses dim ones close to
    bright ones, which `otsu` finds.

    Notes
    -----
    1. Signal: the brightest channel on a dark ground, darkness on a bright one, smoothed.
    2. Each pixel's range: from the darkest to the brightest in a window around it, both averaged
       over such a window. Foreground is above 0.3 or 0.4 of a range that is wide enough: Bernsen's
       mid-range threshold (J. Bernsen, "Dynamic thresholding of grey-level images", ICPR 1986), set
       lower, as 4. cuts back. The window is 101 pixels wide to find the radius of the median
       nucleus, then three of these radii.
    3. Touching nuclei: watershed on the smoothed distance transform (`nucfuse.clean.splitting`).
    4. Each nucleus loses its halo: pixels below 0.6 of its mean contrast to the local ground.

    The score is c / (c + t) times the solidity, for a mean contrast c to the local ground and the
    least range t.
    """

    name = "adaptive"

    def predict(self, image: ArrayLike) -> Instances:
        """Nuclei of one image, with scores in (0, 1).

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
        signal = cv2.GaussianBlur(signal_of(rgb, kind), (0, 0), _SMOOTHING[kind])
        if is_flat(signal):
            return Instances.empty(signal.shape, self.name)
        low, high = np.percentile(signal, (5, 99))
        least = max(_LEAST_RANGE[kind] * float(high - low), 2.0)
        mask, _ = _above_local(signal, kind, least, _FIRST_WINDOW)
        radius = median_radius(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
        window = max(_SMALLEST_WINDOW, _WINDOW * radius)
        mask, contrast = _above_local(signal, kind, least, window)
        mask, _ = without_flaws(mask, _SMALLEST_NUCLEUS)
        labels = _without_halos(split_labels(mask, "watershed", **_PEAKS), contrast)
        return instances_with_scores(labels, contrast, least, self.name)


def _above_local(
    signal: Floats, kind: Modality, least: float, window: float
) -> tuple[Pixels, Floats]:
    """Pixels above the local threshold, uint8 (H, W), and the contrast to the local ground."""
    side = round(min(window, 2 * max(signal.shape))) | 1
    square = np.ones((side, side), np.uint8)
    ground = cv2.blur(cv2.erode(signal, square), (side, side))
    top = cv2.blur(cv2.dilate(signal, square), (side, side))
    contrast = signal - ground
    above = (contrast > _LEVEL[kind] * (top - ground)) & (contrast > least)
    return above.astype(np.uint8), contrast


def _without_halos(labels: Ints, contrast: Floats) -> Ints:
    result = np.zeros_like(labels)
    for i, box in enumerate(ndimage.find_objects(labels), start=1):
        result[box][without_halo(labels[box] == i, contrast[box], _OWN_LEVEL)] = i
    return result
