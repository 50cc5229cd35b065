"""The state of a training run on disk, so that a kill costs at most one epoch.

Arrays only, in one .npz that is written beside its name and renamed: nothing in it is code.
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.atomic_output import atomic_file
from nucfuse.errors import DataError

Arrays = Sequence[NDArray[Any]]
_GROUPS = ("weights", "optimizer", "mean", "best")


def save_checkpoint(path: Path, groups: dict[str, Arrays], state: dict[str, Any]) -> None:
    """Write lists of arrays, by name of the list, and a state that JSON can hold."""
    arrays = {f"{name}_{i}": a for name in groups for i, a in enumerate(groups[name])}
    with atomic_file(path) as part, part.open("wb") as file:
        np.savez(file, **{"state": np.array(json.dumps(state)), **arrays})  # type: ignore[arg-type]


def load_checkpoint(path: Path) -> tuple[dict[str, list[NDArray[Any]]], dict[str, Any]]:
    """Read what `save_checkpoint` wrote.

    Raises
    ------
    DataError
        A ValueError. If the file is damaged, or something else.
    """
    try:
        # Opened here, as NumPy would not close a file that it finds damaged.
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            state = json.loads(str(file["state"]))
            groups = {
                name: [file[f"{name}_{i}"] for i in range(_count(file.files, name))]
                for name in _GROUPS
            }
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: no checkpoint of a training run, or a damaged one ({error}); remove it to "
            "begin anew"
        ) from None
    return groups, state


def _count(names: Sequence[str], group: str) -> int:
    return sum(name.rpartition("_")[0] == group for name in names)
