"""Reading and writing files of any format: the one door through which data come and go.

`read` and `write` take whatever a user has; `open_dataset` and `write_dataset` are for data sets
alone. The module of a format is loaded when it is needed.
"""

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.dataset import Dataset, Sample, ShapeOf
from nucfuse.data.readers.files import check_regular
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

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

Masks = NDArray[Any] | Instances

if TYPE_CHECKING:
    from nucfuse.data.readers.stack import Stack

_LOOKED_FOR = {
    "dsb": "folder or zip file with ID/masks/*.png",
    "npz": "nucfuse's .npz",
    "coco": "COCO .json",
    "kaggle": "Kaggle .csv with ImageId,EncodedPixels",
    "labels": "label images .png .tif .tiff .npy .bmp, or a folder of them",
}
_BY_ENDING = {".csv": "submission", ".json": "coco", ".npz": "npz"}


def read(
    path: Path | str, format: str | None = None, sizes: Path | str | ShapeOf | None = None
) -> Any:
    """Read nuclei, an image or probability maps from a file or folder.

    Parameters
    ----------
    path : path
        A file or folder.
    format : str, optional
        One of `READABLE`, which are formats of data sets; recognised by the content if not given.
    sizes : path or callable, optional
        Where the sizes of images come from if the format has none (a Kaggle submission): images, a
        data set with sizes, or a function that gives (height, width) by image id.

    Returns
    -------
    Dataset, ndarray or ProbabilityFolder
        - A folder, .zip, .csv, .json or .npz of nuclei: a `Dataset`, which has ``ids`` and reads
          ``data.read(image_id).masks`` when it is asked for.
        - A label image, an image or a volume (.png, .tif, .npy, .bmp, .jpg): its pixels as stored,
          (H, W) or (D, H, W); of colours RGB, uint8 (H, W, 3).
        - Probability maps (.npz): float32 (C, H, W) in [0, 1]; a folder of these: by image id.

    Raises
    ------
    DataError
        If there is nothing at ``path``, it is damaged, or in no known format.

    Examples
    --------
    >>> from nucfuse.data.sample_images import sample_folder
    >>> truth = read(sample_folder() / "truth")
    >>> len(truth.ids), truth.read(truth.ids[0]).masks.shape
    (12, (360, 360))
    >>> read(sample_folder() / "truth" / f"{truth.ids[0]}.png").dtype
    dtype('uint16')
    """
    from nucfuse.data.formats import probabilities
    from nucfuse.data.readers.raster import IMAGE_SUFFIXES, read_pixels

    path = Path(path)
    if format is None:
        _check_there(path)
        if path.name.lower().endswith(IMAGE_SUFFIXES) and path.is_file():
            return read_pixels(path)
        if probabilities.holds_probabilities(path):
            return probabilities.ProbabilityFolder(path)
        if probabilities.matches(path):
            return probabilities.read_probabilities(path)[0]
    shape_of = open_sizes(Path(sizes)) if isinstance(sizes, str | Path) else sizes
    return open_dataset(path, format, shape_of)


def write(
    path: Path | str,
    masks: Masks | Mapping[str, Masks] | Iterable[Sample] | Dataset,
    format: str | None = None,
) -> None:
    """Write nuclei to a file or folder, all or nothing.

    Parameters
    ----------
    path : path
        What is there already is replaced; other files of a folder stay.
    masks : ndarray of int, Instances, mapping, Dataset or iterable of Sample
        A label image (H, W) or Instances are the nuclei of one image, whose id is the file's name;
        a mapping has those of several by image id; a Dataset is written as it is read.
    format : str, optional
        One of `WRITABLE`. By the ending of ``path`` if not given: one label image for .png and .tif
        (``masks`` of one image), "submission" for .csv, "coco" for .json, "npz" for .npz, else
        "labels", a folder of label images.

    Raises
    ------
    DataError
        If the format is unknown or cannot hold the masks, or ``path`` cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write(f"{folder}/nuclei.json", {"a": np.array([[5, 0, 7]])})
    ...     read(f"{folder}/nuclei.json").read("a").masks.to_labels()
    array([[1, 0, 2]], dtype=int32)
    """
    path = Path(path)
    if format is None and path.suffix.lower() in (".png", ".tif", ".tiff"):
        if not isinstance(masks, np.ndarray | Instances):
            raise DataError(f"{path} holds one label image; name a folder to write several")
        _write_label_image(path, Sample(path.stem, masks))
    else:
        write_dataset(path, _samples(path, masks), format or format_of_output(path))


