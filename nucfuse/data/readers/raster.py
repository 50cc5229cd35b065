"""One label image or one image from a file: PNG, TIFF, JPEG, BMP or NPY, told by its content."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.data.dataset import Shape
from nucfuse.data.intensity import stretched
from nucfuse.data.readers import bmp, jpeg, npy, png, tiff
from nucfuse.data.readers.allocation import LARGEST_BYTES
from nucfuse.errors import DataError
from nucfuse.masks.labels import check_labels, smallest_dtype

LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".bmp")
IMAGE_SUFFIXES = (*LABEL_SUFFIXES, ".jpg", ".jpeg")

# Percentiles that become 0 and 255: with hot pixels unclipped, all else would be black.
_DARK, _BRIGHT = 0.1, 99.9


class Raster(NamedTuple):
    """Pixels as stored: "YX", "YXS" (colours last) or a stack such as "ZYX"."""

    values: NDArray[Any]
    axes: str
    has_alpha: bool = False
    palette: NDArray[np.uint8] | None = None


def read_labels(source: Path | bytes, name: str | None = None) -> NDArray[Any]:
    """Read a label image or volume.

    Parameters
    ----------
    source : Path or bytes
        PNG, TIFF, BMP or NPY file, or its content.
    name : str, optional
        What errors call it; the path by default.

    Returns
    -------
    ndarray of uint8, uint16, int32 or int64, shape (H, W) or (D, H, W)
        The ids as stored: of a palette image the indices, of grey images below 8 bits the plain
        values. 0 is background.

    Raises
    ------
    DataError
        Names the file: not an image, empty, truncated or damaged; colours that differ between
        channels; JPEG; values that are fractional, NaN, infinite or negative; Python objects;
        headers that claim more than the file can hold.
    """
    return _named(source, name, _labels)


def read_image(source: Path | bytes, name: str | None = None) -> NDArray[np.uint8]:
    """Read an image for display or prediction.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Grey becomes three equal channels, palettes become colours, transparency is dropped. Other
        types than uint8 are scaled linearly, all channels alike, so that their 0.1th percentile
        becomes 0 and their 99.9th becomes 255.

    Raises
    ------
    DataError
        Names the file: not an image, empty, truncated or damaged; NaN; a volume.
    """
    return _named(source, name, lambda data: _image(_raster(data)))


def read_pixels(source: Path | bytes, name: str | None = None) -> NDArray[Any]:
    """Read a label image, a volume or an image, pixels as they are stored.

    Returns
    -------
    ndarray of any real type, shape (H, W) or (D, H, W)
        Of a palette image the indices; if channels differ RGB as `read_image` gives it, uint8
        (H, W, 3).

    Raises
    ------
    DataError
        Names the file: not an image, empty, truncated or damaged.
    """
    return _named(source, name, _pixels)


def image_names(names: Iterable[str], suffixes: tuple[str, ...]) -> list[str]:
    """Sort the file names that have one of the endings; hidden files are left out."""
    return sorted(n for n in names if n.lower().endswith(suffixes) and not n.startswith("."))


def image_size(source: Path | bytes, name: str | None = None) -> Shape | None:
    """Height and width from the header alone, or None for a volume; raises DataError."""
    name = name or (str(source) if isinstance(source, Path) else "data")
    try:
        head = source if isinstance(source, bytes) else _head(source)
        return _size(head, source)
    except (DataError, OSError) as problem:
        raise DataError(f"{name}: {_reason(problem)}") from problem


def write_label_png(path: Path, labels: ArrayLike) -> None:
    """Write a label image (H, W) as 16-bit PNG; DataError if an id is above 65,535 or negative."""
    array = _checked_for_writing(labels, (2,))
    if array.dtype != np.uint16:
        raise DataError(f"{path}: ids up to {array.max()} do not fit a PNG; write a TIFF")
    path.write_bytes(imagecodecs.png_encode(array))


def write_label_tiff(path: Path, labels: ArrayLike) -> None:
    """Write a label image (H, W) or volume (D, H, W) as compressed TIFF, uint16 or uint32."""
    tiff.write_tiff(path, _checked_for_writing(labels, (2, 3)))


def _checked_for_writing(labels: ArrayLike, ndim: tuple[int, ...]) -> NDArray[Any]:
    try:
        array = check_labels(labels, ndim=ndim)
        if array.min() < 0:
            raise ValueError(f"labels hold the negative id {array.min()}")
        return array.astype(smallest_dtype(int(array.max())), copy=False)
    except (ValueError, TypeError) as problem:
        raise DataError(str(problem)) from problem


def read_bytes(path: Path | str) -> bytes:
    """Read a whole file; DataError if it is missing, empty, not readable or beyond memory."""
    try:
        # A third of the time of open(), which counts for tens of thousands of small masks.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            data = _read_all(handle)
        finally:
            os.close(handle)
    except OSError as problem:
        raise DataError(f"{path}: {_reason(problem)}") from problem
    if not data:
        raise DataError(f"{path}: the file is empty")
    if len(data) > LARGEST_BYTES:
        raise DataError(f"{path}: the file is larger than {LARGEST_BYTES} bytes; cut it into tiles")
    return data


def _read_all(handle: int) -> bytes:
    parts, total = [os.read(handle, 1 << 16)], 0
    while parts[-1] and total <= LARGEST_BYTES:
        total += len(parts[-1])
        parts.append(os.read(handle, 1 << 24 if total >= 1 << 16 else 1 << 16))
    return b"".join(parts)


def _named(source: Path | bytes, name: str | None, read: Any) -> Any:
    """Put the file's name in front of what is wrong with it."""
    if not isinstance(source, bytes):
        name = name or str(source)
        source = read_bytes(source)
    try:
        return read(source)
    except DataError as problem:
        raise DataError(f"{name or 'data'}: {problem}") from problem
    except MemoryError as problem:
        raise DataError(f"{name or 'data'}: it does not fit into memory") from problem


