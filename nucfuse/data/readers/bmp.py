"""A strict reader of plain BMP: 8 bits (values or palette indices), 24 and 32 bits.

Not left to imagecodecs (2026.3): its decoder ends the process on some damaged headers.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.readers.allocation import check_allocation
from nucfuse.errors import DataError

MAGIC = b"BM"

_HEADER = struct.Struct("<2sIHHIIiiHHI")
_PLAIN, _BIT_FIELDS = 0, 3


def read_header(data: bytes) -> tuple[int, int, int, int, bool]:
    """Height, width, bits per pixel, where the pixels begin, whether rows go upwards."""
    if len(data) < _HEADER.size:
        raise DataError("the BMP is truncated within its header")
    _, _, _, _, offset, _, width, height, _, bits, packing = _HEADER.unpack_from(data)
    known = packing == _PLAIN or (packing == _BIT_FIELDS and bits == 32)
    if width <= 0 or height == 0 or not known or bits not in (8, 24, 32):
        raise DataError("expected a plain BMP of 8, 24 or 32 bits per pixel; save it as PNG")
    return abs(height), width, bits, offset, height > 0


def read_bmp(data: bytes) -> NDArray[np.uint8]:
    """Decode a BMP -> uint8 (H, W) values or palette indices as stored, or (H, W, 3) RGB.

    Raises
    ------
    DataError
        Without the file's name: truncated, compressed, or of other depths.
    """
    height, width, bits, offset, upwards = read_header(data)
    stride = (width * bits // 8 + 3) // 4 * 4
    check_allocation(height * stride, len(data) - offset, shape=(height, width))
    rows = np.frombuffer(data, np.uint8, height * stride, offset).reshape(height, stride)
    pixels = rows[:: -1 if upwards else 1, : width * bits // 8]
    if bits == 8:
        return pixels.copy()
    return pixels.reshape(height, width, bits // 8)[:, :, 2::-1].copy()
