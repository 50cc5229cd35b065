"""Label images: what is accepted as one, how ids are ranked, and how masks are painted."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.masks.allocation import check_pixels
from nucfuse.masks.kernels.arrays import dense_ranks, extremes
from nucfuse.masks.kernels.runs import paint
from nucfuse.masks.rle import Runs

LARGEST_ID = 2**62

_NATIVE = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.int32), np.dtype(np.int64))


def check_labels(
    labels: ArrayLike, name: str = "labels", ndim: tuple[int, ...] = (2,)
) -> NDArray[Any]:
    """Return a label image (or volume) as a contiguous integer array that the kernels take.

    Parameters
    ----------
    labels : array_like, shape (H, W) or (D, H, W)
        0 is background. Any integer dtype, bool, or floats that hold whole numbers.
    name : str
        What the argument is called, for messages.
    ndim : tuple of int
        The numbers of dimensions that are accepted.

    Returns
    -------
    ndarray of uint8, uint16, int32 or int64
        The same values; the same array where nothing had to change.

    Raises
    ------
    TypeError
        If the values are not numbers.
    ValueError
        If the dimensions are others, a value is NaN, infinite or fractional, or above 2**62.
        Negative ids are found by the kernels, which see every id anyway.
    """
    array = np.asarray(labels)
    if array.ndim not in ndim or array.size == 0:
        wanted = " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(
            f"{name} must be a {wanted} label image of at least one pixel, got shape {array.shape}"
        )
    if array.dtype.kind == "f":
        array = _whole_numbers(array, name)
    elif array.dtype.kind == "b":
        array = array.view(np.uint8)
    elif array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}")
    if array.dtype not in _NATIVE:
        array = _native(array, name)
    return np.ascontiguousarray(array)


def _whole_numbers(array: NDArray[Any], name: str) -> NDArray[np.int64]:
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must hold whole numbers, got NaN or infinity; is it a label image?"
        )
    fractional = array != np.round(array)
    if fractional.any():
        raise ValueError(
            f"{name} must hold whole numbers, got {array[fractional].flat[0]!r}; is it a "
            "probability map? Threshold it and label the nuclei first"
        )
    # As a Python float: 2**62 does not fit float16.
    if float(np.abs(array).max()) > LARGEST_ID:
        raise ValueError(f"{name} holds the id {array.max()!r}; the largest allowed is 2**62")
    return array.astype(np.int64)


def _native(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype.itemsize < 4 and array.dtype.kind == "i":
        return array.astype(np.int32)
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and array.max() > LARGEST_ID:
        raise ValueError(f"{name} holds the id {array.max()}; the largest allowed is 2**62")
    for dtype in _NATIVE:  # the other byte order
        if dtype == array.dtype.newbyteorder("="):
            return array.astype(dtype)
    return array.astype(np.int64)


def ranks_of(
    ids: NDArray[np.int64], name: str = "labels"
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Rank of each id (P,) among the distinct positive ones, and these in ascending order.

    The rank of the background, 0, is -1.

    Raises
    ------
    ValueError
        If an id is negative.

    Examples
    --------
    >>> ranks_of(np.array([7, 0, 3, 7]))
    (array([ 1, -1,  0,  1], dtype=int32), array([3, 7]))
    """
    lowest, largest = extremes(ids)
    if lowest < 0:
        raise negative_id_error(name, lowest)
    if largest <= 16 * ids.size + 1024:
        return dense_ranks(ids, largest)
    distinct, ranks = np.unique(ids, return_inverse=True)  # ids have wide gaps
    background = int(distinct[0] == 0)
    return (ranks - background).astype(np.int32), distinct[background:]


def renumbered(
    labels: NDArray[Any], name: str = "labels"
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Renumber nuclei 1..N in the order of their ids; also these ids (N,).

    Parameters
    ----------
    labels : ndarray of int
        0 is background.
    name : str
        What the argument is called, for messages.

    Raises
    ------
    ValueError
        If an id is negative.
    """
    ranks, ids = ranks_of(labels.ravel().astype(np.int64, copy=False), name)
    return (ranks + 1).reshape(labels.shape), ids


def painted_labels(
    runs: Runs, shape: tuple[int, int], order: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Label image (H, W) of masks painted one after the other in an order; mask i has id i + 1."""
    check_pixels(shape)
    labels = np.zeros(shape, np.int32)
    ids = np.arange(1, runs[2].size, dtype=np.int32)
    paint(labels, *runs, ids, np.ascontiguousarray(order))
    return labels


def hidden_pixels(labels: NDArray[np.int32], runs: Runs) -> int:
    """How many pixels of masks lie under others in the label image they were painted into."""
    return int(runs[1].sum()) - int(np.count_nonzero(labels))


def negative_id_error(name: str, lowest: int) -> ValueError:
    """Make the one message about negative ids."""
    return ValueError(
        f"{name} holds the negative id {lowest}; 0 is background and nuclei have positive ids"
    )


def smallest_dtype(largest_id: int) -> np.dtype[Any]:
    """Unsigned dtype that a label file needs: uint16 if the largest id fits, else uint32.

    Raises
    ------
    ValueError
        If the id does not fit uint32.
    """
    if largest_id > np.iinfo(np.uint32).max:
        raise ValueError(f"id {largest_id} does not fit a label file (uint32); relabel first")
    return np.dtype(np.uint16 if largest_id <= np.iinfo(np.uint16).max else np.uint32)
