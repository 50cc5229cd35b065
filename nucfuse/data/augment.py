"""Random changes of an image and its label image together, for training.

Geometry is one resampling, whatever it is made of: the image bilinearly, the labels by nearest
neighbour, so that nuclei stay disjoint.
"""

from typing import Any

import attrs
import cv2
import numpy as np
from numpy.typing import NDArray

from nucfuse.settings import choice, number, switch

# What lies outside the image: mirrored, or the edge's pixels repeated (the study tried both).
FILLS = {"reflect": cv2.BORDER_REFLECT_101, "nearest": cv2.BORDER_REPLICATE}


@attrs.frozen
class Augmentation:
    """How much of what. Zero (or False) switches a part off."""

    flips: bool = switch(True, "mirror images")
    turns: bool = switch(True, "right-angle turns")
    rotation: float = number(0.0, 0, 360, "largest angle in degrees")
    shear: float = number(0.0, 0, 60, "largest angle in degrees")
    zoom: float = number(
        1.0, 1, 360, "largest factor, its inverse the smallest; on top of the scale asked for"
    )
    shift: float = number(0.0, 0, 360, "largest shift, as a share of the side")
    elastic: float = number(
        0.0, 0, 360, "displacement in pixels (standard deviation), smoothed over an eighth side"
    )
    fill: str = choice("reflect", tuple(FILLS), "what lies outside of the image")
    brightness: float = number(0.0, 0, 360, "largest change, added (of 1)")
    contrast: float = number(0.0, 0, 360, "largest change of the factor about the mean, as a log")
    gamma: float = number(0.0, 0, 360, "largest change of the exponent, as a log")
    hue: float = number(0.0, 0, 360, "largest turn in degrees; of three channels only")
    blur: float = number(0.0, 0, 360, "largest sigma in pixels")
    noise: float = number(0.0, 0, 360, "largest standard deviation, of 1")
    inversion: float = number(0.0, 0, 1, "probability that light and dark are exchanged")


def random_affine(
    rng: np.random.Generator,
    augmentation: Augmentation,
    side: int,
    scale: float,
    centre: tuple[float, float],
) -> NDArray[np.float64]:
    """Where each pixel of a crop comes from: (2, 3), crop (x, y, 1) -> image (x, y).

    Parameters
    ----------
    rng : numpy Generator
    augmentation : Augmentation
    side : int
        Of the crop.
    scale : float
        Size of a thing in the crop over its size in the image.
    centre : tuple of float
        Of the crop in the image, (y, x).
    """
    a = augmentation
    zoom = scale * np.exp(rng.uniform(-1, 1) * np.log(a.zoom))
    angle = np.deg2rad(rng.uniform(-1, 1) * a.rotation)
    if a.turns:
        angle += np.pi / 2 * rng.integers(4)
    shear = np.tan(np.deg2rad(rng.uniform(-1, 1) * a.shear))
    flip = -1.0 if a.flips and rng.random() < 0.5 else 1.0
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[flip, shear], [0, 1]]) / zoom
    shift = rng.uniform(-1, 1, 2) * a.shift * side / zoom
    middle = (side - 1) / 2
    origin = np.array(centre[::-1]) + shift - matrix @ np.array([middle, middle])
    return np.column_stack([matrix, origin])


def warped(
    image: NDArray[Any],
    labels: NDArray[np.int32],
    affine: NDArray[np.float64],
    side: int,
    fill: str = "reflect",
    displacement: NDArray[np.float32] | None = None,
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Resample a square crop of both, once.

    Parameters
    ----------
    image : ndarray, shape (H, W, C)
        uint8 or float32.
    labels : ndarray of int32, shape (H, W)
    affine : ndarray, shape (2, 3)
        See `random_affine`.
    side : int
    fill : {"reflect", "nearest"}
    displacement : ndarray of float32, shape (side, side, 2), optional
        Added to the crop's (x, y) first.

    Returns
    -------
    image : ndarray, shape (side, side, C)
    labels : ndarray of int32, shape (side, side)
    """
    border = FILLS[fill]
    channels = image.shape[2]
    # OpenCV resamples float32 but not int32; ids up to 2**24 are exact in it.
    values = labels.astype(np.float32)
    if displacement is None:
        size, how = (side, side), cv2.WARP_INVERSE_MAP
        new = cv2.warpAffine(image, affine, size, flags=cv2.INTER_LINEAR | how, borderMode=border)
        nearest = cv2.warpAffine(
            values, affine, size, flags=cv2.INTER_NEAREST | how, borderMode=border
        )
    else:
        grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1) + displacement
        where = (grid @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
        new = cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=border)
        nearest = cv2.remap(values, where, None, cv2.INTER_NEAREST, borderMode=border)
    return new.reshape(side, side, channels), nearest.astype(np.int32)


def random_displacement(
    rng: np.random.Generator, side: int, strength: float
) -> NDArray[np.float32]:
    """Smooth random shifts (x, y) of each pixel, float32 (side, side, 2); Simard et al. 2003."""
    noise = rng.standard_normal((side, side, 2)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), side / 8)
    return smooth * np.float32(strength / max(float(smooth.std()), 1e-6))


def recoloured(
    rng: np.random.Generator, image: NDArray[np.float32], augmentation: Augmentation
) -> NDArray[np.float32]:
    """Random light, colour, sharpness and noise.

    Parameters
    ----------
    rng : numpy Generator
    image : ndarray of float32, shape (H, W, C)
        In [0, 1].
    augmentation : Augmentation

    Returns
    -------
    ndarray of float32, shape (H, W, C)
        In [0, 1].
    """
    a = augmentation
    # Drawn whether used or not, so that to switch one part off leaves the others as they were.
    light, factor, exponent, turn, sigma, level, coin = rng.random(7) * [2, 2, 2, 2, 1, 1, 1]
    new = image
    if a.hue and image.shape[2] == 3:
        new = _with_hue(new, float(turn - 1) * a.hue)
    if a.gamma:
        new = new ** np.float32(np.exp((exponent - 1) * a.gamma))
    if a.contrast:
        mean = new.mean(axis=(0, 1))
        new = (new - mean) * np.float32(np.exp((factor - 1) * a.contrast)) + mean
    if a.brightness:
        new = new + np.float32((light - 1) * a.brightness)
    if a.blur and sigma * a.blur > 0.3:
        new = cv2.GaussianBlur(new, (0, 0), float(sigma * a.blur)).reshape(image.shape)
    if a.noise:
        grain = rng.standard_normal(image.shape, np.float32)
        new = new + grain * np.float32(level * a.noise)
    if coin < a.inversion:
        new = 1 - new
    return np.clip(new, 0, 1).astype(np.float32, copy=False)


def _with_hue(image: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    hsv = cv2.cvtColor(np.clip(image, 0, 1), cv2.COLOR_RGB2HSV)  # hue in degrees for float32
    hsv[..., 0] = (hsv[..., 0] + degrees) % 360
    new: NDArray[np.float32] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return new
