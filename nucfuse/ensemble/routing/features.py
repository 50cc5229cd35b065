"""Numbers that tell kinds of microscopy apart: those of the study, and better ones.

A feature set has units: features are divided by these before distances are taken. Units are fixed
and not the spread of the data at hand, because the spread is a matter of how many images of each
kind there are: K-means on the study's features, each divided by its own standard deviation, puts
four of the 107 stained DSB2018 training images to bright-field, and without colour in a data set it
would blow up the noise of its camera.

The constants and units of `polarity` were chosen by trial, some twenty settings, on the 664 DSB2018
training images and on altered copies of them; other units can split fluorescence in two and leave
bright-field with histology. What is measured on these images is therefore no measure for others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.data.intensity import grid_step
from nucfuse.data.modality import check_rgb

# Numbers of one image, float64 (F,).
Features = NDArray[np.float64]

_SAMPLES = 16_384  # pixels that `polarity` looks at; medians and spreads do not need more
_GREY = np.full(3, 1 / 3)
_DIM = 16  # colours of pixels that are hardly brighter than this are mostly noise
_FAINT = 0.01  # the colour spread that counts as half coloured; stained training images have 0.03
_SMOOTH = 0.02  # texture below this is none
_DARK = 100  # as in `nucfuse.data.modality`
_COLOURED = 20  # mean saturation: 0 in grey images, 54 at the least in stained DSB2018 images


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Features of images, what they are divided by, and what they look like.

    Attributes
    ----------
    names : tuple of str
        What each of the F numbers is.
    units : tuple of float
        Their units.
    measure : callable
        RGB image, uint8 (H, W, 3) -> features, float64 (F,).
    look : callable
        Features -> "fluorescence", "histology" or "brightfield": how a cluster with such a centre
        is called.
    """

    names: tuple[str, ...]
    units: tuple[float, ...]
    measure: Callable[[NDArray[Any]], Features]
    look: Callable[[Features], str]


def mean_hsv(image: NDArray[Any]) -> Features:
    """Mean hue (0..179), saturation and value (0..255) in OpenCV's units, float64 (3,).

    The study's features. Hue is an angle, and its plain mean is kept because it is theirs: stained
    images whose hue is yellow or red come to lie near grey ones, whose hue is 0.
    """
    hsv = cv2.cvtColor(check_rgb(image), cv2.COLOR_RGB2HSV)
    return np.asarray(hsv.reshape(-1, 3).mean(axis=0, dtype=np.float64))


def polarity(image: NDArray[Any]) -> Features:
    """Ground, polarity, colour and texture, float64 (4,); the same for every hue.

    - ground: log2(1 + median value / 16), in [0, 4.1]; value is the largest channel. A logarithm,
      so that half and double the light move it by the same step.
    - polarity, in [-1, 1]: how much further values reach up from their median than down. Bright
      nuclei on dark ground give 1, dark ones on bright ground -1, whatever the light.
    - colour, in [0, 1): s / (s + 0.01), with s the spread of the colours (hue and saturation as a
      point of the plane) about their mean. A tint that covers the whole image is no colour, a
      stain of some pixels is, be it ever so pale.
    - texture, in [0, 6): log2 of the mean step between neighbouring pixels over the standard
      deviation of all, from 0.02 on.
    """
    pixels = check_rgb(image)
    step = grid_step(pixels, _SAMPLES)
    grid = pixels[::step, ::step].astype(np.float64)
    value = grid.max(axis=2)
    low, ground, high = np.percentile(value, (0.5, 50, 99.5))
    reach = (high + low - 2 * ground) / (high - low) if high > low else 0.0
    spread = _colour_spread(grid, value)
    contrast = max(1.0, float((grid @ _GREY).std()))
    roughness = max(_SMOOTH, _mean_step(pixels, step) / contrast)
    colour = spread / (spread + _FAINT)
    return np.array([np.log2(1 + ground / 16), reach, colour, np.log2(roughness / _SMOOTH)])


def _colour_spread(grid: NDArray[np.float64], value: NDArray[np.float64]) -> float:
    """Measure the standard deviation of the pixels' colours in the plane of hue and saturation."""
    red, green, blue = np.moveaxis(grid, 2, 0)
    along = (red - (green + blue) / 2) / (value + _DIM)
    across = (green - blue) * (0.75**0.5) / (value + _DIM)
    return float(np.sqrt(along.var() + across.var()))


def _mean_step(pixels: NDArray[np.uint8], step: int) -> float:
    """Mean difference of grey values between neighbours, both ways."""
    steps = []
    for here, there in ((pixels[1:], pixels[:-1]), (pixels[:, 1:], pixels[:, :-1])):
        if here.size:
            difference = here[::step, ::step].astype(np.float64) - there[::step, ::step]
            steps.append(float(np.abs(difference @ _GREY).mean()))
    return sum(steps) / 2


def _look_of_hsv(centre: Features) -> str:
    _, saturation, value = centre
    if value < _DARK:
        return "fluorescence"
    return "histology" if saturation > _COLOURED else "brightfield"


def _look_of_polarity(centre: Features) -> str:
    ground, _, colour, _ = centre
    if ground < np.log2(1 + _DARK / 16):
        return "fluorescence"
    return "histology" if colour > 0.5 else "brightfield"


FEATURES: dict[str, FeatureSet] = {
    "polarity": FeatureSet(
        ("ground", "polarity", "colour", "texture"),
        (0.8, 0.5, 0.35, 2.0),
        polarity,
        _look_of_polarity,
    ),
    "study": FeatureSet(("hue", "saturation", "value"), (1.0, 1.0, 1.0), mean_hsv, _look_of_hsv),
}
