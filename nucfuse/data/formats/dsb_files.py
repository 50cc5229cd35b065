"""Where the files of DSB2018 samples lie: a folder, or a zip file that is not extracted."""

import os
from pathlib import Path
from typing import Protocol
from unicodedata import normalize

from nucfuse.data.readers.archive import Archive
from nucfuse.data.readers.files import names_with, read_bytes
from nucfuse.data.readers.raster import IMAGE_SUFFIXES
from nucfuse.errors import DataError

_KINDS = ("images", "masks")
_NOT_SAMPLES = ("__MACOSX",)


class Files(Protocol):
    """Where the files of the samples lie."""

    ids: list[str]

    def names(self, image_id: str, kind: str) -> list[str] | None:
        """Image files in ``ID/kind/``, sorted, or None if there is no such folder."""
        ...

    def load(self, image_id: str, kind: str, name: str) -> tuple[bytes, str]:
        """Content of a file, and what messages call it."""
        ...


class FolderFiles:
    """Samples in a folder."""

    def __init__(self, path: Path) -> None:
        self._folders = sample_folders(path)
        self.ids = sorted(self._folders)

    def names(self, image_id: str, kind: str) -> list[str] | None:
        """Image files in ``ID/kind/``, sorted, or None if there is no such folder."""
        if image_id not in self._folders:
            return None
        try:
            found = os.listdir(f"{self._folders[image_id]}/{kind}")  # noqa: PTH208
            return names_with(found, IMAGE_SUFFIXES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:
            raise DataError(f"{problem.filename}: {problem.strerror}") from problem

    def load(self, image_id: str, kind: str, name: str) -> tuple[bytes, str]:
        """Content of a file, and its path."""
        path = f"{self._folders[image_id]}/{kind}/{name}"
        return read_bytes(path), path


def sample_folders(path: Path, depth: int = 3) -> dict[str, str]:
    """Folder of each sample by id; of a folder that holds nothing but one folder, those in it."""
    try:
        with os.scandir(path) as entries:
            visible = (e for e in entries if not e.name.startswith("."))
            folders = [e for e in visible if e.name not in _NOT_SAMPLES and e.is_dir()]
    except OSError as problem:
        raise DataError(f"{path}: {problem.strerror}") from problem
    samples = [e for e in folders if any(Path(e.path, k).is_dir() for k in _KINDS)]
    found = {normalize("NFC", e.name): e.path for e in samples}
    # Not any deeper: a link may lead back to where it came from.
    if not found and len(folders) == 1 and depth:
        return sample_folders(Path(folders[0].path), depth - 1)
    return found


class ZipFiles:
    """Samples in a zip file, below any folders; read without extracting."""

    def __init__(self, path: Path) -> None:
        self._archive = Archive(path)
        self._folders: dict[str, str] = {}
        self._names: dict[tuple[str, str], list[str]] = {}
        self._strange: list[str] = []  # members that are not read
        for member in self._archive.names:
            parts = member.split("/")
            if parts[0] in _NOT_SAMPLES:
                continue
            in_place = len(parts) >= 3 and parts[-2] in _KINDS
            if in_place:
                image_id, *rest = parts[-3:]
                self._add("/".join(parts[:-2]), normalize("NFC", image_id), *rest)
            if not in_place or not names_with(parts[-1:], IMAGE_SUFFIXES):
                self._strange.append(member)
        self.ids = sorted(self._folders)

    def check(self) -> None:
        """Log members that are not read; a DataError if the zip file is damaged at one of them."""
        self._archive.check_strange([name for name in self._strange if not name.endswith("/")])

    def _add(self, folder: str, image_id: str, kind: str, name: str) -> None:
        known = self._folders.setdefault(image_id, folder)
        if known != folder:
            raise DataError(
                f"{self._archive.path}: {known} and {folder} have one name; unpack the zip file "
                "and name one of the folders around them"
            )
        self._names.setdefault((image_id, kind), []).append(name)

    def names(self, image_id: str, kind: str) -> list[str] | None:
        """Image files in ``ID/kind/``, sorted, or None if there is no such folder."""
        found = self._names.get((image_id, kind))
        return None if found is None else names_with(found, IMAGE_SUFFIXES)

    def load(self, image_id: str, kind: str, name: str) -> tuple[bytes, str]:
        """Content of a member, and what messages call it."""
        member = f"{self._folders[image_id]}/{kind}/{name}"
        return self._archive.read(member), f"{self._archive.path}: {member}"
