"""Reading and writing TIFF without being fooled by truncated files or wild headers."""

import io
import itertools
import logging
import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.readers.allocation import DEFLATE, check_allocation
from nucfuse.data.readers.kernels.lzw import lzw_size
from nucfuse.errors import DataError

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_LZW = 5
# Those that label images and photographs come in, and whose decoders survive damaged data; and how
# many bytes each makes of one, at most: an empty image in Zstandard's blocks takes next to nothing.
_RATIOS = {
    **{1: 1, _LZW: 2**13, 7: DEFLATE, 8: DEFLATE, 32946: DEFLATE},
    **{32773: 128, 34925: 2**14, 50000: 2**17},
}
_THEIR_NAMES = "none, LZW, JPEG, zlib, deflate, PackBits, LZMA, Zstandard"
# What tifffile has to say of a broken file is in our own message; without a handler, Python would
# print it to stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class Layout(NamedTuple):
    """One image or stack of a file, as its headers have it; axes of length one are left out."""

    series: int
    shape: tuple[int, ...]
    axes: str


class Pixels(NamedTuple):
    """What was decoded.

    Attributes
    ----------
    values : ndarray
        A new array without axes of length one.
    axes : str
        One letter per axis: "YX", "YXS" (S: colours), "SYX" (a plane per colour), "ZYX" or others
        in front for stacks.
    has_alpha : bool
        Whether the last colour is transparency.
    bits : int
        Bits per value in the file.
    """

    values: NDArray[Any]
    axes: str
    has_alpha: bool
    bits: int


def layouts(source: Path | bytes) -> tuple[list[Layout], int]:
    """Find the images and stacks in a TIFF, and the number of thumbnails that are left out.

    A thumbnail is marked as one, or has the form of the largest and at most half its width.
    """
    with _opened(source) as tiff:
        return _layouts(tiff)


def _layouts(tiff: Any) -> tuple[list[Layout], int]:
    found = [_layout(k, one) for k, one in enumerate(tiff.series)]
    marked = [one.keyframe.is_reduced for one in tiff.series]
    largest = max(found, key=lambda one: math.prod(one.shape))
    kept = [
        one
        for one, is_reduced in zip(found, marked, strict=True)
        if one is largest or not (is_reduced or _is_thumbnail(one, largest))
    ]
    n_levels = sum(len(one.levels) - 1 for one in tiff.series)
    return kept, len(found) - len(kept) + n_levels


def _is_thumbnail(one: Layout, largest: Layout) -> bool:
    if one.axes != largest.axes or "YX" not in one.axes:
        return False
    at = one.axes.index("YX")
    (height, width), (full_height, full_width) = one.shape[at : at + 2], largest.shape[at : at + 2]
    # The smaller sides are rounded, up or down.
    turned = abs(height * full_width - width * full_height)
    return 2 * width <= full_width + 1 and turned <= max(full_height, full_width)


def read_tiff(
    source: Path | bytes, series: int | None = None, index: Sequence[int | None] = ()
) -> Pixels:
    """Decode one series of a TIFF, or one frame of it, all of it or nothing.

    Parameters
    ----------
    source : Path or bytes
    series : int, optional
        See `Layout`; without it there must be one but for thumbnails.
    index : sequence of int or None
        For each axis of the layout the place along it, or None for all of it.

    Raises
    ------
    DataError
        Without the file's name: truncated, damaged, pages missing, or a header that claims more
        than the file can hold.
    """
    with _opened(source) as tiff:
        series, shape, axes = (
            _only_one(tiff) if series is None else _layout(series, tiff.series[series])
        )
        chosen = tiff.series[series]
        lead = tuple(k for k in itertools.takewhile(_is_place, index) if k is not None)
        values = _decoded(tiff, chosen, shape, lead)
        rest = tuple(slice(None) if k is None else k for k in index[len(lead) :])
        pixels = np.asarray(values[rest]) if rest else values
        letters = "".join(a for a, k in itertools.zip_longest(axes, index) if k is None)
        native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        keyframe = chosen.keyframe
        return Pixels(native, letters, bool(keyframe.extrasamples), int(keyframe.bitspersample))


def _is_place(position: int | None) -> bool:
    return position is not None


def _only_one(tiff: Any) -> Layout:
    found, _ = _layouts(tiff)
    if len(found) > 1:
        sizes = ", ".join(str(one.shape) for one in found[:3])
        raise DataError(f"the TIFF holds {len(found)} images ({sizes}, …); expected one")
    return found[0]


