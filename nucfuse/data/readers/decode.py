"""Pixels of an image file of any kind, told by its content, as they are stored."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.readers import bmp, jpeg, npy, png, tiff
from nucfuse.data.readers.stack import Place
from nucfuse.errors import DataError


class Raster(NamedTuple):
    """Pixels as stored.

    Attributes
    ----------
    values : ndarray
    axes : str
        "YX", "YXS" (colours last), "SYX" (a plane per colour), or a stack such as "ZYX".
    has_alpha : bool
        Whether the last colour is transparency.
    bits : int
        Of a value in the file; values of fewer than 8 are not scaled.
    palette : ndarray of uint8, shape (K, 3), or None
        Colours of the values, which are indices then.
    is_lossy : bool
        Whether neighbouring values are blurred into each other.
    """

    values: NDArray[Any]
    axes: str
    has_alpha: bool = False
    bits: int = 8
    palette: NDArray[np.uint8] | None = None
    is_lossy: bool = False


def decode(data: bytes) -> Raster:
    """Decode the one image or stack of a file; a DataError does not name the file."""
    if data[:4] in tiff.MAGICS:
        return Raster(*tiff.read_tiff(data))
    if data.startswith(png.SIGNATURE):
        found = png.read_png(data)
        axes = "YXS"[: found.values.ndim]
        return Raster(found.values, axes, found.has_alpha, found.depth, found.palette)
    if data.startswith(npy.MAGIC):
        values = npy.read_npy(data)
        return Raster(values, npy_axes(values.ndim))
    if data.startswith(bmp.MAGIC):
        values = bmp.read_bmp(data)
        return Raster(values, "YXS"[: values.ndim])
    if data.startswith(jpeg.MAGIC):
        return Raster(jpeg.read_jpeg(data), "YXS", is_lossy=True)
    raise not_an_image(data)


def decode_at(path: Path, head: bytes, place: Place) -> Raster:
    """Decode one of several images of a file that begins with ``head``; reads no more of it."""
    if head[:4] in tiff.MAGICS:
        return Raster(*tiff.read_tiff(path, place.series, place.position))
    if head.startswith(npy.MAGIC):
        values = npy.read_npy_at(path, head, place.position)
        return Raster(values, npy_axes(values.ndim))
    raise DataError("it changed while it was read")


def npy_axes(ndim: int) -> str:
    """Axes of an array, which cannot say what those in front of height and width are."""
    return "Q" * (ndim - 2) + "YX" if ndim >= 2 else f"{ndim}-D"


def not_an_image(data: bytes) -> DataError:
    """Error that says what the data begin with."""
    if not data:
        return DataError("the file is empty")
    return DataError(
        f"it is no PNG, TIFF, BMP, JPEG or NPY image (it begins with {data[:8]!r}); "
        "is it damaged, or another kind of file?"
    )
