"""How much memory a file may ask for, judged by its size before anything is allocated."""

from nucfuse.errors import DataError

# Deflate packs at most 1032 bytes into one; LZW and zstd do better on empty label images.
LARGEST_RATIO = 2000
# 46,000 x 46,000 pixels as uint32: beyond any label image that fits a workstation's memory.
LARGEST_BYTES = 2**33


def check_allocation(needed: int, stored: int, compressed: bool) -> None:
    """Refuse data that cannot be as large as a header says.

    Parameters
    ----------
    needed : int
        Bytes that the data would take in memory.
    stored : int
        Bytes that the file has for them.
    compressed : bool
        Whether they are compressed there; if not, all needed bytes must be there.

    Raises
    ------
    DataError
        If the claim is beyond what the stored bytes can hold, or above `LARGEST_BYTES`.

    Examples
    --------
    >>> check_allocation(2**40, 500, compressed=True)
    Traceback (most recent call last):
    ...
    nucfuse.errors.DataError: its header claims 1099511627776 bytes of data, which 500 \
stored bytes cannot hold; the file is damaged or truncated
    """
    if needed > stored * (LARGEST_RATIO if compressed else 1):
        raise DataError(
            f"its header claims {needed} bytes of data, which {stored} stored bytes cannot hold; "
            "the file is damaged or truncated"
        )
    if needed > LARGEST_BYTES:
        raise DataError(
            f"it would take {needed} bytes of memory (limit {LARGEST_BYTES}); cut it into tiles"
        )
