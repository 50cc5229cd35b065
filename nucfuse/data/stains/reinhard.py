"""The colours of one image given to another, after Reinhard."""

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.modality import check_rgb
from nucfuse.data.stains.stain import Pixels, by_blocks, sampled

# The space: responses of the eye's cones, their logarithms, decorrelated.
_CONES = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
_OPPONENT = np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]]) / np.sqrt([[3], [6], [2]])


# Mean and standard deviation in it of the slide TCGA-A2-A3XS-DX1, as HistomicsTK has
# them as its defaults.
_MEAN = np.array([8.63234435, -0.11501964, 0.03868433])
_SPREAD = np.array([0.57506023, 0.10403329, 0.01364062])


def reinhard(image: Pixels, reference: Pixels | None = None) -> Pixels:
    """Mean and spread of all colours as in another image.

    Parameters
    ----------
    image, reference
        uint8 RGB (H, W, 3). Without ``reference``, a slide of The Cancer Genome Atlas.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        A copy of the image itself if that is of one colour.

    References
    ----------
    E. Reinhard et al., Color transfer between images, IEEE Comput. Graph. Appl. 21 (2001),
    doi:10.1109/38.946629.
    """
    pixels = check_rgb(image)
    target_mean, target_spread = _MEAN, _SPREAD
    if reference is not None:
        target = _opponent(sampled(check_rgb(reference)))
        target_mean, target_spread = target.mean(axis=0), target.std(axis=0)
    own = _opponent(sampled(pixels))
    mean, spread = own.mean(axis=0), own.std(axis=0)
    if (spread < 1e-6).all():
        return pixels.copy()
    # A channel without spread (grey images have two) only moves.
    scale = np.where(spread < 1e-6, 1, target_spread / np.maximum(spread, 1e-6))
    back = np.linalg.inv(_CONES).T

    def recoloured(block: Pixels) -> NDArray[np.float64]:
        moved = (_opponent(block) - mean) * scale + target_mean
        cones: NDArray[np.float64] = np.exp(moved @ np.linalg.inv(_OPPONENT).T) @ back
        return cones - 1

    return by_blocks(pixels, recoloured)


def _opponent(pixels: Pixels) -> NDArray[np.float64]:
    """Reinhard's space; a count of 1 is added, as black has no logarithm."""
    found: NDArray[np.float64] = np.log((pixels + 1.0) @ _CONES.T) @ _OPPONENT.T
    return found
