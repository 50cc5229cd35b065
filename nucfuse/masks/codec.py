"""Label images and single masks to and from run-length texts, in one call."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.instances import Instances
from nucfuse.masks.labels import hidden_pixels, painted_labels
from nucfuse.masks.rle import Dialect, check_shape, parse_rle


def encode_labels(labels: ArrayLike, dialect: Dialect = "kaggle") -> list[str]:
    """One RLE text per nucleus of a label image, in ascending order of the ids.

    Parameters
    ----------
    labels : array_like of int, shape (H, W)
        0 is background; any other ids, with gaps or not.
    dialect : {"kaggle", "coco"}
        "start length …" with starts from 1, or pycocotools' compressed counts.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError, TypeError
        If it is no label image; see `check_labels`.

    Examples
    --------
    >>> encode_labels(np.array([[1, 1, 0], [0, 2, 2]]))
    ['1 1 3 1', '4 1 6 1']
    """
    return Instances.from_labels(labels).to_rle(dialect)


def decode_labels(
    rles: Sequence[str | bytes], shape: Sequence[int], dialect: Dialect = "kaggle"
) -> NDArray[np.int32]:
    """Label image (H, W) of masks given as RLE texts: the i-th gets the id i + 1.

    Raises
    ------
    RLEError
        If a text breaks the rules.
    ValueError
        If masks overlap: a label image cannot hold them.

    Examples
    --------
    >>> decode_labels(["1 1 3 1", "4 1 6 1"], (2, 3))
    array([[1, 1, 0],
           [0, 2, 2]], dtype=int32)
    """
    runs = parse_rle(rles, shape, dialect)
    labels = painted_labels(runs, check_shape(shape), np.arange(len(rles)))
    if twice := hidden_pixels(labels, runs):
        raise ValueError(
            f"{twice} pixels lie in more than one mask, which a label image cannot hold; use "
            "Instances.from_rle and remove_overlaps"
        )
    return labels


def rle_encode(mask: ArrayLike, dialect: Dialect = "kaggle") -> str:
    """RLE text of one mask (H, W), bool or 0/1; empty Kaggle text if it has no pixels.

    Examples
    --------
    >>> rle_encode([[0, 1], [1, 1]])
    '2 3'
    """
    return Instances.from_masks(np.asarray(mask)[np.newaxis]).to_rle(dialect)[0]


def rle_decode(
    text: str | bytes, shape: Sequence[int], dialect: Dialect = "kaggle"
) -> NDArray[np.bool_]:
    """Mask (H, W) of one RLE text; the opposite of `rle_encode`.

    Examples
    --------
    >>> rle_decode("2 3", (2, 2))
    array([[False,  True],
           [ True,  True]])
    """
    return Instances.from_rle([text], shape, dialect).to_masks()[0]
