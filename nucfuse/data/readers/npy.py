"""A strict reader of ``.npy`` data: numbers only, nothing is ever unpickled or evaluated.

Not left to `numpy.lib.format`: with its parser of headers the 3,320 small arrays of 664 images in
one ``.npz`` take 0.7 s to read instead of 0.4.
"""

import math
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.readers.allocation import check_allocation
from nucfuse.errors import DataError

MAGIC = b"\x93NUMPY"
# Longer headers belong to record arrays with many fields.
LONGEST_HEADER = 10_000

_DESCR = re.compile(r"""['"]descr['"]\s*:\s*['"]([^'"]*)['"]""")
_FORTRAN = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([\d\s,]*)\)""")
_NUMBER = re.compile(r"[<>=|]?(b1|\?|[iu][1248]|f[248])")


class Header(NamedTuple):
    """What a ``.npy`` header says, and where the values begin."""

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]
    offset: int


def read_header(data: bytes) -> Header:
    """Read the header of ``.npy`` data; its first ``LONGEST_HEADER + 12`` bytes suffice.

    Raises
    ------
    DataError
        Without the file's name: damaged, or values that are not real numbers.
    """
    if len(data) < 10 or not data.startswith(MAGIC) or data[6] not in (1, 2, 3):
        raise DataError("the npy header is truncated or damaged")
    begin = 10 if data[6] == 1 else 12
    length = int.from_bytes(data[8:begin], "little")
    if length > LONGEST_HEADER:
        raise DataError(f"its npy header is {length} bytes long; arrays of numbers need 100")
    if begin + length > len(data):
        raise DataError("the npy header is truncated")
    text = data[begin : begin + length].decode("latin-1")
    fortran, shape = _FORTRAN.search(text), _SHAPE.search(text)
    if not fortran or not shape or "descr" not in text:
        raise DataError("the npy header is damaged")
    # Numbers of 5,000 digits would pass the pattern, but not int().
    sizes = [n.strip() for n in shape[1].split(",") if n.strip()]
    if any(len(n) > 18 or not n.isdecimal() for n in sizes):
        raise DataError(f"the npy header claims an impossible shape ({shape[1]:.60})")
    numbers = tuple(int(n) for n in sizes)
    return Header(_dtype(text), fortran[1] == "True", numbers, begin + length)


def _dtype(header: str) -> np.dtype[Any]:
    found = _DESCR.search(header)
    if found is None:
        raise DataError("it is an npy array of records; save the plain array of numbers")
    if found[1].endswith("O"):
        raise DataError(
            "it is an npy array of Python objects, which nucfuse never unpickles; save one plain "
            "array of numbers per file"
        )
    if not _NUMBER.fullmatch(found[1]):
        raise DataError(f"its npy values are of type {found[1]!r:.20}; expected real numbers")
    return np.dtype(found[1])


def read_npy(data: bytes) -> NDArray[Any]:
    """Decode ``.npy`` data -> a new array in this machine's byte order.

    Raises
    ------
    DataError
        Without the file's name: damaged, truncated, not real numbers (objects are never
        unpickled), or a header that claims more than the file holds.
    """
    header = read_header(data)
    count = math.prod(header.shape)
    if len(header.shape) > 32:
        raise DataError(f"the npy header claims {len(header.shape)} dimensions")
    check_allocation(count * header.dtype.itemsize, len(data) - header.offset)
    flat = np.frombuffer(data, header.dtype, count, header.offset)
    native = flat.astype(header.dtype.newbyteorder("="))
    return native.reshape(header.shape, order="F" if header.fortran_order else "C")


def read_npy_at(path: Path, head: bytes, index: tuple[int | None, ...]) -> NDArray[Any]:
    """Decode a part of a ``.npy`` file, without reading the rest.

    Parameters
    ----------
    path : Path
    head : bytes
        Its first ``LONGEST_HEADER + 12`` bytes.
    index : tuple of int or None
        For each axis the place along it, or None for all of it.
    """
    header = read_header(head)
    stored = path.stat().st_size - header.offset
    check_allocation(math.prod(header.shape) * header.dtype.itemsize, stored)
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    whole = np.memmap(path, header.dtype, "r", header.offset, header.shape, order)
    part = whole[tuple(slice(None) if k is None else k for k in index)]
    return np.array(part, header.dtype.newbyteorder("="))
