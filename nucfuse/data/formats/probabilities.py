"""Probability maps: one nucfuse ``.npz`` per image, and folders of these.

The member ``about`` holds ``{"format": "nucfuse probabilities", "version": 1, "channels": […]}``,
and ``probabilities`` is float16 (C, H, W) in [0, 1].
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.image_ids import id_of_image
from nucfuse.data.readers.archive import Archive
from nucfuse.data.readers.files import files_in
from nucfuse.data.readers.npz import (
    check_members,
    is_ours,
    read_about,
    read_array,
    write_about,
    write_array,
)
from nucfuse.errors import DataError, MapError

_KIND = "nucfuse probabilities"
_SUFFIXES = (".npz",)


def matches(path: Path) -> bool:
    """Whether it is a file as `write_probabilities` makes it."""
    return is_ours(path, "probabilities")


def read_probabilities(path: Path) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Read the probability maps of one image.

    Returns
    -------
    probabilities : ndarray of float32, shape (C, H, W)
        In [0, 1].
    channels : tuple of str
        What each channel is, such as "nucleus" or "border".

    Raises
    ------
    DataError
        If it is not such a file or damaged; a MapError if a value is NaN, infinite or outside of
        [0, 1].
    """
    archive = Archive(path)
    about = read_about(archive, _KIND)
    check_members(archive, {"probabilities"})
    values = read_array(archive, "probabilities")
    archive.close()
    channels = about.get("channels")
    if not isinstance(channels, list) or not all(isinstance(c, str) for c in channels):
        raise DataError(f"{path}: its list of channels is damaged")
    return _checked(values, channels, str(path)), tuple(channels)


def write_probabilities(path: Path, probabilities: ArrayLike, channels: Sequence[str]) -> None:
    """Write probability maps (C, H, W) in [0, 1] as float16 (steps of 0.0005 near 1).

    Raises
    ------
    DataError
        If a value is NaN, infinite or outside of [0, 1], there is not one name per channel, or the
        file cannot be written.
    """
    values = _checked(np.asarray(probabilities), channels, "probabilities")
    with atomic_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        write_array(archive, "probabilities", values.astype(np.float16))
        write_about(archive, _KIND, {"channels": list(channels)})


def _checked(values: NDArray[Any], channels: Sequence[str], where: str) -> NDArray[np.float32]:
    if values.ndim != 3 or values.dtype.kind not in "fiub" or values.size == 0:
        raise DataError(
            f"{where}: expected numbers of shape (C, H, W), got {values.dtype} {values.shape}"
        )
    if len(channels) != len(values):
        raise DataError(f"{where}: {len(values)} channels need as many names, got {len(channels)}")
    # Written so that NaN fails too.
    if not (values.min() >= 0 and values.max() <= 1):
        raise MapError(
            f"{where}: probabilities must lie in [0, 1], got {values.min()} to {values.max()}; "
            "apply the sigmoid, or divide by 255"
        )
    return values.astype(np.float32)


class ProbabilityFolder:
    """Probability maps by image id, read one at a time, from any thread.

    Attributes
    ----------
    path : Path
    ids : list of str
        Sorted; the file names without ".npz".
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        files = files_in(path, _SUFFIXES, say=True)
        self._files = {id_of_image(file.stem): file for file in files}
        self.ids = sorted(self._files)
        if not self.ids:
            raise DataError(f"{path}: no probability maps here (looked for *.npz)")

    def read(self, image_id: str) -> NDArray[np.float32]:
        """float32 (C, H, W) in [0, 1]; the first channel is the nucleus."""
        if image_id not in self._files:
            raise DataError(f"{self.path} has no image {image_id!r}")
        return read_probabilities(self._files[image_id])[0]


def holds_probabilities(path: Path) -> bool:
    """Whether a path is a folder of ``.npz`` files, which only probability maps come in."""
    return path.is_dir() and bool(files_in(path, _SUFFIXES))
