"""How many pixels may be held in memory at once, whatever a file says of its size."""

import math
from collections.abc import Sequence

# 32,768 x 32,768: beyond any image that fits a workstation's memory several times.
MAX_PIXELS = 2**30

_allowed = [MAX_PIXELS]  # of this process, all threads


class TooManyPixelsError(MemoryError):
    """An array of pixels is larger than allowed; it was not asked for."""


def max_pixels() -> int:
    """Return how many pixels this process may hold at once."""
    return _allowed[0]


def set_max_pixels(number: int) -> None:
    """Change how many pixels this process may hold at once."""
    _allowed[0] = number


def check_pixels(shape: Sequence[int]) -> None:
    """Raise a TooManyPixelsError if an array (H, W) or (D, H, W) has more pixels than allowed.

    Examples
    --------
    >>> check_pixels((100_000, 100_000))
    Traceback (most recent call last):
    ...
    nucfuse.masks.allocation.TooManyPixelsError: 100000 x 100000 pixels are more than the \
1073741824 that may be held at once; is the size right? If it is and memory suffices, give \
--max-pixels 10000000000
    """
    if math.prod(shape) > max_pixels():
        raise TooManyPixelsError(
            f"{' x '.join(map(str, shape))} pixels are more than the {max_pixels()} that may be "
            "held at once; is the size right? If it is and memory suffices, give --max-pixels "
            f"{math.prod(shape)}"
        )
