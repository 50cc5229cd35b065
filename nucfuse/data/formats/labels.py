"""A folder of label images, one file per image (PNG, TIFF, NPY, BMP), or one such file.

The image id is the file name without its ending and without one of the suffixes that segmentation
tools add (`SUFFIXES`). Ids that cannot be file names are percent-escaped when written, as in web
addresses, and unescaped when read.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.atomic import atomic_file, atomic_folder
from nucfuse.data.dataset import Sample, Shape, ShapeOf
from nucfuse.data.readers.raster import (
    LABEL_SUFFIXES,
    image_size,
    read_labels,
    write_label_png,
    write_label_tiff,
)
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

SUFFIXES = ("_cp_masks", "_labels", "_label", "_masks", "_mask", "_pred", "_seg")

# Separators, what Windows forbids in file names, control characters, and the escape itself; dots
# and spaces at the ends, where they hide files or get lost.
_UNSAFE = re.compile(r"""[%/\\<>:"|?*\x00-\x1f\x7f]|^[. ]|[. ]$""")
_ESCAPED = re.compile(r"%([0-7][0-9A-F])")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_EMPTY = "%"  # no other id gives this name, as "%" itself becomes "%25"


def strip_suffix(stem: str) -> str:
    """A file stem without the suffix of a segmentation tool; one is taken off, the longest.

    Examples
    --------
    >>> strip_suffix("cell_cp_masks"), strip_suffix("cell_mask_pred"), strip_suffix("_mask")
    ('cell', 'cell_mask', '_mask')
    """
    for suffix in SUFFIXES:  # longest first
        if stem.endswith(suffix) and stem != suffix:
            return stem[: -len(suffix)]
    return stem


def escape_id(image_id: str) -> str:
    """A file stem for any image id, from which `id_of_stem` gives the id back.

    Raises
    ------
    DataError
        If the id holds characters that no file name can (lone surrogates).

    Examples
    --------
    >>> [escape_id(i) for i in ("001", "../x", "50%", "nul", "", "cell_mask")]
    ['001', '%2E.%2Fx', '50%25', '%6Eul', '%', 'cell%5Fmask']
    """
    try:
        os.fsencode(image_id)
    except UnicodeEncodeError as problem:
        raise DataError(f"image id {image_id!r} cannot be a file name: {problem.reason}") from None
    if not image_id:
        return _EMPTY
    stem = _UNSAFE.sub(lambda found: _escape(found[0]), image_id)
    if _RESERVED.match(stem):
        stem = _escape(stem[0]) + stem[1:]
    if strip_suffix(stem) != stem:
        stem = _escape("_").join(stem.rsplit("_", 1))
    return stem


def _escape(character: str) -> str:
    return f"%{ord(character):02X}"


def unescape_id(stem: str) -> str:
    """The opposite of `escape_id`; stems that it never makes stay as they are.

    Examples
    --------
    >>> unescape_id("%2E.%2Fx"), unescape_id("50% done")
    ('../x', '50% done')
    """
    if stem == _EMPTY:
        return ""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), stem)


def id_of_stem(stem: str) -> str:
    """The image id that a label file stands for."""
    return unescape_id(strip_suffix(stem))


def matches(path: Path) -> bool:
    """Whether it is a label file by its ending, or a folder that holds one."""
    if path.is_dir():
        return bool(_label_files(path))
    return path.name.lower().endswith(LABEL_SUFFIXES)


def open_dataset(path: Path, shape_of: ShapeOf | None = None) -> "LabelFiles":
    """The label images of a folder (not of folders in it), or one label image.

    Raises
    ------
    DataError
        If there are none, or two files stand for one image.
    """
    files = _label_files(path) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: no label images in it (looked for {', '.join(LABEL_SUFFIXES)})")
    by_id: dict[str, Path] = {}
    for file in files:
        image_id = id_of_stem(file.stem)
        if image_id in by_id:
            raise DataError(
                f"{path}: {by_id[image_id].name} and {file.name} both stand for image "
                f"{image_id!r}; move one of them (images must not lie beside their labels)"
            )
        by_id[image_id] = file
    return LabelFiles(path, sorted(by_id), by_id)


@dataclass(frozen=True)
class LabelFiles:
    """Label images by id; see `Dataset`."""

    path: Path
    ids: list[str]
    files: dict[str, Path] = field(repr=False)
    format: str = "labels"

    def read(self, image_id: str) -> Sample:
        """The label image (H, W) or volume (D, H, W) as stored; raises DataError."""
        return Sample(image_id, read_labels(self.files[image_id]))

    def shape(self, image_id: str) -> Shape | None:
        """Height and width from the header, None for a volume."""
        return image_size(self.files[image_id])

    def image(self, image_id: str) -> NDArray[np.uint8] | None:
        """None: there are labels only."""
        return None


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Write one label image per sample into the folder ``path``, all or nothing.

    16-bit PNG, or uint32 TIFF where ids are above 65,535, or TIFF for volumes. Label images keep
    their ids; Instances are numbered 1..N. Other files in the folder stay.

    Raises
    ------
    DataError
        If masks overlap, an id comes twice, the folder holds the labels of an image under another
        ending, or it cannot be written.
    """
    there = {id_of_stem(f.stem): f.name for f in _label_files(path)} if path.is_dir() else {}
    written: set[str] = set()
    with atomic_folder(path) as folder:
        for sample in samples:
            if sample.image_id in written:
                raise DataError(f"{path}: image {sample.image_id!r} comes twice; nothing written")
            written.add(sample.image_id)
            name = write_one(folder, sample)
            if there.get(sample.image_id, name) != name:
                raise DataError(
                    f"{path}: {there[sample.image_id]} is there already and stands for the same "
                    f"image as {name}; remove it or choose an empty folder"
                )


def write_one(folder: Path, sample: Sample) -> str:
    """Write one label image as `write` does, whole or not at all; the name of its file.

    Raises
    ------
    DataError
        If masks overlap, or it cannot be written.
    """
    labels = _dense(sample)
    stem = escape_id(sample.image_id)
    fits_png = labels.ndim == 2 and labels.max(initial=0) <= np.iinfo(np.uint16).max
    name = stem + (".png" if fits_png else ".tif")
    try:
        with atomic_file(folder / name) as part:
            (write_label_png if fits_png else write_label_tiff)(part, labels)
    except DataError as problem:
        raise DataError(f"image {sample.image_id!r}: {problem}") from problem
    return name


def _dense(sample: Sample) -> NDArray[Any]:
    if not isinstance(sample.masks, Instances):
        return sample.masks
    try:
        return sample.masks.to_labels()
    except ValueError as problem:
        raise DataError(
            f"image {sample.image_id!r}: masks overlap, which label images cannot hold; remove "
            f"overlaps first, or write coco or npz ({problem})"
        ) from problem


def _label_files(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  (sorted as text, as ids are)
    except OSError as problem:
        raise DataError(f"{folder}: {problem.strerror}") from problem
    return [
        folder / name for name in names
        if name.lower().endswith(LABEL_SUFFIXES) and not name.startswith(".")
    ]  # fmt: skip
