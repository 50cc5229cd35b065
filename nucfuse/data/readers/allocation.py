"""How much memory a file may ask for, judged by its size before anything is allocated."""

from collections.abc import Sequence

from nucfuse.errors import DataError
from nucfuse.masks.allocation import TooManyPixelsError, check_pixels, max_pixels

# Deflate packs at most 1032 bytes into one.
DEFLATE = 2000
# Of one pixel: four channels of 16 bits, or an id of 64.
PIXEL_BYTES = 8


def largest_bytes() -> int:
    """Bytes that one file, or one array of it, may take in memory."""
    return max_pixels() * PIXEL_BYTES


def check_allocation(
    needed: int, stored: int, ratio: int = 1, shape: Sequence[int] | None = None
) -> None:
    """Refuse data that cannot be as large as a header says, or may not be.

    Parameters
    ----------
    needed : int
        Bytes that the data would take in memory.
    stored : int
        Bytes that the file has for them.
    ratio : int
        Bytes that one stored byte can stand for; 1: they are not compressed.
    shape : sequence of int, optional
        Height and width in pixels (and depth), where known.

    Raises
    ------
    DataError
        If the claim is beyond what the stored bytes can hold, or above what is allowed
        (`nucfuse.masks.allocation`).

    Examples
    --------
    >>> check_allocation(2**40, 500, DEFLATE)
    Traceback (most recent call last):
    ...
    nucfuse.errors.DataError: its header claims 1099511627776 bytes of data, which 500 \
stored bytes cannot hold; the file is damaged or truncated
    """
    if needed > stored * ratio:
        raise DataError(
            f"its header claims {needed} bytes of data, which {stored} stored bytes cannot hold; "
            "the file is damaged or truncated"
        )
    if shape is not None:
        try:
            check_pixels(shape)
        except TooManyPixelsError as problem:
            raise DataError(f"its {problem}; or cut it into tiles") from None
    if needed > largest_bytes():
        raise DataError(
            f"it would take {needed} bytes of memory, more than the {largest_bytes()} that "
            f"{max_pixels()} pixels may take; give --max-pixels {-(-needed // PIXEL_BYTES)} if "
            "memory suffices, or cut it into tiles"
        )