def _samples(path: Path, masks: Any) -> Iterable[Sample]:
    if isinstance(masks, np.ndarray | Instances):
        return [Sample(path.stem, masks)]
    if isinstance(masks, Mapping):
        return (Sample(image_id, one) for image_id, one in masks.items())
    return map(masks.read, masks.ids) if isinstance(masks, Dataset) else masks


def _write_label_image(path: Path, sample: Sample) -> None:
    from nucfuse.data.atomic_output import atomic_file
    from nucfuse.data.formats.labels import as_labels
    from nucfuse.data.readers.raster import write_label_png, write_label_tiff

    labels = as_labels(sample)
    with atomic_file(path) as part:
        (write_label_png if path.suffix.lower() == ".png" else write_label_tiff)(part, labels)


def open_dataset(
    path: Path | str,
    format: str | None = None,
    shape_of: ShapeOf | None = None,
    *,
    stack: "Stack" = None,
    skip_bad: bool = False,
) -> Dataset:
    """Open masks in any format that nucfuse reads.

    Parameters
    ----------
    path : path
        A file or folder.
    format : str, optional
        One of `READABLE`; recognised by the content if not given.
    shape_of : callable, optional
        Gives the height and width of an image by its id (or None), for formats that have no sizes.
    stack : {"frames", "volume"}, optional
        What the first axis of label files that are stacks is, if they do not say it.
    skip_bad : bool
        Whether annotations of a COCO file that cannot be read are left out.

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
    more: dict[str, Any] = {"stack": stack} if name == "labels" else {}
    if skip_bad and name == "coco":
        more["skip_bad"] = True
    dataset: Dataset = _module(name, READABLE).open_dataset(path, shape_of, **more)
    return dataset


def open_sizes(path: Path) -> ShapeOf:
    """Height and width by image id, from a folder of images or any data set with sizes.

    A data set is tried first (a DSB2018 folder, a Kaggle solution, COCO, label images); what is
    none is taken for a folder of images.

    Raises
    ------
    DataError
        If the path is neither.
    """
    from nucfuse.data.formats.image_folder import open_images

    try:
        dataset = open_dataset(path)
    except DataError as not_a_dataset:
        try:
            images = open_images(path)
        except DataError:
            raise not_a_dataset from None
        return lambda image_id: images.shape(image_id) if image_id in images else None
    known = set(dataset.ids)

    def shape_of(image_id: str) -> tuple[int, int] | None:
        if image_id not in known:
            return None
        shape = dataset.shape(image_id)
        if shape is None:
            decoded = dataset.read(image_id).masks.shape
            shape = (decoded[0], decoded[1]) if len(decoded) == 2 else None
        return shape

    return shape_of


def write_dataset(path: Path | str, samples: Iterable[Sample], format: str) -> None:
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
    """Choose the format to write when only a name is given: by its ending, else label images.

    Examples
    --------
    >>> format_of_output(Path("nuclei.csv")), format_of_output(Path("out"))
    ('submission', 'labels')
    """
    return _BY_ENDING.get(path.suffix.lower(), "labels")


def _module(format: str, allowed: tuple[str, ...]) -> Any:
    """Load the module of a format."""
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
        check_regular(path)
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
    from nucfuse.data.formats.unknown import found_there

    found, remedy = found_there(path)
    looked_for = "; ".join(f"{name}: {what}" for name, what in _LOOKED_FOR.items())
    raise DataError(
        f"{path}: not in a format that nucfuse reads. Found {found}; {remedy}. Looked for "
        f"{looked_for}. Give --format if it is one of these"
    )
