"""Reading members of a zip file without extracting it."""

import logging
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nucfuse.data.image_ids import first_ids
from nucfuse.data.readers.allocation import DEFLATE, check_allocation
from nucfuse.errors import DataError

_log = logging.getLogger(__name__)

MAGIC = b"PK\x03\x04"
_EMPTY_MAGIC = b"PK\x05\x06"
_LOCAL = struct.Struct("<4sHHHHHIIIHH")  # what stands before a member, but for its names
_RATIOS = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: DEFLATE}


def is_zip(path: Path) -> bool:
    """Whether a file begins as zip files do."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (MAGIC, _EMPTY_MAGIC)
    except OSError:
        return False


class _OpenZip(NamedTuple):
    """A zip file as one process has it open: its threads share one file position."""

    file: zipfile.ZipFile
    lock: threading.Lock
    process: int


class Archive:
    """The members of a zip file; may be read from several threads and forks, and pickled.

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
        self._open = self._opened()
        self.names = self._open.file.namelist()
        self._check_names()

    def _opened(self) -> _OpenZip:
        try:
            return _OpenZip(zipfile.ZipFile(self.path), threading.Lock(), os.getpid())
        except OSError as problem:
            raise DataError(f"{self.path}: {problem.strerror or problem}") from problem
        # zipfile lets through whatever a damaged directory makes of struct, codecs and integers.
        except Exception as problem:
            what = f"the zip file is truncated or damaged: {problem}"
            raise DataError(f"{self.path}: {what}") from problem

    def _own(self) -> _OpenZip:
        """Open the file anew in a fork, which would move the position of its parent and siblings.

        Its lock may be held for ever, too, by a thread that was not forked.
        """
        if self._open.process != os.getpid():
            self._open = self._opened()
        return self._open

    def __reduce__(self) -> Any:
        return Archive, (self.path,)

    def __contains__(self, name: str) -> bool:
        return name in self._open.file.NameToInfo

    def _check_names(self) -> None:
        for name in self.names:
            if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
                self._open.file.close()
                raise DataError(
                    f"{self.path}: member {name!r} points outside of the zip file; make the zip "
                    "file anew from the folder"
                )
        if len(set(self.names)) < len(self.names):
            twice = next(n for n in self.names if self.names.count(n) > 1)
            self._open.file.close()
            raise DataError(f"{self.path}: holds the member {twice!r} twice")

    def check_strange(self, strange: Sequence[str]) -> None:
        """Look at members that nobody asks for; a damaged name may hide what somebody would.

        Logs what they are called.

        Raises
        ------
        DataError
            If the name of one differs from that which stands before its content.
        """
        for name in strange:
            found = self._local_name(name)
            if found != name:
                raise DataError(
                    f"{self.path}: the zip file is damaged: the names of a member differ, {name!r} "
                    f"in its list and {found!r} before the member itself; copy or make it anew"
                )
        visible = [name for name in strange if not name.rpartition("/")[2].startswith(".")]
        if visible:
            _log.warning(
                "%s: %d members are not read, as they are no images in ID/images/ or ID/masks/: %s",
                self.path,
                len(visible),
                first_ids(visible, 3),
            )

    def _local_name(self, name: str) -> str:
        """Name of a member as it stands before its content; "" if there is none."""
        file, lock, _ = self._own()
        info = file.NameToInfo[name]
        with lock, self.path.open("rb") as raw:
            raw.seek(info.header_offset)
            header = raw.read(_LOCAL.size)
            if len(header) < _LOCAL.size or not header.startswith(MAGIC):
                return ""
            flags, length = _LOCAL.unpack(header)[2], _LOCAL.unpack(header)[-2]
            return raw.read(length).decode("utf-8" if flags & 0x800 else "cp437", "replace")

    def read(self, name: str) -> bytes:
        """Read a member; DataError if it is damaged, encrypted or claims too much."""
        where = f"{self.path}: {name}"
        file, lock, _ = self._own()
        info = file.NameToInfo.get(name)
        if info is None:
            raise DataError(f"{where}: is missing")
        if info.flag_bits & 1:
            raise DataError(f"{where}: is encrypted; make the zip file anew without a password")
        # What is packed in another way (bzip2, LZMA) may shrink to next to nothing.
        ratio = _RATIOS.get(info.compress_type, 2**40)
        try:
            check_allocation(info.file_size, info.compress_size, ratio)
        except DataError as problem:
            raise DataError(f"{where}: {problem}") from problem
        try:
            with lock:
                return file.read(info)
        except NotImplementedError as problem:
            raise DataError(f"{where}: {problem}; make the zip file anew with deflate") from problem
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError) as problem:
            raise DataError(f"{where}: truncated or damaged: {problem}") from problem

    def close(self) -> None:
        """Close the file."""
        self._open.file.close()
