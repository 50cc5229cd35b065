"""What a network sees of an image: one plane without modality, RGB, or a treatment of stains."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.intensity import percentile_range, pixel_grid, stretched
from nucfuse.data.modality import check_rgb, modality
from nucfuse.data.stains.reinhard import reinhard
from nucfuse.data.stains.stain import haematoxylin, macenko, pca_colour, vahadane
from nucfuse.models.arrays import Floats, Pixels

_NORMALISERS = {"macenko": macenko, "vahadane": vahadane, "reinhard": reinhard}
CHANNELS: dict[str, int] = {
    "neutral": 1,
    "rgb": 3,
    "haematoxylin": 1,
    "pca": 1,
    **dict.fromkeys(_NORMALISERS, 3),
}

# Percentiles that become 0 and 1. On a dark ground the brightest pixels are what matters, and a few
# nuclei may be all that is bright; on a bright one dust is dark.
_PERCENTILES = 0.5, 99.8
_SAMPLES = 65536  # pixels that the percentiles are taken from


def prepared(image: Pixels, kind: str = "neutral") -> Floats:
    """Make an image the input of a network.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    kind : {"neutral", "rgb", "haematoxylin", "pca", "macenko", "vahadane", "reinhard"}
        - "neutral": nuclei are bright on a dark ground, whatever the microscope and the stain: the
          first of `planes`.
        - "rgb": the three channels, divided by 255.
        - "haematoxylin": of stained images, the amount of that stain, stretched as `planes` are;
          of all others the same as "neutral".
        - "pca": the first principal component of the colours, so stretched.
        - "macenko", "vahadane", "reinhard": stained images in the colours of one slide (see
          `nucfuse.data.stains`), as "rgb"; all others as they are.

    Returns
    -------
    ndarray of float32, shape (H, W, C)
        In [0, 1]; C is ``CHANNELS[kind]``.

    Raises
    ------
    ValueError, TypeError
        If ``kind`` is another, or the image is not RGB of uint8.

    Examples
    --------
    >>> page = np.full((8, 8, 3), 230, np.uint8)
    >>> page[2:4, 2:4] = (90, 40, 120)
    >>> prepared(page)[2, :4, 0]
    array([0., 0., 1., 1.], dtype=float32)
    """
    if kind not in CHANNELS:
        raise ValueError(f"input must be one of {', '.join(CHANNELS)}, got {kind!r}")
    pixels = check_rgb(image)
    if kind == "pca":
        return _unit(pca_colour(pixels))
    is_stained = kind not in ("neutral", "rgb") and modality(pixels) == "histology"
    if kind == "haematoxylin" and is_stained:
        return _unit(haematoxylin(pixels))
    if kind in _NORMALISERS and is_stained:
        pixels = _NORMALISERS[kind](pixels)
    shown = pixels if CHANNELS[kind] == 3 else first_plane(pixels)
    return shown.astype(np.float32) / np.float32(255)


def planes(image: Pixels) -> Pixels:
    """All modality-free views of an image, the most telling first.

    Grey images have one. In coloured ones on a dark ground it is the brightest channel (a false
    colour may be any), followed by the mean. In stained ones it is the channel of the largest
    standard deviation, the stain's (green in 107 of the 107 stained DSB2018 training images), and
    the two others. A bright ground is inverted, and each plane is stretched from the 0.5th to the
    99.8th percentile.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    ndarray of uint8, shape (H, W, P)
        P is 1, 2 or 3. A constant plane is 0.
    """
    return np.stack(list(_views(check_rgb(image))), axis=-1)


def first_plane(image: Pixels) -> Pixels:
    """First of `planes` alone, (H, W, 1)."""
    return next(_views(check_rgb(image)))[..., np.newaxis]


def _views(pixels: Pixels) -> Iterator[Pixels]:
    kind = modality(pixels)
    if (pixels == pixels[..., :1]).all():
        yield _stretched(pixels[..., 0] if kind == "fluorescence" else 255 - pixels[..., 0])
    elif kind == "fluorescence":
        yield _stretched(pixels.max(axis=2))
        yield _stretched(pixels.mean(axis=2).astype(np.uint8))
    else:
        spread = np.std(pixel_grid(pixels, _SAMPLES).reshape(-1, 3), axis=0)
        for c in np.argsort(-spread, kind="stable"):
            yield _stretched(255 - pixels[..., c])


def _stretched(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return stretched(np.arange(256), *percentile_range(plane, _PERCENTILES, _SAMPLES))[plane]


def _unit(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Plane of any range, stretched to [0, 1], (H, W, 1); a constant one is 0."""
    low, high = percentile_range(plane, _PERCENTILES, _SAMPLES)
    if high <= low:
        return np.zeros((*plane.shape, 1), np.float32)
    unit = np.clip((plane - np.float32(low)) / np.float32(high - low), 0, 1)
    return unit[..., np.newaxis].astype(np.float32)


def network_input(image: Pixels, kind: str) -> NDArray[Any]:
    """Input of a network; uint8 of 0..255 instead of [0, 1] where that is exact.

    It takes a quarter of the memory, and tiles become float32 one by one.
    """
    if kind == "rgb":
        return image
    if kind == "neutral":
        return first_plane(image)
    return prepared(image, kind)
