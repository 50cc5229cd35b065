"""Reading members of a zip file without extracting it."""

import threading
import zipfile
import zlib
from pathlib import Path
from typing import Any

from nucfuse.data.readers.allocation import check_claim
from nucfuse.errors import DataError

MAGIC = b"PK\x03\x04"
_EMPTY_MAGIC = b"PK\x05\x06"


def is_zip(path: Path) -> bool:
    """Whether a file begins as zip files do."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (MAGIC, _EMPTY_MAGIC)
    except OSError:
        return False


class Archive:
    """The members of a zip file; may be read from several threads, and pickled.

    Parameters
    ----------
    path : Path
        The zip file.

    Attributes
    ----------
    names : list of str
        Members and folders (ending in "/") in the order of the file.

    Raises
    ------
    DataError
        If it is no zip file or a truncated one, a member lies outside of it ("..", absolute paths)
        or two members have one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as problem:
            raise DataError(f"{path}: {problem.strerror or problem}") from problem
        # zipfile lets through whatever a damaged directory makes of struct, codecs and integers.
        except Exception as problem:
            raise DataError(f"{path}: the zip file is truncated or damaged: {problem}") from problem
        self.names = self._zip.namelist()
        self._check_names()

    def __reduce__(self) -> Any:
        return Archive, (self.path,)

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def _check_names(self) -> None:
        for name in self.names:
            if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
                self._zip.close()
                raise DataError(
                    f"{self.path}: member {name!r} points outside of the zip file; make the zip "
                    "file anew from the folder"
                )
        if len(set(self.names)) < len(self.names):
            twice = next(n for n in self.names if self.names.count(n) > 1)
            self._zip.close()
            raise DataError(f"{self.path}: holds the member {twice!r} twice")

    def read(self, name: str) -> bytes:
        """The content of a member; DataError if it is damaged, encrypted or claims too much."""
        where = f"{self.path}: {name}"
        if name not in self:
            raise DataError(f"{where}: is missing")
        info = self._zip.getinfo(name)
        if info.flag_bits & 1:
            raise DataError(f"{where}: is encrypted; make the zip file anew without a password")
        packed = info.compress_type != zipfile.ZIP_STORED
        try:
            check_claim(info.file_size, info.compress_size, packed)
        except DataError as problem:
            raise DataError(f"{where}: {problem}") from problem
        try:
            # One file position is shared by all threads.
            with self._lock:
                return self._zip.read(info)
        except NotImplementedError as problem:
            raise DataError(f"{where}: {problem}; make the zip file anew with deflate") from problem
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as problem:
            raise DataError(f"{where}: truncated or damaged: {problem}") from problem

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
