"""The images themselves: a folder of image files, or a data set that holds images."""

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.dataset import Dataset, Shape
from nucfuse.data.formats import dsb
from nucfuse.data.image_ids import id_of_image
from nucfuse.data.readers.raster import IMAGE_SUFFIXES, image_names, image_size, read_image
from nucfuse.errors import DataError


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
    """Image files of one folder, or one file; the id is the file name without its ending."""

    def __init__(self, path: Path) -> None:
        files = [path] if path.is_file() else _image_files(path)
        self._files: dict[str, Path] = {}
        for file in files:
            image_id = id_of_image(file.stem)
            if image_id in self._files:
                raise DataError(
                    f"{path}: {self._files[image_id].name} and {file.name} would both be image "
                    f"{image_id!r}; rename one"
                )
            self._files[image_id] = file
        if not self._files:
            raise DataError(f"{path}: no images here (looked for {', '.join(IMAGE_SUFFIXES)})")
        self.ids = sorted(self._files)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._files

    def image(self, image_id: str) -> NDArray[np.uint8]:
        """uint8 (H, W, 3)."""
        return read_image(self._files[image_id])

    def shape(self, image_id: str) -> Shape | None:
        """Height and width, from the file's header."""
        return image_size(self._files[image_id])


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
    if dsb.matches(path):
        return _DatasetImages(dsb.open_dataset(path, None))
    return ImageFolder(path)


def _image_files(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_file()]
    return [folder / name for name in image_names(names, IMAGE_SUFFIXES)]
