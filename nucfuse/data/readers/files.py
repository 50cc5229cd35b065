"""Files and folders as the system has them: whole contents, and names that are worth a look.

Only regular files are read: opening a pipe would wait for ever, and a device may have no end.
"""

import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from nucfuse.data.readers.allocation import largest_bytes
from nucfuse.errors import DataError

_log = logging.getLogger(__name__)

# A pipe that nobody writes to is opened at once; regular files do not mind.
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


def read_bytes(path: Path | str) -> bytes:
    """Read a whole file; DataError if it is missing, empty, not readable or beyond memory."""
    data = read_head(path, largest_bytes() + 1)
    if len(data) > largest_bytes():
        raise DataError(
            f"{path}: the file is larger than {largest_bytes()} bytes; cut it into tiles, or give "
            "a larger --max-pixels"
        )
    return data


def read_head(path: Path | str, most: int) -> bytes:
    """Read the first bytes of a file; DataError as `read_bytes`."""
    try:
        # A third of the time of open(), which counts for tens of thousands of small masks.
        handle = os.open(path, _FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise DataError(f"{path}: {_what_it_is(path)}")
            data = _read(handle, most)
        finally:
            os.close(handle)
    except OSError as problem:
        raise DataError(f"{path}: {problem.strerror}") from problem
    if not data:
        raise DataError(f"{path}: the file is empty")
    return data


def _what_it_is(path: Path | str) -> str:
    if os.path.isdir(path):  # noqa: PTH112
        return "Is a directory"
    return "it is a pipe, a socket or a device, no regular file; it is not read"


def _read(handle: int, most: int) -> bytes:
    parts, total = [os.read(handle, min(most, 1 << 16))], 0
    while parts[-1] and total + len(parts[-1]) < most:
        total += len(parts[-1])
        step = 1 << 24 if total >= 1 << 16 else 1 << 16
        parts.append(os.read(handle, min(most - total, step)))
    return b"".join(parts)


def is_filled(path: Path) -> bool:
    """Whether a path is a file that holds something."""
    return path.is_file() and path.stat().st_size > 0


def check_regular(path: Path) -> None:
    """Raise a DataError if a path is there, but neither a file nor a folder."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DataError(f"{path}: {_what_it_is(path)}")


def names_with(names: Iterable[str], suffixes: tuple[str, ...]) -> list[str]:
    """Sort the file names that have one of the endings; hidden files are left out."""
    return sorted(n for n in names if n.lower().endswith(suffixes) and not n.startswith("."))


def files_in(folder: Path, suffixes: tuple[str, ...], say: bool = False) -> list[Path]:
    """Files of a folder that have one of the endings, sorted; hidden ones are left out.

    So are pipes, sockets and devices, which are logged with ``say``. A link that leads nowhere
    stays, so that reading it says what is wrong.
    """
    try:
        with os.scandir(folder) as entries:
            # Of most entries the folder itself says what they are.
            is_file = {e.name: e.is_file() or not Path(e).exists() for e in entries}
    except OSError as problem:
        raise DataError(f"{folder}: {problem.strerror}") from problem
    named = [folder / name for name in names_with(is_file, suffixes)]
    special = [path for path in named if not is_file[path.name] and not path.is_dir()]
    if special and say:
        _log.warning("%s is left out: %s", special[0], _what_it_is(special[0]))
    return [path for path in named if is_file[path.name]]
