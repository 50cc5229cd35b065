"""Files that hold several images: which axes count images, and which is the depth of a volume."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from nucfuse.data.readers.tiff import Layout
from nucfuse.errors import DataError

# What the first axis of a stack is, where the file does not say it or is wrong.
Stack: TypeAlias = Literal["frames", "volume"] | None

_UNSAID = "IQ"  # tifffile's letters for pages in a row and for "other"


class Place(NamedTuple):
    """Where one image lies in its file: in which series, and at which place along each axis."""

    series: int
    position: tuple[int | None, ...]


def label_frames(axes: str, stack: Stack) -> list[int]:
    """Which axes of a label file count images of their own; another one is a volume's depth.

    Parameters
    ----------
    axes : str
        One letter per axis: T (time), C (channel) and others count images, Z is depth, S colours.
    stack : {"frames", "volume"}, optional
        What the axes in front of height and width are, whatever the file says.

    Raises
    ------
    DataError
        If the file does not say what an axis is, and ``stack`` neither.

    Examples
    --------
    >>> label_frames("TZYX", None), label_frames("TYX", "volume"), label_frames("QYX", "frames")
    ([0], [], [0])
    """
    # One plane per colour is what three frames look like to some programs.
    other = "YX" if stack and axes.startswith("S") else "YXS"
    front = [k for k, letter in enumerate(axes) if letter not in other]
    unsaid = [k for k in front if axes[k] in _UNSAID]
    if stack == "frames" or not front:
        return front
    if unsaid and (stack is None or len(unsaid) > 1):
        raise DataError(
            f"it is a stack, and its axes ({axes}) do not say of what: give --stack frames if "
            "they are images of their own, whose ids begin anew in each, or --stack volume if they "
            "are the slices of one 3-D image"
        )
    depth = unsaid or [k for k in front if axes[k] == "Z"] or (front[-1:] if stack else [])
    return [k for k in front if k not in depth]


def image_frames(axes: str) -> list[int]:
    """Which axes of an image file count images: time, position, and others but channel and depth.

    Examples
    --------
    >>> image_frames("TYXS"), image_frames("CYX")
    ([0], [])
    """
    return [k for k, letter in enumerate(axes) if letter not in "YXSCZ" + _UNSAID]


def places(
    layouts: Sequence[Layout], frames_of: Callable[[str], list[int]], n_bytes: int
) -> Iterator[tuple[str, Place]]:
    """Find all images of a file, each with what tells it from the others in its id.

    Parameters
    ----------
    layouts : sequence of Layout
    frames_of : callable
        `label_frames` or `image_frames`.
    n_bytes : int
        Size of the file.

    Yields
    ------
    suffix : str
        ":series", ":frame" or ":series:frame"; "" for the only image.
    place : Place
    """
    for number, (series, shape, axes) in enumerate(layouts):
        frames = frames_of(axes)
        if math.prod(shape[k] for k in frames) > n_bytes:
            raise DataError(f"it claims {shape} images and more, which {n_bytes} bytes cannot hold")
        prefix = f":{number}" if len(layouts) > 1 else ""
        ranges = [range(n) if k in frames else (None,) for k, n in enumerate(shape)]
        for index in itertools.product(*ranges):
            yield prefix + "".join(f":{i}" for i in index if i is not None), Place(series, index)
