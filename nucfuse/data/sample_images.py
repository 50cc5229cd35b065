"""The real images with truth that come with the package."""

import shutil
from importlib.resources import files
from pathlib import Path

from nucfuse.data.atomic_output import atomic_folder
from nucfuse.errors import DataError


def sample_folder() -> Path:
    """Folder with ``images/ID.png`` and ``truth/ID.png`` (label images) of 12 DSB2018 images.

    ``README.md`` in it says where they come from and how they were chosen. They are part of the
    installed package: `copy_sample` gives you your own.

    Examples
    --------
    >>> len(list((sample_folder() / "truth").glob("*.png")))
    12
    """
    return Path(str(files("nucfuse"))) / "sample"


def copy_sample(out: Path) -> None:
    """Copy the sample to a folder; what else is in it stays.

    Raises
    ------
    DataError
        If ``out`` lies in the sample itself, or cannot be written (see `atomic_folder`).
    """
    source = sample_folder()
    if out.resolve().is_relative_to(source.resolve()):
        raise DataError(f"cannot copy the sample into itself ({out}); name another folder")
    with atomic_folder(out) as part:
        shutil.copytree(source, part, dirs_exist_ok=True)
