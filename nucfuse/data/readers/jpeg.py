"""JPEG images, refused if truncated (libjpeg fills what is missing with grey and goes on)."""

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from nucfuse.data.readers.allocation import DEFLATE, check_allocation
from nucfuse.errors import DataError

MAGIC = b"\xff\xd8"

_END = b"\xff\xd9"
_SCAN = 0xDA
# Markers that begin a frame and so hold the size; C4, C8 and CC in between are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read_header(data: bytes) -> tuple[int, int, int]:
    """Height, width, and where the compressed pixels begin."""
    at, height, width = 2, 0, 0
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
        if marker == _SCAN and height and width:
            return height, width, at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise DataError("the JPEG is truncated or damaged")


def read_jpeg(data: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG -> RGB, uint8 (H, W, 3); DataError (without the file's name) if truncated."""
    height, width, scan = read_header(data)
    check_allocation(height * width * 3, len(data), DEFLATE, (height, width))
    if data.find(_END, scan) < 0:
        raise DataError("the JPEG is truncated: its end is missing")
    try:
        return np.asarray(imagecodecs.jpeg8_decode(data, outcolorspace="rgb"))
    except (RuntimeError, ValueError) as problem:
        raise DataError(f"the JPEG is damaged: {problem}") from problem
