"""One run at a time writes an output, and what a killed one left behind is removed.

Locks of the operating system end with their process, however it ends: so nobody has to guess
whether the run that a file names is still there. Where a file system has none, the process that the
file names is asked for.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nucfuse.errors import DataError

# Names of what is there only while a run writes: `atomic_output`'s, and locks.
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.(part(\..+)?|lock)", re.DOTALL)
_LONG_AGO = 24 * 3600  # seconds; without locks, what nobody touched for so long is a leftover


def is_temporary(name: str) -> bool:
    """Whether a file or folder of that name is there only while a run writes, and no data.

    Examples
    --------
    >>> is_temporary(".d3c99c2021267fd8.part.npz"), is_temporary("a.npz")
    (True, False)
    """
    return _TEMPORARY.fullmatch(name) is not None


def hold(descriptor: int, wait: bool = False) -> bool | None:
    """Lock an open file or folder until it is closed or the process ends.

    Parameters
    ----------
    descriptor : int
    wait : bool
        Whether to wait while somebody else holds it.

    Returns
    -------
    bool or None
        False if somebody else holds it, None if the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_same(descriptor: int, path: Path) -> bool:
    """Whether an open file still lies at a path, and nobody has removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def output_lock(path: Path) -> Iterator[None]:
    """Keep other runs from writing an output, and remove what killed ones left where it will be.

    Parameters
    ----------
    path : Path
        A file or folder, there or not; the folder that it lies in must be there.

    Raises
    ------
    DataError
        If another run is writing it.
    OSError
        If nothing can be written there.
    """
    real = Path(os.path.realpath(path))
    place = _lock_file(real)
    if place is None:
        yield
        return
    descriptor = _locked(place, path)
    try:
        remove_leftovers(real.parent)
        if real.is_dir():
            remove_leftovers(real)
        yield
    finally:
        # While it is held: whoever waits for it finds out that it is gone, see `is_same`.
        place.unlink(missing_ok=True)
        os.close(descriptor)


def _lock_file(real: Path) -> Path | None:
    """Beside the output; in it, where the folder around it is not ours (a mounted volume)."""
    if real.exists() and not real.is_file() and not real.is_dir():
        return None  # a device
    name = f".{hashlib.sha256(os.fsencode(real.name)).hexdigest()[:16]}.lock"
    if real.is_dir() and not os.access(real.parent, os.W_OK):
        return real / name
    return real.parent / name


def _locked(place: Path, path: Path) -> int:
    """Descriptor of the lock file, which is held and says who we are."""
    while True:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _take(descriptor, place, path)
            if is_same(descriptor, place):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(descriptor: int, place: Path, path: Path) -> None:
    """Hold the lock file and write into it who does; a DataError if somebody else has it."""
    held = hold(descriptor)
    owner = os.pread(descriptor, 1000, 0).decode("utf-8", "replace").split()
    if held is False or (held is None and _is_alive(owner)):
        who = f"process {owner[0]} on {owner[1]}" if len(owner) == 2 else "another process"
        remedy = "" if held is False else f", or remove {place} if that run is over"
        raise DataError(
            f"{path}: another run is writing there ({who}); wait until it has ended, or choose "
            f"another place{remedy}"
        )
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()} {socket.gethostname()}".encode(), 0)


def _is_alive(owner: list[str]) -> bool:
    """Whether the process that a lock file names may be there still; on another machine: yes."""
    if len(owner) != 2 or not owner[0].isdecimal():
        return False
    if owner[1] != socket.gethostname():
        return True
    try:
        os.kill(int(owner[0]), 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def remove_leftovers(folder: Path) -> None:
    """Remove what runs that were killed left in a folder, not what others are writing now.

    Locks stay, for who makes one does not hold it yet; the next run of the same output takes it.
    """
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries if is_temporary(entry.name)]
    for path in (one for one in found if one.suffix != ".lock"):
        with contextlib.suppress(OSError):  # it is another user's, or another run removed it
            _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        held = hold(descriptor)
        if held is None:
            held = time.time() - os.fstat(descriptor).st_mtime > _LONG_AGO
        if held and path.is_dir():
            shutil.rmtree(path)
        elif held:
            path.unlink()
    finally:
        os.close(descriptor)
