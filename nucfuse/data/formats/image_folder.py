"""The images themselves: a folder of image files, or a data set that holds images."""

import contextlib
import logging
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.dataset import Dataset, Shape
from nucfuse.data.formats import dsb
from nucfuse.data.image_ids import first_ids, id_of_image
from nucfuse.data.readers.files import check_regular, files_in
from nucfuse.data.readers.headers import image_size, images_in
from nucfuse.data.readers.raster import IMAGE_SUFFIXES, read_image
from nucfuse.data.readers.stack import Place, image_frames
from nucfuse.errors import DataError

_log = logging.getLogger(__name__)


class Images(Protocol):
    """Images by id; may be read from several threads."""

    @property
    def ids(self) -> list[str]:
        """Sorted and unique."""
        ...

    def __contains__(self, image_id: str) -> bool: ...

    def image(self, image_id: str) -> NDArray[np.uint8]:
        """uint8 (H, W, 3); raises DataError."""
        ...

    def shape(self, image_id: str) -> Shape | None:
        """Height and width in pixels."""
        ...


class ImageFolder:
    """Image files of one folder, or one file; the id is the file name without its ending.

    Of a TIFF that holds several images (series, times, positions) all are there, as "name:0", ….
    """

    def __init__(self, path: Path) -> None:
        files = [path] if path.is_file() else files_in(path, IMAGE_SUFFIXES, say=True)
        self._path = path
        self._files: dict[str, tuple[Path, Place | None]] = {}
        with_thumbnails = []
        for file in files:
            found, n_thumbnails = _images_of(file)
            with_thumbnails += [file.name] * (n_thumbnails > 0)
            for image_id, place in found:
                if image_id in self._files:
                    raise DataError(
                        f"{path}: {self._files[image_id][0].name} and {file.name} would both be "
                        f"image {image_id!r}; rename one"
                    )
                self._files[image_id] = file, place
        if not self._files:
            raise DataError(f"{path}: no images here (looked for {', '.join(IMAGE_SUFFIXES)})")
        if with_thumbnails:
            names = first_ids(with_thumbnails, 3)
            _log.warning("smaller copies (thumbnails) in %s are left out", names)
        self.ids = sorted(self._files)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._files

    def image(self, image_id: str) -> NDArray[np.uint8]:
        """uint8 (H, W, 3)."""
        file, place = self._file(image_id)
        return read_image(file, place=place)

    def shape(self, image_id: str) -> Shape | None:
        """Height and width, from the file's header."""
        file, place = self._file(image_id)
        return image_size(file, place=place)

    def _file(self, image_id: str) -> tuple[Path, Place | None]:
        if image_id not in self._files:
            raise DataError(f"{self._path} has no image {image_id!r}")
        return self._files[image_id]


def _images_of(file: Path) -> tuple[list[tuple[str, Place | None]], int]:
    """Ids and places of the images in a file, and how many thumbnails are left out."""
    image_id = id_of_image(file.stem)
    found: list[tuple[str, Place]] = []
    n_thumbnails = 0
    if file.name.lower().endswith((".tif", ".tiff")):
        with contextlib.suppress(DataError):  # reading it says the same
            found, n_thumbnails = images_in(file, image_frames)
    several: list[tuple[str, Place | None]] = [(image_id + suffix, at) for suffix, at in found]
    return several or [(image_id, None)], n_thumbnails


class _DatasetImages:
    """The images of a data set that has some (DSB2018)."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._known = set(dataset.ids)
        self.ids = dataset.ids

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._known

    def image(self, image_id: str) -> NDArray[Any]:
        image = self._dataset.image(image_id)
        if image is None:
            raise DataError(f"{self._dataset.path}: image {image_id!r} has masks only")
        return image

    def shape(self, image_id: str) -> Shape | None:
        return self._dataset.shape(image_id)


def open_images(path: Path) -> Images:
    """Open a folder of image files, one image file, or a DSB2018 folder or zip.

    Raises
    ------
    DataError
        If there is no such path, or nothing in it is an image.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    check_regular(path)
    if dsb.matches(path):
        return _DatasetImages(dsb.open_dataset(path, None))
    return ImageFolder(path)
