"""Colours of stained tissue: the haematoxylin in it, and the look of one laboratory for all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.intensity import pixel_grid
from nucfuse.data.modality import check_rgb, modality
from nucfuse.data.stains.sparse_nmf import amounts_of, sparse_nmf

Method = Literal["macenko", "vahadane"]
Pixels = NDArray[np.uint8]

# Rows: what haematoxylin, eosin and DAB absorb of red, green and blue (Ruifrok & Johnston).
_ABSORBED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])

_WHITE = 240.0  # light that passed no stain (Macenko et al.)
# Mean optical density below which a pixel is ground. Macenko et al.'s code asks it of each channel,
# which leaves out pure eosin: that hardly absorbs red.
_FAINT = 0.15
_BEYOND = 1.0  # percent of the pixels whose colour is beyond either stain's (Macenko et al.)
_PENALTY, _PENALTY_AMOUNTS = 0.1, 0.01  # of Vahadane et al.'s code
_SAMPLES = 65536  # pixels that are looked at, on a regular grid
_FACTORED = 8192  # of them that are factored
_FEWEST = 0.005  # share of stained pixels below which there is no tissue
_SAME = 0.9999  # cosine of two colours from which they are one, 0.8 degrees apart
# Pixels recoloured at a time: so few that BLAS takes one thread, as ours are the parallelism (ten
# times less CPU time on two cores).
_BLOCK = 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class Stains:
    """Two stains of an image.

    Attributes
    ----------
    colours : ndarray of float64, shape (2, 3)
        Optical density of red, green and blue, of length 1: haematoxylin, then eosin.
    strengths : ndarray of float64, shape (2,)
        99th percentile of the amount of each.
    """

    colours: NDArray[np.float64]
    strengths: NDArray[np.float64]


# The slide that Macenko et al.'s published code normalises to.
REFERENCE = Stains(
    np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]]), np.array([1.9705, 1.0308])
)


def haematoxylin(image: Pixels) -> NDArray[np.float32]:
    """Optical density of the haematoxylin in stained tissue, by fixed stain colours.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB. On a dark ground the result says nothing.

    Returns
    -------
    ndarray of float32, shape (H, W)
        At least 0; 0 where the image is white. Natural logarithm; 0 counts as 1 of 255.

    References
    ----------
    A. C. Ruifrok and D. A. Johnston, Quantification of histochemical staining by color
    deconvolution, Anal. Quant. Cytol. Histol. 23 (2001).

    Examples
    --------
    >>> haematoxylin(np.array([[[255, 255, 255], [110, 90, 170]]], np.uint8))
    array([[0.       , 1.2662836]], dtype=float32)
    """
    pixels = check_rgb(image)
    density = _density(255.0).astype(np.float64)
    unmixed = np.linalg.inv(_ABSORBED)[:, 0]
    return np.maximum(_summed([density * w for w in unmixed], pixels), 0)


def pca_colour(image: Pixels) -> NDArray[np.float32]:
    """First principal component of the three channels: the mixture that tells most.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB of any modality.

    Returns
    -------
    ndarray of float32, shape (H, W)
        Grey levels above or below the mean colour; what is darker than it is positive on bright
        grounds, what is brighter on dark ones. 0 for an image of one colour.
    """
    pixels = check_rgb(image)
    sample = sampled(pixels).astype(np.float64)
    mean = sample.mean(axis=0)
    weights = np.linalg.eigh(np.cov(sample.T, bias=True))[1][:, -1]
    sign = 1 if modality(pixels) == "fluorescence" else -1
    if weights.sum() * sign < 0:
        weights = -weights
    values = np.arange(256)
    return _summed([(values - m) * w for m, w in zip(mean, weights, strict=True)], pixels)


def macenko(image: Pixels, reference: Pixels | None = None) -> Pixels:
    """Stained tissue in the colours of another slide, by `stains_of` with "macenko".

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    reference : ndarray of uint8, shape (H, W, 3), optional
        The other slide; that of the published code if not given.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        A copy of the image itself if no two stains are found in it.

    Raises
    ------
    ValueError
        If no two stains are found in ``reference``.
    """
    return _normalised(image, "macenko", reference)


def vahadane(image: Pixels, reference: Pixels | None = None) -> Pixels:
    """`macenko` with the stains by sparse factors, "vahadane": none of either is ever negative."""
    return _normalised(image, "vahadane", reference)


def stains_of(image: Pixels, method: Method = "macenko") -> Stains | None:
    """Colours and strengths of haematoxylin and eosin in an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB. Large images are looked at on a grid of some 65,536 pixels.
    method : {"macenko", "vahadane"}
        - "macenko": in the plane of the two principal components of the optical densities, the 1st
          and 99th percentile of the angles.
        - "vahadane": sparse non-negative factors of the optical densities, begun from Macenko's.

    Returns
    -------
    Stains or None
        None if there are no two stains: under half a percent of the pixels are stained (mean
        optical density above 0.15), or all of them in one colour. Haematoxylin is what absorbs
        more red.

    Raises
    ------
    ValueError, TypeError
        If the method is another, or the image is not RGB of uint8.

    References
    ----------
    M. Macenko et al., A method for normalizing histology slides for quantitative analysis, ISBI
    2009, doi:10.1109/ISBI.2009.5193250. A. Vahadane et al., Structure-preserving color
    normalization and sparse stain separation for histological images, IEEE Trans. Med. Imaging 35
    (2016), doi:10.1109/TMI.2016.2529665.
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    density = _density(_WHITE)[sampled(check_rgb(image))]
    stained = density[density.mean(axis=1) > _FAINT]
    if len(stained) < max(_FEWEST * len(density), 2):
        return None
    colours = _angular(stained)
    if method == "vahadane" and not _one(colours):
        few = np.maximum(stained[:: -(-len(stained) // _FACTORED)], 0)
        colours = sparse_nmf(few, np.maximum(colours, 1e-3), _PENALTY)
    if _one(colours):
        return None
    if colours[0, 0] < colours[1, 0]:
        colours = colours[::-1].copy()
    strengths = np.percentile(_amounts(density, colours, method), 99, axis=0)
    return Stains(colours, strengths) if (strengths > 1e-3).all() else None


def _one(colours: NDArray[np.float64]) -> bool:
    return bool(colours[0] @ colours[1] > _SAME)


def _angular(stained: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours at either end of the fan of colours, (2, 3); the same ones if there is no fan."""
    plane = np.linalg.eigh(np.cov(stained.T, bias=True))[1][:, 1:]
    points = stained @ plane
    middle = points.mean(axis=0)
    # Angles from the middle of the fan, so that it lies nowhere near where angles wrap around.
    angles = np.angle((points @ [1, 1j]) * np.conj(middle @ [1, 1j]))
    ends = np.percentile(angles, [_BEYOND, 100 - _BEYOND]) + np.angle(middle @ [1, 1j])
    colours: NDArray[np.float64] = np.stack([np.cos(ends), np.sin(ends)], axis=1) @ plane.T
    return colours


def _amounts(
    density: NDArray[np.float64], colours: NDArray[np.float64], method: Method
) -> NDArray[np.float64]:
    """How much of each of two stains, (N, 2)."""
    if method == "vahadane":
        return amounts_of(density, colours, _PENALTY_AMOUNTS)
    found: NDArray[np.float64] = density @ np.linalg.pinv(colours)
    return found


def _normalised(image: Pixels, method: Method, reference: Pixels | None) -> Pixels:
    target = REFERENCE if reference is None else stains_of(reference, method)
    if target is None:
        raise ValueError(
            "reference must show tissue in two stains, but none are found; choose another image"
        )
    own = stains_of(image, method)
    if own is None:
        return check_rgb(image).copy()
    density = _density(_WHITE)
    colours = target.colours * (target.strengths / own.strengths)[:, np.newaxis]

    def recoloured(block: Pixels) -> NDArray[np.float64]:
        light: NDArray[np.float64] = np.exp(
            -_amounts(density[block], own.colours, method) @ colours
        )
        return light * _WHITE

    return by_blocks(check_rgb(image), recoloured)


def by_blocks(pixels: Pixels, recoloured: Callable[[Pixels], NDArray[np.float64]]) -> Pixels:
    """Recolour an image, some pixels (N, 3) at a time; rounded and cut to 0..255."""
    flat = pixels.reshape(-1, 3)
    out = np.empty_like(flat)
    for at in range(0, len(flat), _BLOCK):
        out[at : at + _BLOCK] = np.clip(np.rint(recoloured(flat[at : at + _BLOCK])), 0, 255)
    return out.reshape(pixels.shape)


def _density(white: float) -> NDArray[np.float64]:
    """Optical density of each of the 256 values."""
    density: NDArray[np.float64] = -np.log(np.maximum(np.arange(256), 1) / white)
    return density


def _summed(tables: list[NDArray[np.float64]], pixels: Pixels) -> NDArray[np.float32]:
    """For each pixel the sum of what the tables say of its three values."""
    red, green, blue = (table.astype(np.float32) for table in tables)
    found: NDArray[np.float32] = red[pixels[..., 0]] + green[pixels[..., 1]] + blue[pixels[..., 2]]
    return found


def sampled(pixels: Pixels) -> Pixels:
    """Pixels on a regular grid, (N, 3); some 65,536 of a large image."""
    return pixel_grid(pixels, _SAMPLES).reshape(-1, 3)
