"""The DSB2018 layout: ``ID/images/*.png`` and ``ID/masks/*.png``, in a folder or a zip file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.dataset import Sample, Shape, ShapeOf
from nucfuse.data.formats.dsb_files import Files, FolderFiles, ZipFiles, sample_folders
from nucfuse.data.readers import png
from nucfuse.data.readers.archive import is_zip
from nucfuse.data.readers.headers import image_size
from nucfuse.data.readers.kernels.painting import paint_mask
from nucfuse.data.readers.raster import read_image, read_labels
from nucfuse.errors import DataError


def matches(path: Path) -> bool:
    """Whether a folder or zip file has ``ID/masks/`` or ``ID/images/`` in it."""
    if path.is_dir():
        return bool(sample_folders(path))
    if path.is_file() and is_zip(path):
        try:
            return bool(ZipFiles(path).ids)
        except DataError:
            return path.suffix.lower() == ".zip"  # what is wrong is said when it is opened
    return False


def open_dataset(path: Path, shape_of: ShapeOf | None = None) -> "DsbDataset":
    """Open the samples of a folder, of the one folder in it, or of a zip file (not extracted).

    Raises
    ------
    DataError
        If nothing there has the layout, or the zip file is damaged or points outside of itself.
    """
    files: Files = FolderFiles(path) if path.is_dir() else _zip_files(path)
    if not files.ids:
        raise DataError(f"{path}: found no ID/images/ or ID/masks/ in it, as DSB2018 data has them")
    return DsbDataset(path, files)


def _zip_files(path: Path) -> ZipFiles:
    files = ZipFiles(path)
    files.check()
    return files


@dataclass(frozen=True)
class DsbDataset:
    """Samples of DSB2018; see `Dataset`."""

    path: Path
    files: Files
    format: str = "dsb"

    @property
    def ids(self) -> list[str]:
        """Folder names, sorted."""
        return self.files.ids

    def read(self, image_id: str) -> Sample:
        """Paint the masks of one sample into a label image, int32 (H, W).

        Nuclei are numbered in the order of their file names; a pixel in two masks belongs to the
        first. A file without pixels (left over) gets no number. Both are said in the notes.

        Raises
        ------
        DataError
            If there is no folder ``masks``, a file is damaged, the sizes of masks and image differ,
            or it is a folder of several images.
        """
        names = self.files.names(image_id, "masks")
        shape = self._shape(image_id)
        if names is None:
            raise DataError(
                f"{self.path}: sample {image_id!r} has no folder masks, so no nuclei to read; "
                "is it test data?"
            )
        canvas = _Canvas(shape)
        for name in names:
            content, place = self.files.load(image_id, "masks", name)
            canvas.add(_mask(content, place), name, place)
        if canvas.labels is None:
            raise DataError(f"{self.path}: sample {image_id!r} has neither masks nor an image")
        return Sample(image_id, canvas.labels, tuple(canvas.names), tuple(canvas.notes()))

    def shape(self, image_id: str) -> Shape | None:
        """Height and width from the header of the image, or of the first mask."""
        found = self._shape(image_id)
        masks = self.files.names(image_id, "masks")
        if found is None and masks:
            return image_size(*self.files.load(image_id, "masks", masks[0]))
        return found

    def image(self, image_id: str) -> NDArray[np.uint8] | None:
        """Read the image, uint8 (H, W, 3), or None if there is none."""
        name = self._image_name(image_id)
        return None if name is None else read_image(*self.files.load(image_id, "images", name))

    def _shape(self, image_id: str) -> Shape | None:
        name = self._image_name(image_id)
        return None if name is None else image_size(*self.files.load(image_id, "images", name))

    def _image_name(self, image_id: str) -> str | None:
        names = self.files.names(image_id, "images")
        if names is None:
            if self.files.names(image_id, "masks") is None:
                raise DataError(f"{self.path} has no image {image_id!r}")
            return None
        # A folder of images beside a folder of label images would look like one huge sample.
        if len(names) > 1:
            raise DataError(
                f"{self.path}: {image_id}/images holds {len(names)} images, DSB2018 has one per "
                f"sample; if {image_id}/masks holds one label image per image, name that folder"
            )
        return names[0] if names else None


# What may be odd about the masks of an image, in the order in which it is told.
_ODDITIES = {
    "shared": "pixels in more than one mask: {pixels}; each went to the first in file-name order; "
    "later ones",
    "covered": "masks wholly inside earlier ones, left out",
    "empty": "masks without pixels, left out",
    "uneven": "masks of several values, all but 0 taken for inside",
}


class _Canvas:
    """A label image on which masks are painted, and what was odd about them."""

    def __init__(self, shape: Shape | None) -> None:
        self.labels = None if shape is None else np.zeros(shape, np.int32)
        self.names: list[str] = []
        self._first = "the image"  # what all must be as large as
        self._shared_pixels = 0
        self._odd: dict[str, list[str]] = {kind: [] for kind in _ODDITIES}

    def add(self, mask: NDArray[np.uint8], name: str, place: str) -> None:
        """Paint one mask as the next nucleus."""
        if self.labels is None:
            self.labels = np.zeros(mask.shape, np.int32)
            self._first = f"mask {name}"
        expected = self.labels.shape
        if mask.shape != expected:
            hint = "; transposing it would fit: rows and columns may be swapped"
            raise DataError(
                f"{place}: the mask has shape {mask.shape}, {self._first} has {expected}"
                f"{hint if mask.shape == expected[::-1] else ''}"
            )
        inside, taken, other = paint_mask(mask, self.labels, len(self.names) + 1)
        self._shared_pixels += taken
        if taken:
            self._odd["shared"].append(name)
        if other:
            self._odd["uneven"].append(name)
        if inside > taken:
            self.names.append(name)
        else:
            self._odd["covered" if inside else "empty"].append(name)

    def notes(self) -> list[str]:
        """Warnings for the user."""
        notes = [
            f"{_ODDITIES[kind].format(pixels=self._shared_pixels)}: {_first_names(names)}"
            for kind, names in self._odd.items()
            if names
        ]
        if not self.names and not notes:
            notes.append("the folder masks is empty: no nuclei")
        return notes


def _first_names(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _mask(data: bytes, place: str) -> NDArray[np.uint8]:
    """One mask file -> uint8 (H, W), non-zero = inside."""
    if data.startswith(png.SIGNATURE):
        try:
            values = png.read_png(data).values
        except DataError as problem:
            raise DataError(f"{place}: {problem}") from problem
        if values.ndim == 2 and values.dtype == np.uint8:
            return values.view(np.uint8)  # the kind that nearly all are
    labels = read_labels(data, place, "volume")
    if labels.ndim != 2:
        raise DataError(f"{place}: the mask has shape {labels.shape}; expected one (H, W) mask")
    return (labels != 0).view(np.uint8)
