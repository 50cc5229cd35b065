"""A strict PNG reader that keeps what others change: palette indices, and ids in 1 to 4 bits.

It reads the masks of the DSB2018 training set in a sixth of the CPU time of OpenCV,
as libpng inflates with zlib and this with zlib-ng, which copies long runs of zeros much faster.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from nucfuse.data.readers.allocation import DEFLATE, check_allocation
from nucfuse.data.readers.kernels.png import unfilter_png
from nucfuse.errors import DataError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 33

_HEADER = struct.Struct(">8sI4sIIBBBBBI")
_CHUNK = struct.Struct(">I4s")
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_DEPTHS = {
    _GREY: (1, 2, 4, 8, 16),
    _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GREY_ALPHA: (8, 16),
    _RGBA: (8, 16),
}

# First row and column, and distances, of the pixels of each part of an interlaced image.
_ADAM7 = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
    (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
)  # fmt: skip

# Not in every build of imagecodecs; the slower zlib gives the same bytes.
_inflate: Callable[..., Any] = (
    imagecodecs.zlibng_decode if imagecodecs.ZLIBNG.available else imagecodecs.zlib_decode
)


class Png(NamedTuple):
    """A decoded PNG.

    Attributes
    ----------
    values : ndarray of uint8 or uint16, shape (H, W) or (H, W, C)
        Grey values or palette indices as stored, not scaled; else the channels, alpha last.
    palette : ndarray of uint8, shape (K, 3), or None
        RGB of each palette index.
    has_alpha : bool
    depth : int
        Bits per value in the file.
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    palette: NDArray[np.uint8] | None
    has_alpha: bool
    depth: int


class Header(NamedTuple):
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool


def read_header(data: bytes) -> Header:
    """Read the header of a PNG; its first `HEADER_BYTES` bytes suffice.

    Raises
    ------
    DataError
        Without the file's name, which the caller knows: truncated, damaged, or not a PNG.
    """
    if len(data) < HEADER_BYTES:
        raise DataError("the PNG is truncated within its header")
    mark, length, kind, width, height, depth, colour, packing, filters, interlace, crc = (
        _HEADER.unpack_from(data)
    )
    if mark != SIGNATURE or length != 13 or kind != b"IHDR" or crc != zlib.crc32(data[12:29]):
        raise DataError("the PNG header is damaged")
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise DataError(f"the PNG header claims an impossible size, {height} x {width}")
    if depth not in _DEPTHS.get(colour, ()) or packing or filters or interlace > 1:
        raise DataError("the PNG header names a pixel format that does not exist")
    return Header(width, height, depth, colour, interlace == 1)


def read_png(data: bytes) -> Png:
    """Decode a PNG, all of it or nothing.

    Raises
    ------
    DataError
        Without the file's name: truncated, damaged (checksums), or a header that claims more
        than the file can hold.
    """
    header = read_header(data)
    packed, palette = _chunks(data)
    passes = _passes(header)
    n_bytes = sum(one.height * (_row_bytes(one) + 1) for one, _ in passes)
    check_allocation(n_bytes, len(packed), DEFLATE, (header.height, header.width))
    values = _decoded(_inflated(packed, n_bytes), header, passes)
    if header.colour == _PALETTE and palette is None:
        raise DataError("the PNG has palette indices but no palette")
    # Other kinds of PNG may carry a palette as a mere suggestion.
    has_alpha = header.colour in (_GREY_ALPHA, _RGBA)
    return Png(values, palette if header.colour == _PALETTE else None, has_alpha, header.depth)


