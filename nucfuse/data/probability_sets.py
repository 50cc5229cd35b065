"""A folder of probability maps: one nucfuse ``.npz`` per image."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.formats.labels import escape_id, unescape_id
from nucfuse.data.formats.npz import read_probabilities
from nucfuse.errors import DataError


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
        self.ids = sorted(unescape_id(file.stem) for file in path.glob("*.npz"))
        if not self.ids:
            raise DataError(f"{path}: no probability maps here (looked for *.npz)")

    def read(self, image_id: str) -> NDArray[np.float32]:
        """float32 (C, H, W) in [0, 1]; the first channel is the nucleus."""
        return read_probabilities(self.path / f"{escape_id(image_id)}.npz")[0]


def holds_probabilities(path: Path) -> bool:
    """Whether a path is a folder of ``.npz`` files, which only probability maps come in."""
    return path.is_dir() and next(path.glob("*.npz"), None) is not None
