"""Which format a file or folder has, and the one door through which data sets come and go."""

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from nucfuse.data.dataset import Dataset, Sample, ShapeOf
from nucfuse.errors import DataError

# In the order in which they are tried: the more particular ones first.
FORMATS = {
    "dsb": "nucfuse.data.formats.dsb",
    "npz": "nucfuse.data.formats.npz",
    "coco": "nucfuse.data.formats.coco",
    "kaggle": "nucfuse.data.formats.kaggle",
    "submission": "nucfuse.data.formats.kaggle",
    "labels": "nucfuse.data.formats.labels",
    "geojson": "nucfuse.data.formats.geojson",
    "imagej": "nucfuse.data.formats.imagej",
}
READABLE = ("dsb", "npz", "coco", "kaggle", "labels")
WRITABLE = ("labels", "kaggle", "submission", "coco", "npz", "geojson", "imagej")

_LOOKED_FOR = {
    "dsb": "folder or zip file with ID/masks/*.png",
    "npz": "nucfuse's .npz",
    "coco": "COCO .json",
    "kaggle": "Kaggle .csv with ImageId,EncodedPixels",
    "labels": "label images .png .tif .tiff .npy .bmp, or a folder of them",
}
_BY_ENDING = {".csv": "submission", ".json": "coco", ".npz": "npz"}


def open_dataset(path: Path, format: str | None = None, shape_of: ShapeOf | None = None) -> Dataset:
    """Open masks in any format that nucfuse reads.

    Parameters
    ----------
    path : Path
        A file or folder.
    format : str, optional
        One of `READABLE`; recognised by the content if not given.
    shape_of : callable, optional
        Gives the height and width of an image by its id (or None), for formats that have no sizes.

    Returns
    -------
    Dataset
        Its samples are read when they are asked for.

    Raises
    ------
    DataError
        If there is nothing at ``path``, it is empty, or in no known format; and whatever is wrong
        with the file as a whole.
    """
    path = Path(path)
    _check_there(path)
    name = _recognised(path) if format is None else format
    dataset: Dataset = _module(name, READABLE).open_dataset(path, shape_of)
    return dataset


def write_dataset(path: Path, samples: Iterable[Sample], format: str) -> None:
    """Write masks in one of the formats `WRITABLE`, all or nothing.

    "kaggle" has the image sizes, as a solution does, "submission" has none, as Kaggle wants it.

    Raises
    ------
    DataError
        If the format is unknown or cannot hold the masks, or ``path`` cannot be written.
    """
    module = _module(format, WRITABLE)
    write = module.write_submission if format == "submission" else module.write
    write(Path(path), samples)


def format_of_output(path: Path) -> str:
    """The format to write when only a name is given: by its ending, else label images.

    Examples
    --------
    >>> format_of_output(Path("nuclei.csv")), format_of_output(Path("out"))
    ('submission', 'labels')
    """
    return _BY_ENDING.get(path.suffix.lower(), "labels")


def _module(format: str, allowed: tuple[str, ...]) -> Any:
    """The module of a format, loaded when it is needed."""
    if format not in allowed:
        verb = "read" if allowed is READABLE else "write"
        raise DataError(f"cannot {verb} format {format!r}; choose one of {', '.join(allowed)}")
    return import_module(FORMATS[format])


def _check_there(path: Path) -> None:
    try:
        if path.is_dir():
            with os.scandir(path) as entries:
                if next(entries, None) is None:
                    raise DataError(f"{path}: the folder is empty")
        elif path.stat().st_size == 0 and path.is_file():
            raise DataError(f"{path}: the file is empty")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file or folder") from None
    except DataError:
        raise
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise DataError(f"{path}: {reason}") from problem


def _recognised(path: Path) -> str:
    for name in READABLE:
        if _module(name, READABLE).matches(path):
            return name
    looked_for = "; ".join(f"{name}: {what}" for name, what in _LOOKED_FOR.items())
    raise DataError(
        f"{path}: not in a format that nucfuse reads. Looked for {looked_for}. "
        "Name the format if it is one of these"
    )
