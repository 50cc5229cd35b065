"""Probability maps that other tools saved as grey images: whole numbers from 0 to what means 1."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.formats import labels
from nucfuse.errors import DataError


class GreyMaps:
    """Maps by image id, in a folder of grey images or one image; may be read from any thread.

    Parameters
    ----------
    path : Path
        Files and ids as those of label images.
    largest : float
        The value that stands for probability 1, such as 255 or 65535.

    Raises
    ------
    DataError
        If there are no images, or ``largest`` is not above 0.
    """

    def __init__(self, path: Path, largest: float) -> None:
        if not largest > 0:
            raise DataError(f"--map-max must be above 0, such as 255 or 65535; got {largest:g}")
        self._images = labels.open_dataset(path)
        self._largest = largest
        self.path, self.ids = path, self._images.ids

    def read(self, image_id: str) -> NDArray[np.float32]:
        """Read one map, float32 (1, H, W) in [0, 1].

        Raises
        ------
        DataError
            If it cannot be read, is no flat image, or holds a value above the largest.
        """
        values: Any = self._images.read(image_id).masks
        where = f"{self.path}: image {image_id!r}"
        if values.ndim != 2:
            raise DataError(f"{where} has the shape {values.shape}; expected one map (H, W)")
        if values.max() > self._largest:
            raise DataError(
                f"{where} holds {values.max()}, above --map-max {self._largest:g}; give the value "
                "that stands for probability 1"
            )
        probabilities: NDArray[np.float32] = (values[np.newaxis] / self._largest).astype(np.float32)
        return probabilities
