"""A classical baseline without training: Otsu's threshold and a distance-transform watershed."""

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_multiotsu, threshold_otsu
from skimage.segmentation import watershed

from nucfuse.data.modality import Modality, modality
from nucfuse.masks.instances import Instances
from nucfuse.models.arrays import Floats, Ints, Pixels
from nucfuse.models.classical.signal import (
    is_flat,
    median_radius,
    score_of,
    signal_of,
    without_flaws,
    without_halo,
)
from nucfuse.models.segmenter import as_rgb

# Tuned by hand on 148 of the DSB2018 training images, to no more than one digit.
_SMOOTHING = 0.5  # sigma of the Gaussian in pixels
_SHARE_OF_OTSU = {"fluorescence": 0.8, "histology": 0.9, "brightfield": 1.3}
_WINDOW = 6  # side of the window for the local mean, in radii of the median nucleus
_SMALLEST_WINDOW = 61
_SMALLEST_NUCLEUS = 0.1  # of the median area
_PEAK_DISTANCE = 0.7  # between centres of touching nuclei, in radii of the median nucleus
_PEAK_SMOOTHING = 0.2  # sigma for the distance transform, in radii
_OWN_LEVEL = 0.5  # of a nucleus's mean contrast; what is fainter is its halo


class Otsu:
    """Finds nuclei by brightness alone; a floor that a trained model should clear.

    Notes
    -----
    1. Contrast: the brightest channel on a dark ground, darkness on a bright one (see
       `nucfuse.data.modality`), slightly smoothed, above the median of the ground.
    2. Foreground: above Otsu's threshold (Otsu 1979, doi:10.1109/TSMC.1979.4310076), for
       bright-field images the upper of two, as cytoplasm is a class of its own; and above the
       mean of the surroundings. Holes and specks much smaller than the median nucleus go.
    3. Touching nuclei: watershed on the smoothed distance transform, one seed for each maximum at
       least 0.7 radii of the median nucleus from the next.
    4. Each nucleus loses its halo (pixels below half its mean contrast); its largest piece stays,
       holes filled.

    The score is c / (c + t) times the solidity: c is the nucleus's mean contrast, t the threshold,
    solidity the share of its convex hull that it fills. On the DSB2018 training images it ranks a
    nucleus with IoU > 0.5 above one without in 76 % of the pairs, contrast alone in 69 %.
    """

    name = "otsu"

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
        contrast, threshold = _contrast(rgb, kind)
        if threshold <= 0:
            return Instances.empty(contrast.shape, self.name)
        labels = _split(*_foreground(contrast, threshold))
        crops, corners, scores = [], [], []
        for i, box in enumerate(ndimage.find_objects(labels), start=1):
            region = labels[box] == i
            crops.append(without_halo(region, contrast[box], _OWN_LEVEL))
            corners.append((box[0].start, box[1].start))
            scores.append(score_of(crops[-1], contrast[box], threshold))
        return Instances.from_crops(crops, corners, contrast.shape, scores=scores, source=self.name)


def _contrast(rgb: Pixels, kind: Modality) -> tuple[Floats, float]:
    """Contrast to the ground, float32 (H, W), and its threshold; 0 if the image is constant."""
    signal = cv2.GaussianBlur(signal_of(rgb, kind), (0, 0), _SMOOTHING)
    if is_flat(signal):
        return signal, 0.0
    level = float(threshold_otsu(signal))
    ground = float(np.median(signal[signal <= level]))
    grey = signal.round().astype(np.uint8)
    if kind == "brightfield" and np.count_nonzero(np.bincount(grey.ravel())) > 2:
        level = float(threshold_multiotsu(grey, 3)[1])
    return signal - ground, (level - ground) * _SHARE_OF_OTSU[kind]


def _foreground(contrast: Floats, threshold: float) -> tuple[Pixels, float]:
    """Pixels of nuclei, uint8 (H, W) of 0 and 1, and the radius of the median nucleus."""
    mask = (contrast > threshold).astype(np.uint8)
    radius = median_radius(mask)
    window = min(max(_SMALLEST_WINDOW, round(_WINDOW * radius)), 2 * max(contrast.shape))
    mask &= contrast > cv2.blur(contrast, (window, window))
    return without_flaws(mask, _SMALLEST_NUCLEUS)


def _split(mask: Pixels, radius: float) -> Ints:
    """Label image of the mask (H, W), touching nuclei apart."""
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5)
    distance = cv2.GaussianBlur(distance, (0, 0), max(_PEAK_SMOOTHING * radius, 0.5))
    peaks = peak_local_max(
        distance,
        min_distance=max(1, round(_PEAK_DISTANCE * radius)),
        labels=mask.astype(np.int32),
        exclude_border=False,
    )
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels: Ints = watershed(-distance, seeds, mask=mask.astype(bool))
    return labels
