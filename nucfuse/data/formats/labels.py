"""A folder of label images, one file per image (PNG, TIFF, NPY, BMP), or one such file.

`nucfuse.data.image_ids` says which image a file stands for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.atomic_output import atomic_file, atomic_folder
from nucfuse.data.dataset import Sample, Shape, ShapeOf
from nucfuse.data.formats.writing import unique
from nucfuse.data.image_ids import escape_id, has_suffix, id_of_stem
from nucfuse.data.readers.files import files_in
from nucfuse.data.readers.headers import image_size, images_in
from nucfuse.data.readers.raster import (
    LABEL_SUFFIXES,
    read_labels,
    write_label_png,
    write_label_tiff,
)
from nucfuse.data.readers.stack import Place, Stack, label_frames
from nucfuse.errors import DataError
from nucfuse.masks.allocation import TooManyPixelsError, check_pixels
from nucfuse.masks.instances import Instances

# Others hold one image each.
_OF_SEVERAL = (".tif", ".tiff", ".npy")
# What cellpose's window saves: a pickled dictionary.
_CELLPOSE = "_seg.npy"
_FROM_CELLPOSE = (
    "It is what cellpose saves for itself; choose 'Save masks as PNG/tif' in its File menu, which "
    "makes NAME_cp_masks.png, or in Python np.load(FILE, allow_pickle=True).item()['masks']"
)


def matches(path: Path) -> bool:
    """Whether it is a label file by its ending, or a folder that holds one."""
    if path.is_dir():
        return bool(files_in(path, LABEL_SUFFIXES))
    return path.name.lower().endswith(LABEL_SUFFIXES)


def open_dataset(path: Path, shape_of: ShapeOf | None = None, stack: Stack = None) -> "LabelFiles":
    """Open the label images of a folder (not of folders in it), or one label image.

    Parameters
    ----------
    path : Path
    shape_of : callable, optional
        Not needed: the files know their sizes.
    stack : {"frames", "volume"}, optional
        What the first axis of a stack is. Without it the axes of a TIFF count, and reading a stack
        that says nothing is an error.

    Raises
    ------
    DataError
        If there are none, or two files stand for one image.
    """
    files = files_in(path, LABEL_SUFFIXES, say=True) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: no label images in it (looked for {', '.join(LABEL_SUFFIXES)})")
    files, beside = masks_among(files)
    by_id: dict[str, _LabelFile] = {}
    for file in files:
        for image_id, label_file in _images_of(file, stack, beside.get(file)):
            if image_id in by_id:
                raise DataError(
                    f"{path}: {by_id[image_id].path.name} and {file.name} both stand for image "
                    f"{image_id!r}; move one of them (images must not lie beside their labels)"
                )
            by_id[image_id] = label_file
    return LabelFiles(path, sorted(by_id), by_id, stack)


def masks_among(files: list[Path]) -> tuple[list[Path], dict[Path, str]]:
    """Of files that stand for one image, leave the one whose suffix says that it holds the masks.

    So cellpose's window leaves a.tif (the photograph), a_cp_masks.png and a_seg.npy in a folder.

    Returns
    -------
    files : list of Path
        All files of an image where no suffix decides.
    beside : dict
        File -> what was left out in its favour, for people.
    """
    of_image: dict[str, list[Path]] = {}
    for file in files:
        of_image.setdefault(id_of_stem(file.stem), []).append(file)
    kept, beside = [], {}
    for candidates in of_image.values():
        masks = [file for file in candidates if _is_called_masks(file)]
        if len(masks) == 1 and len(candidates) > 1:
            names = ", ".join(file.name for file in candidates if file is not masks[0])
            left_out = f"{names} left out: {masks[0].name} lies beside and holds the masks"
            beside[masks[0]] = left_out
            candidates = masks
        kept += candidates
    return kept, beside


def _is_called_masks(file: Path) -> bool:
    return has_suffix(file.stem) and not file.name.endswith(_CELLPOSE)


@dataclass(frozen=True, slots=True)
class _LabelFile:
    """Where a label image lies: a file, the place in it if it holds several, and what is odd."""

    name: str  # with its folder; a Path would take ten times the memory, for 10^5 files
    place: Place | None = None
    notes: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.name)


def _images_of(file: Path, stack: Stack, note: str | None) -> Iterator[tuple[str, _LabelFile]]:
    """Find all images of a file by their ids, `id_of_stem` and what tells them apart."""
    image_id = id_of_stem(file.stem)
    found: list[tuple[str, Place]] = []
    notes: tuple[str, ...] = () if note is None else (note,)
    if file.name.lower().endswith(_OF_SEVERAL):
        try:
            found, n_thumbnails = images_in(file, partial(label_frames, stack=stack))
        except DataError:  # reading it says the same
            n_thumbnails = 0
        if n_thumbnails:
            notes += (f"{n_thumbnails} smaller copies in it (thumbnails) are left out",)
    if not found:
        yield image_id, _LabelFile(str(file), None, notes)
    for suffix, place in found:
        yield image_id + suffix, _LabelFile(str(file), place, notes)
        notes = ()


@dataclass(frozen=True)
class LabelFiles:
    """Label images by id; see `Dataset`."""

    path: Path
    ids: list[str]
    files: dict[str, _LabelFile] = field(repr=False)
    stack: Stack = None
    format: str = "labels"

    def read(self, image_id: str) -> Sample:
        """Read a label image (H, W) or volume (D, H, W) as stored; raises DataError."""
        file = self._file(image_id)
        try:
            labels = read_labels(file.path, stack=self.stack, place=file.place)
        except DataError as problem:
            if file.path.name.endswith(_CELLPOSE):
                raise DataError(f"{problem}. {_FROM_CELLPOSE}") from problem
            raise
        return Sample(image_id, labels, notes=file.notes)

    def shape(self, image_id: str) -> Shape | None:
        """Height and width from the header, None for a volume."""
        file = self._file(image_id)
        return image_size(file.path, place=file.place)

    def image(self, image_id: str) -> NDArray[np.uint8] | None:
        """None: there are labels only."""
        return None

    def _file(self, image_id: str) -> _LabelFile:
        if image_id not in self.files:
            raise DataError(f"{self.path} has no image {image_id!r}")
        return self.files[image_id]


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Write one label image per sample into the folder ``path``, all or nothing.

    16-bit PNG, or uint32 TIFF where ids are above 65,535, or TIFF for volumes. Label images keep
    their ids, also if they came by COCO or .npz; other Instances are numbered 1..N. Other files in
    the folder stay.

    Raises
    ------
    DataError
        If masks overlap, an id comes twice, the folder holds the labels of an image under another
        ending, or it cannot be written.
    """
    files = files_in(path, LABEL_SUFFIXES) if path.is_dir() else []
    there = {id_of_stem(file.stem): file.name for file in files}
    with atomic_folder(path) as folder:
        for sample in unique(samples):
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
    labels = as_labels(sample)
    stem = escape_id(sample.image_id)
    fits_png = labels.ndim == 2 and labels.max(initial=0) <= np.iinfo(np.uint16).max
    name = stem + (".png" if fits_png else ".tif")
    try:
        with atomic_file(folder / name) as part:
            (write_label_png if fits_png else write_label_tiff)(part, labels)
    except DataError as problem:
        raise DataError(f"image {sample.image_id!r}: {problem}") from problem
    return name


def as_labels(sample: Sample) -> NDArray[Any]:
    """Convert the masks of a sample to a label image; DataError if they overlap."""
    if not isinstance(sample.masks, Instances):
        return sample.masks
    try:
        check_pixels(sample.masks.shape)
        labels = sample.masks.to_labels()
    except TooManyPixelsError as problem:
        raise DataError(f"image {sample.image_id!r}: {problem}") from None
    except ValueError as problem:
        raise DataError(
            f"image {sample.image_id!r}: masks overlap, which label images cannot hold; remove "
            f"overlaps first, or write coco or npz ({problem})"
        ) from problem
    if not sample.label_ids:
        return labels
    return np.array([0, *sample.label_ids], np.int64)[labels]
