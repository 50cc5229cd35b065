"""Members of nucfuse's ``.npz`` files: arrays, and the text ``about`` that says what they are.

``about`` is JSON (UTF-8 in a uint8 array, so that any id is safe) with the keys "format" and
"version". ``numpy.load`` opens these files, without pickles.
"""

import io
import json
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.readers.archive import Archive, is_zip
from nucfuse.data.readers.npy import read_npy
from nucfuse.errors import DataError

VERSION = 1

_ABOUT = "about"


def is_ours(path: Path, member: str = _ABOUT) -> bool:
    """Whether it is a zip file with the member "about", and with another one if named."""
    if not path.is_file() or not is_zip(path):
        return False
    try:
        archive = Archive(path)
    except DataError:
        return path.suffix.lower() == ".npz"  # what is wrong is said when it is opened
    archive.close()
    return f"{_ABOUT}.npy" in archive and f"{member}.npy" in archive


def read_about(archive: Archive, kind: str) -> dict[str, Any]:
    """Read what a file says of itself.

    Parameters
    ----------
    archive : Archive
    kind : str
        The "format" it must have.

    Raises
    ------
    DataError
        If it was not written by nucfuse, is damaged, of another kind or of a later version.
    """
    if f"{_ABOUT}.npy" not in archive:
        raise DataError(f"{archive.path}: not written by nucfuse (it has no member {_ABOUT!r})")
    try:
        about = json.loads(read_array(archive, _ABOUT).tobytes())
    except DataError:
        raise
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{archive.path}: its member {_ABOUT!r} is damaged: {problem}") from None
    if not isinstance(about, dict) or about.get("format") != kind:
        found = about.get("format") if isinstance(about, dict) else about
        raise DataError(f"{archive.path}: expected a file of {kind}, got {found!r:.60}")
    if about.get("version") != VERSION:
        raise DataError(
            f"{archive.path}: format version {about.get('version')!r:.20}; this nucfuse reads "
            f"version {VERSION}; update nucfuse"
        )
    return about


def check_members(archive: Archive, known: Collection[str]) -> None:
    """Raise a DataError if a file holds more than these, named without ".npy", and what it says.

    A member with a damaged name would be missed by nobody if it may be absent.
    """
    expected = {*known, _ABOUT}
    strange = [name for name in archive.names if name.removesuffix(".npy") not in expected]
    if strange:
        raise DataError(
            f"{archive.path}: holds the member {strange[0]!r}, which nucfuse does not write; it is "
            "damaged, or was changed by another program"
        )


def read_array(archive: Archive, name: str) -> NDArray[Any]:
    """Read one member, named without ".npy"; raises DataError."""
    try:
        return read_npy(archive.read(f"{name}.npy"))
    except DataError as problem:
        raise DataError(f"{archive.path}: {name}: {problem}") from problem


def write_about(archive: zipfile.ZipFile, kind: str, rest: dict[str, Any]) -> None:
    """Write what the file says of itself."""
    text = json.dumps({"format": kind, "version": VERSION, **rest})
    write_array(archive, _ABOUT, np.frombuffer(text.encode("ascii"), np.uint8))


def write_array(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """Write one member, named without ".npy"."""
    content = io.BytesIO()
    np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
    # No time of writing, so that the same data give the same file.
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(member, content.getbuffer())
