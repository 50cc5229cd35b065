"""Sizes of images, and how many a file holds, from headers alone."""

from collections.abc import Callable
from pathlib import Path

from nucfuse.data.dataset import Shape
from nucfuse.data.readers import bmp, jpeg, npy, png, tiff
from nucfuse.data.readers.decode import not_an_image, npy_axes
from nucfuse.data.readers.files import read_bytes, read_head
from nucfuse.data.readers.stack import Place, places
from nucfuse.data.readers.tiff import Layout
from nucfuse.errors import DataError

HEAD_BYTES = npy.LONGEST_HEADER + 12


def image_size(
    source: Path | bytes, name: str | None = None, place: Place | None = None
) -> Shape | None:
    """Height and width, or None for a volume or several images; raises DataError."""
    if isinstance(source, Path):
        head, name = read_head(source, HEAD_BYTES), name or str(source)
    else:
        head, name = source, name or "data"
    try:
        if head.startswith(png.SIGNATURE):
            header = png.read_header(head)
            return header.height, header.width
        if head.startswith(bmp.MAGIC):
            return bmp.read_header(head)[:2]
        if head.startswith(jpeg.MAGIC):
            return jpeg.read_header(source if isinstance(source, bytes) else read_bytes(source))[:2]
        return _size_of_stack(_layouts(head, source)[0], place)
    except DataError as problem:
        raise DataError(f"{name}: {problem}") from problem


def images_in(
    path: Path, frames_of: Callable[[str], list[int]]
) -> tuple[list[tuple[str, Place]], int]:
    """Find the images in a TIFF or an array.

    Parameters
    ----------
    path : Path
    frames_of : callable
        Which axes of a stack count images, see `nucfuse.data.readers.stack`.

    Returns
    -------
    found : list of (str, Place)
        What each adds to the id of the file, and where it lies; empty if the file is one image.
    n_thumbnails : int
        Smaller copies that are left out.

    Raises
    ------
    DataError
        If it is neither, damaged, or does not say what an axis is.
    """
    layouts, n_thumbnails = _layouts(read_head(path, HEAD_BYTES), path)
    found = list(places(layouts, frames_of, path.stat().st_size))
    return (found if len(found) > 1 else []), n_thumbnails


def _layouts(head: bytes, source: Path | bytes) -> tuple[list[Layout], int]:
    if head[:4] in tiff.MAGICS:
        return tiff.layouts(source)
    if head.startswith(npy.MAGIC):
        shape = npy.read_header(head).shape
        return [Layout(0, shape, npy_axes(len(shape)))] if len(shape) >= 2 else [], 0
    raise not_an_image(head)


def _size_of_stack(layouts: list[Layout], place: Place | None) -> Shape | None:
    if place is None:
        if len(layouts) != 1:
            return None
        _, shape, axes = layouts[0]
        kept = [(n, a) for n, a in zip(shape, axes, strict=False) if a in "YX" or n != 1]
    else:
        _, shape, axes = next(one for one in layouts if one.series == place.series)
        whole = zip(shape, axes, place.position, strict=True)
        kept = [(n, a) for n, a, k in whole if k is None]
    sizes = [n for n, letter in kept if letter != "S"]
    is_flat = "".join(letter for _, letter in kept if letter != "S") == "YX"
    return (sizes[0], sizes[1]) if is_flat else None
