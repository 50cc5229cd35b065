"""Reading and writing TIFF without being fooled by truncated files or wild headers."""

import io
import logging
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.readers.allocation import check_allocation
from nucfuse.data.readers.kernels.lzw import lzw_size
from nucfuse.errors import DataError

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_UNCOMPRESSED, _LZW = 1, 5
# Those that label images and photographs come in, and whose decoders survive damaged data.
_COMPRESSIONS = {_UNCOMPRESSED, _LZW, 7, 8, 32946, 32773, 34925, 50000}
_THEIR_NAMES = "none, LZW, JPEG, zlib, deflate, PackBits, LZMA, Zstandard"
# What tifffile has to say of a broken file is in our own message; without a handler, Python would
# print it to stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def read_tiff(data: bytes) -> tuple[NDArray[Any], str, bool]:
    """Decode the first series of a TIFF, all of it or nothing.

    Returns
    -------
    values : ndarray
        A new array without axes of length one.
    axes : str
        One letter per axis: "YX", "YXS" (S: colours), "ZYX" or another letter in front for stacks.
    has_alpha : bool
        Whether the last colour is transparency.

    Raises
    ------
    DataError
        Without the file's name: truncated, damaged, pages missing, or a header that claims more
        than the file can hold.
    """
    import tifffile  # not for who has no TIFF: 0.1 s

    # From memory, so that no metadata can make tifffile open other files.
    file = io.BytesIO(data)
    _check_pages(file)
    try:
        with tifffile.TiffFile(file) as tiff:
            series = tiff.series[0]
            _check_series(series, data)
            values = np.asarray(series.asarray(maxworkers=1))
            if values.shape != tuple(series.shape):
                raise DataError("the TIFF is damaged: its pixels do not fit its size")
            pixels, axes = _squeezed(values, str(series.axes))
            has_alpha = bool(series.keyframe.extrasamples)
    except (DataError, MemoryError):
        raise
    # tifffile raises whatever its parser stumbles over: KeyError, struct.error, AttributeError ...
    except Exception as problem:
        raise DataError(f"the TIFF is truncated or damaged: {problem}") from problem
    return pixels, axes, has_alpha


def tiff_shape(source: Path | bytes) -> tuple[tuple[int, ...], str]:
    """Shape and axes as `read_tiff` gives them, from the headers only."""
    import tifffile

    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        _check_pages(file)
        try:
            with tifffile.TiffFile(file) as tiff:
                series = tiff.series[0]
                shape, axes = tuple(int(n) for n in series.shape), str(series.axes)
                kept = _kept_axes(shape, axes)
        except Exception as problem:
            raise DataError(f"the TIFF is truncated or damaged: {problem}") from problem
    return tuple(shape[k] for k in kept), "".join(axes[k] for k in kept)


def _kept_axes(shape: tuple[int, ...], axes: str) -> list[int]:
    return [k for k, letter in enumerate(axes) if letter in "YX" or shape[k] != 1]


def _squeezed(values: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    kept = _kept_axes(values.shape, axes)
    result = values.reshape([values.shape[k] for k in kept])
    letters = "".join(axes[k] for k in kept)
    if "S" in letters and not letters.endswith("S"):  # one plane per colour
        at = letters.index("S")
        result = np.moveaxis(result, at, -1)
        letters = letters[:at] + letters[at + 1 :] + "S"
    return result.astype(result.dtype.newbyteorder("="), copy=False), letters


def _check_series(series: Any, data: bytes) -> None:
    """Every part of every page must lie in the file, and not be left out."""
    if series.size == 0 or len(series.shape) != len(series.axes):
        raise DataError("the TIFF is damaged: it has no pixels")
    compressed = False
    for page in series.pages:
        # Also None for pages of ImageJ that are stored as one block, which has an offset.
        if page is None and series.dataoffset is None:
            raise DataError("the TIFF is incomplete: pages are missing, or lie in other files")
        frame = page if page is not None else series.keyframe
        keyframe = frame.keyframe  # holds what pages of one kind share
        compression = int(keyframe.compression)
        if compression not in _COMPRESSIONS:
            raise DataError(
                f"the TIFF has compression {compression}; save it with one of these: {_THEIR_NAMES}"
            )
        compressed |= compression != _UNCOMPRESSED
        for offset, count in zip(frame.dataoffsets, frame.databytecounts, strict=True):
            # tifffile takes parts of no bytes for empty and fills them with zeros.
            if count == 0 or offset + count > len(data):
                raise DataError("the TIFF is truncated: pixels are missing")
            if compression == _LZW:
                _check_lzw(data[offset : offset + count], int(keyframe.fillorder))
    check_allocation(int(series.size) * series.dtype.itemsize, len(data), compressed)


def _check_lzw(part: bytes, bit_order: int) -> None:
    # The decoder of imagecodecs 2026.3 crashes on codes that do not exist.
    if bit_order != 1 or lzw_size(np.frombuffer(part, np.uint8)) < 0:
        raise DataError("the TIFF is damaged: its pixels are no valid LZW stream")


def _check_pages(file: BinaryIO) -> None:
    """Follow the chain of pages to its end.

    tifffile would leave out pages that are cut off, and not come back from a circle.
    """
    magic = file.read(4)
    order = "<" if magic.startswith(b"II") else ">"
    is_big = b"+" in magic
    count, offset = (order + "Q", order + "Q") if is_big else (order + "H", order + "I")
    entry_bytes = 20 if is_big else 12
    seen = set()
    at = 8 if is_big else 4
    while page := _number_at(file, at, offset):
        if page in seen:
            raise DataError("the TIFF is damaged: its pages form a circle")
        seen.add(page)
        at = page + struct.calcsize(count) + _number_at(file, page, count) * entry_bytes
    if not seen:
        raise DataError("the TIFF has no pages")
    file.seek(0)


def _number_at(file: BinaryIO, position: int, form: str) -> int:
    size = struct.calcsize(form)
    found = b""
    if position < 2**63:
        file.seek(position)
        found = file.read(size)
    if len(found) < size:
        raise DataError("the TIFF is truncated: pages are missing")
    return int(struct.unpack(form, found)[0])


def write_tiff(path: Path, labels: NDArray[Any]) -> None:
    """Write a label image (H, W) or volume (D, H, W), zlib-compressed, one page per slice."""
    import tifffile

    tifffile.imwrite(
        path, labels, photometric="minisblack", compression="zlib", metadata=None, software=False
    )