def _chunks(data: bytes) -> tuple[bytes | memoryview, NDArray[np.uint8] | None]:
    """Find the compressed pixels and the palette (or None); checks order and checksums."""
    view = memoryview(data)
    packed: list[memoryview] = []
    palette = None
    at = len(SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise DataError("the PNG is truncated: its end is missing")
        length, kind = _CHUNK.unpack_from(data, at)
        end = at + 12 + length
        if end > len(data):
            raise DataError("the PNG is truncated: its end is missing")
        critical = not kind[0] & 32
        checksum = int.from_bytes(view[end - 4 : end], "big")
        if critical and zlib.crc32(view[at + 4 : end - 4]) != checksum:
            raise DataError(f"the PNG is damaged: wrong checksum at byte {at}")
        if kind == b"IDAT":
            packed.append(view[at + 8 : end - 4])
        elif kind == b"PLTE":
            palette = np.frombuffer(view[at + 8 : at + 8 + length // 3 * 3], np.uint8)
        elif kind == b"IEND":
            break
        elif critical and at > len(SIGNATURE):
            raise DataError(f"the PNG is damaged: unknown part {kind!r} at byte {at}")
        at = end
    pixels = packed[0] if len(packed) == 1 else b"".join(packed)
    return pixels, None if palette is None else palette.reshape(-1, 3)


def _passes(header: Header) -> list[tuple[Header, tuple[slice, slice]]]:
    """Parts of the image in their order, each as one of its own, and where its pixels belong."""
    if not header.interlaced:
        return [(header, (slice(None), slice(None)))]
    parts = []
    for y, x, dy, dx in _ADAM7:
        height, width = len(range(y, header.height, dy)), len(range(x, header.width, dx))
        if height and width:
            part = header._replace(height=height, width=width)
            parts.append((part, (slice(y, None, dy), slice(x, None, dx))))
    return parts


def _row_bytes(header: Header) -> int:
    return (header.width * _CHANNELS[header.colour] * header.depth + 7) // 8


def _inflated(packed: bytes | memoryview, n_bytes: int) -> NDArray[np.uint8]:
    raw = np.empty(n_bytes, np.uint8)
    try:
        got = _inflate(packed, out=raw)
    except (RuntimeError, ValueError) as problem:
        raise DataError(
            "the PNG is damaged: its compressed pixels are no valid stream"
        ) from problem
    if len(got) != raw.size:
        raise DataError("the PNG is damaged: it has fewer rows than its header says")
    return raw


def _decoded(
    raw: NDArray[np.uint8], header: Header, passes: list[tuple[Header, tuple[slice, slice]]]
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Unfilter each part and put its pixels where they belong."""
    if not header.interlaced:
        return _values(_unfiltered(raw, header), header)
    channels = _CHANNELS[header.colour]
    shape = (header.height, header.width, channels)[: 2 + (channels > 1)]
    values = np.empty(shape, np.uint16 if header.depth == 16 else np.uint8)
    for part, place in passes:
        n_bytes = part.height * (_row_bytes(part) + 1)
        values[place] = _values(_unfiltered(raw[:n_bytes], part), part)
        raw = raw[n_bytes:]
    return values


def _unfiltered(raw: NDArray[np.uint8], header: Header) -> NDArray[np.uint8]:
    """Undo the filters of scan lines -> bytes of the image, uint8 (H, B)."""
    lines = raw.reshape(header.height, -1)
    if not unfilter_png(lines, max(1, _CHANNELS[header.colour] * header.depth // 8)):
        raise DataError("the PNG is damaged: unknown filter")
    return np.ascontiguousarray(lines[:, 1:])


def _values(rows: NDArray[np.uint8], header: Header) -> NDArray[np.uint8] | NDArray[np.uint16]:
    channels = _CHANNELS[header.colour]
    shape = (header.height, header.width, channels)[: 2 + (channels > 1)]
    if header.depth == 16:
        return rows.view(">u2").astype(np.uint16).reshape(shape)
    if header.depth == 8:
        return rows.reshape(shape)
    bits = np.unpackbits(rows, axis=1).reshape(header.height, -1, header.depth)
    weights = (1 << np.arange(header.depth)[::-1]).astype(np.uint8)
    values = (bits * weights).sum(axis=2, dtype=np.uint8)
    return np.ascontiguousarray(values[:, : header.width])
