"""One label image or one image from a file: PNG, TIFF, JPEG, BMP or NPY, told by its content."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.data.intensity import percentile_range, stretched
from nucfuse.data.readers.decode import Raster, decode, decode_at
from nucfuse.data.readers.files import read_bytes, read_head
from nucfuse.data.readers.headers import HEAD_BYTES
from nucfuse.data.readers.stack import Place, Stack, label_frames
from nucfuse.data.readers.tiff import write_tiff
from nucfuse.errors import DataError
from nucfuse.masks.labels import check_labels, smallest_dtype

LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".npy", ".bmp")
IMAGE_SUFFIXES = (*LABEL_SUFFIXES, ".jpg", ".jpeg")

# Percentiles that become 0 and 255: with hot pixels unclipped, all else would be black.
_DARK, _BRIGHT = 0.1, 99.9


def read_labels(
    source: Path | bytes,
    name: str | None = None,
    stack: Stack = None,
    place: Place | None = None,
) -> NDArray[Any]:
    """Read a label image or volume.

    Parameters
    ----------
    source : Path or bytes
        PNG, TIFF, BMP or NPY file, or its content.
    name : str, optional
        What errors call it; the path by default.
    stack : {"frames", "volume"}, optional
        What the first axis of a stack is, see `label_frames`.
    place : Place, optional
        Which of several images of a file to read; else it must hold one.

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
    return _named(source, name, place, lambda raster: _labels(raster, stack))


def read_image(
    source: Path | bytes, name: str | None = None, place: Place | None = None
) -> NDArray[np.uint8]:
    """Read an image for display or prediction.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Grey becomes three equal channels, palettes become colours, transparency is dropped. Other
        types than uint8 are scaled linearly, all channels alike, so that their 0.1th percentile
        becomes 0 and their 99.9th becomes 255; fewer bits than 8 from nothing to all ones.

    Raises
    ------
    DataError
        Names the file: not an image, empty, truncated or damaged; NaN; a volume.
    """
    return _named(source, name, place, _image)


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
    return _named(source, name, None, _pixels)


def write_label_png(path: Path, labels: ArrayLike) -> None:
    """Write a label image (H, W) as 16-bit PNG; DataError if an id is above 65,535 or negative."""
    array = _checked_for_writing(labels, (2,))
    if array.dtype != np.uint16:
        raise DataError(f"{path}: ids up to {array.max()} do not fit a PNG; write a TIFF")
    path.write_bytes(imagecodecs.png_encode(array))


def write_label_tiff(path: Path, labels: ArrayLike) -> None:
    """Write a label image (H, W) or volume (D, H, W) as compressed TIFF, uint16 or uint32."""
    write_tiff(path, _checked_for_writing(labels, (2, 3)))


def _checked_for_writing(labels: ArrayLike, ndim: tuple[int, ...]) -> NDArray[Any]:
    try:
        array = check_labels(labels, ndim=ndim)
        if array.min() < 0:
            raise ValueError(f"labels hold the negative id {array.min()}")
        return array.astype(smallest_dtype(int(array.max())), copy=False)
    except (ValueError, TypeError) as problem:
        raise DataError(str(problem)) from problem


def _named(
    source: Path | bytes, name: str | None, place: Place | None, read: Callable[[Raster], Any]
) -> Any:
    """Decode and read; put the file's name in front of what is wrong with it."""
    if isinstance(source, Path):
        name = name or str(source)
        head = read_bytes(source) if place is None else read_head(source, HEAD_BYTES)
    else:
        head = source
    try:
        if place is None:
            return read(decode(head))
        return read(decode_at(Path(name or ""), head, place))
    except DataError as problem:
        raise DataError(f"{name or 'data'}: {problem}") from problem
    except MemoryError as problem:
        raise DataError(f"{name or 'data'}: it does not fit into memory") from problem


def _labels(raster: Raster, stack: Stack) -> NDArray[Any]:
    if raster.is_lossy:
        raise DataError("JPEG blurs ids into each other; save the labels as PNG, TIFF or npy")
    values = _flat_or_volume(raster, stack)
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


def _flat_or_volume(raster: Raster, stack: Stack) -> NDArray[Any]:
    """Ids of one flat image or volume, without colours."""
    values, axes = raster.values, raster.axes
    if axes.startswith("Q") and len(values) == 1 and stack != "volume":
        return _flat_or_volume(raster._replace(values=values[0], axes=axes[1:]), stack)
    frames = label_frames(axes, stack) if values.ndim > 2 else []
    if frames:
        n = math.prod(values.shape[k] for k in frames)
        raise DataError(f"it holds {n} images (axes {axes}); expected one, flat or a volume")
    if "S" in axes and not (stack and axes.startswith("S")):
        values, axes = _one_channel(_colours_last(raster)), axes.replace("S", "")
    if len(axes) not in (2, 3) or not axes.endswith("YX"):
        raise DataError(f"its axes are {axes}; expected a label image (H, W) or volume (D, H, W)")
    return values


def _colours_last(raster: Raster) -> Raster:
    at = raster.axes.find("S")
    if at < 0:
        return raster
    axes = raster.axes.replace("S", "") + "S"
    return raster._replace(values=np.moveaxis(raster.values, at, -1), axes=axes)


def _one_channel(raster: Raster) -> NDArray[Any]:
    if _channels_differ(raster):
        n = raster.values.shape[-1] - raster.has_alpha
        raise DataError(
            f"its {n} colour channels differ, so its values are colours, not ids; "
            "save the labels as one channel (grey PNG, TIFF or npy); if they are planes that are "
            "frames or slices in truth, give --stack frames or volume"
        )
    return np.ascontiguousarray(raster.values[..., 0])


def _channels_differ(raster: Raster) -> bool:
    colours = raster.values[..., :-1] if raster.has_alpha else raster.values
    first = colours[..., 0]
    return any((colours[..., k] != first).any() for k in range(1, colours.shape[-1]))


def _pixels(raster: Raster) -> NDArray[Any]:
    raster = _colours_last(raster)
    if not raster.axes.endswith("S"):
        return raster.values
    return _image(raster) if _channels_differ(raster) else _one_channel(raster)


def _image(raster: Raster) -> NDArray[np.uint8]:
    raster = _colours_last(raster)
    values, axes = raster.values, raster.axes
    if axes == "QYX" and values.shape[-1] in (3, 4):  # an array cannot tell
        axes, raster = "YXS", raster._replace(has_alpha=values.shape[-1] == 4)
    if axes not in ("YX", "YXS") or values.size == 0:
        raise DataError(
            f"its shape is {values.shape} (axes {axes}); expected an image (H, W) or (H, W, 3), or "
            "a stack whose file says that it is of times or positions (TYX)"
        )
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
    return np.ascontiguousarray(_eight_bit(values, raster.bits))


def _eight_bit(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if values.dtype == bool:
        return values.view(np.uint8) * np.uint8(255)
    if values.dtype == np.uint8:
        return values if bits >= 8 else stretched(values, 0, 2**bits - 1)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError("it holds NaN or infinity")
    return stretched(values, *percentile_range(values, (_DARK, _BRIGHT)))