def _reason(problem: Exception) -> str:
    return (isinstance(problem, OSError) and problem.strerror) or str(problem)


def _raster(data: bytes) -> Raster:
    if data.startswith(png.SIGNATURE):
        found = png.read_png(data)
        return Raster(found.values, "YXS"[: found.values.ndim], found.has_alpha, found.palette)
    if data[:4] in tiff.MAGICS:
        return Raster(*tiff.read_tiff(data))
    if data.startswith(npy.MAGIC):
        values = npy.read_npy(data)
        return Raster(values, {2: "YX", 3: "ZYX"}.get(values.ndim, f"{values.ndim}-D"))
    if data.startswith(bmp.MAGIC):
        values = bmp.read_bmp(data)
        return Raster(values, "YXS"[: values.ndim])
    if data.startswith(jpeg.MAGIC):
        return Raster(jpeg.read_jpeg(data), "YXS")
    raise _not_an_image(data)


def _not_an_image(data: bytes) -> DataError:
    if not data:
        return DataError("the file is empty")
    return DataError(
        f"it is no PNG, TIFF, BMP, JPEG or NPY image (it begins with {data[:8]!r}); "
        "is it damaged, or another kind of file?"
    )


def _labels(data: bytes) -> NDArray[Any]:
    if data.startswith(jpeg.MAGIC):
        raise DataError("JPEG blurs ids into each other; save the labels as PNG, TIFF or npy")
    raster = _raster(data)
    values, axes = raster.values, raster.axes
    if axes.endswith("S"):
        values, axes = _one_channel(raster), axes[:-1]
    if len(axes) not in (2, 3) or not axes.endswith("YX"):
        raise DataError(f"its axes are {axes}; expected a label image (H, W) or volume (D, H, W)")
    if values.dtype == np.uint32 and values.size and values.max() < 2**31:
        values = values.view(np.int32)  # check_labels would take twice the memory
    try:
        labels = check_labels(values, "the file", (2, 3))
    except (ValueError, TypeError) as problem:
        raise DataError(str(problem)) from problem
    if labels.dtype.kind == "i" and labels.min() < 0:
        raise DataError(
            f"it holds the negative id {labels.min()}; 0 is background and nuclei have positive ids"
        )
    return labels


def _one_channel(raster: Raster) -> NDArray[Any]:
    if _channels_differ(raster):
        n = raster.values.shape[-1] - raster.has_alpha
        raise DataError(
            f"its {n} colour channels differ, so its values are colours, not ids; "
            "save the labels as one channel (grey PNG, TIFF or npy)"
        )
    return np.ascontiguousarray(raster.values[..., 0])


def _channels_differ(raster: Raster) -> bool:
    colours = raster.values[..., :-1] if raster.has_alpha else raster.values
    first = colours[..., 0]
    return any((colours[..., k] != first).any() for k in range(1, colours.shape[-1]))


def _pixels(data: bytes) -> NDArray[Any]:
    raster = _raster(data)
    if not raster.axes.endswith("S"):
        return raster.values
    return _image(raster) if _channels_differ(raster) else _one_channel(raster)


def _image(raster: Raster) -> NDArray[np.uint8]:
    values, axes = raster.values, raster.axes
    if axes == "ZYX" and values.shape[-1] in (3, 4):  # an npy array cannot tell
        axes, raster = "YXS", raster._replace(has_alpha=values.shape[-1] == 4)
    if axes not in ("YX", "YXS") or values.size == 0:
        raise DataError(f"its shape is {values.shape}; expected an image (H, W) or (H, W, 3)")
    if raster.palette is not None:
        if values.max() >= len(raster.palette):
            raise DataError("the PNG is damaged: an index is not in its palette")
        return raster.palette[values]
    if raster.has_alpha:
        values = values[..., :-1]
    if axes == "YX" or values.shape[-1] == 1:
        values = np.repeat(values.reshape(*values.shape[:2], 1), 3, axis=2)
    if values.shape[-1] != 3:
        raise DataError(f"it has {values.shape[-1]} channels; expected one or three, and alpha")
    return np.ascontiguousarray(_eight_bit(values))


def _eight_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.view(np.uint8) * np.uint8(255)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError("it holds NaN or infinity")
    return stretched(values, *np.percentile(values, (_DARK, _BRIGHT)))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(npy.LONGEST_HEADER + 12)


def _size(head: bytes, source: Path | bytes) -> Shape | None:
    if head.startswith(png.SIGNATURE):
        header = png.read_header(head)
        return header.height, header.width
    if head[:4] in tiff.MAGICS:
        shape, axes = tiff.tiff_shape(source)
        at = axes.find("YX")
        return (shape[at], shape[at + 1]) if axes.strip("S") == "YX" else None
    if head.startswith(npy.MAGIC):
        shape = npy.read_header(head).shape
        return (shape[0], shape[1]) if len(shape) == 2 else None
    if head.startswith(bmp.MAGIC):
        return bmp.read_header(head)[:2]
    if head.startswith(jpeg.MAGIC):
        return jpeg.read_header(source if isinstance(source, bytes) else read_bytes(source))[:2]
    raise _not_an_image(head)