@contextmanager
def _opened(source: Path | bytes) -> Iterator[Any]:
    import tifffile  # not for who has no TIFF: 0.1 s

    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        _check_pages(file)
        try:
            with tifffile.TiffFile(_Nameless(file)) as tiff:
                yield tiff
        except (DataError, MemoryError):
            raise
        # tifffile raises whatever its parser stumbles over: KeyError, struct.error, AttributeError
        except Exception as problem:
            raise DataError(f"the TIFF is truncated or damaged: {problem}") from problem


class _Nameless:
    """A file whose place tifffile does not know, so that no metadata make it open others there."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self.readinto = file.readinto  # type: ignore[attr-defined]


def _layout(number: int, series: Any) -> Layout:
    axes, shape = str(series.axes), tuple(int(n) for n in series.shape)
    if math.prod(shape) == 0 or len(shape) != len(axes):
        raise DataError("the TIFF is damaged: it has no pixels")
    kept = [k for k, letter in enumerate(axes) if letter in "YX" or shape[k] != 1]
    return Layout(number, tuple(shape[k] for k in kept), "".join(axes[k] for k in kept))


def _decoded(tiff: Any, series: Any, shape: tuple[int, ...], lead: tuple[int, ...]) -> NDArray[Any]:
    """Decode what lies at these places along the first axes; no other page is read if possible."""
    n_frames = math.prod(shape[: len(lead)])
    wanted = shape[len(lead) :]
    per_frame, odd = divmod(len(series.pages), n_frames)
    if odd:  # a page holds several frames
        return _decoded(tiff, series, shape, ())[lead]
    at = int(np.ravel_multi_index(lead, shape[: len(lead)])) if lead else 0
    pages = slice(at * per_frame, (at + 1) * per_frame)
    _check_series(tiff.filehandle, series, pages, math.prod(wanted))
    if not lead:
        values = series.asarray(maxworkers=1)
    elif series.dataoffset is not None:  # all frames in one block
        dtype = np.dtype(tiff.byteorder + series.dtype.char)
        tiff.filehandle.seek(series.dataoffset + at * math.prod(wanted) * dtype.itemsize)
        values = tiff.filehandle.read_array(dtype, math.prod(wanted))
    else:
        values = tiff.asarray(key=pages, series=series, maxworkers=1)
    if values.size != math.prod(wanted):
        raise DataError("the TIFF is damaged: its pixels do not fit its size")
    return np.asarray(values).reshape(wanted)


def _check_series(file: Any, series: Any, pages: slice, n_values: int) -> None:
    """Every part of these pages must lie in the file, and not be left out."""
    ratio = 1
    for page in series.pages[pages]:
        # Also None for pages of ImageJ that are stored as one block, which has an offset.
        if page is None and series.dataoffset is None:
            raise DataError("the TIFF is incomplete: pages are missing, or lie in other files")
        frame = page if page is not None else series.keyframe
        keyframe = frame.keyframe  # holds what pages of one kind share
        compression = int(keyframe.compression)
        if compression not in _RATIOS:
            raise DataError(
                f"the TIFF has compression {compression}; save it with one of these: {_THEIR_NAMES}"
            )
        ratio = max(ratio, _RATIOS[compression])
        for offset, count in zip(frame.dataoffsets, frame.databytecounts, strict=True):
            # tifffile takes parts of no bytes for empty and fills them with zeros.
            if count == 0 or offset + count > file.size:
                raise DataError("the TIFF is truncated: pixels are missing")
            if compression == _LZW:
                file.seek(offset)
                _check_lzw(file.read(count), int(keyframe.fillorder))
    shape = (n_values // int(series.keyframe.samplesperpixel),)
    check_allocation(n_values * series.dtype.itemsize, file.size, ratio, shape)


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
    # File systems refuse to seek where no file of theirs can end.
    if position + size > file.seek(0, io.SEEK_END):
        raise DataError("the TIFF is truncated: pages are missing")
    file.seek(position)
    return int(struct.unpack(form, file.read(size))[0])


def write_tiff(path: Path, labels: NDArray[Any]) -> None:
    """Write a label image (H, W) or volume (D, H, W), zlib-compressed, one page per slice.

    A volume says that it is one; a page of its own needs no word.
    """
    import tifffile

    about = {"axes": "ZYX"} if labels.ndim == 3 else None
    tifffile.imwrite(
        path, labels, photometric="minisblack", compression="zlib", metadata=about, software=False
    )
