"""Outputs that appear whole or not at all: written under a temporary name, then renamed."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from nucfuse.data.output_lock import hold, is_same, output_lock
from nucfuse.errors import DataError

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "your disk quota is used up; free some space or write elsewhere",
    errno.EROFS: "it lies on a read-only file system; write elsewhere",
    errno.EACCES: "no permission to write there; change it or write elsewhere",
    errno.EPERM: "no permission to write there; change it or write elsewhere",
    errno.ENAMETOOLONG: "the name is too long; shorten it",
}


def write_error(path: Path, problem: OSError) -> DataError:
    """Word the one message about outputs that cannot be written.

    Examples
    --------
    >>> str(write_error(Path("out.csv"), OSError(errno.ENOSPC, "No space left on device")))
    'cannot write out.csv: the disk is full; free some space or write elsewhere'
    """
    reason = _REMEDIES.get(problem.errno or 0) or problem.strerror or str(problem)
    return DataError(f"cannot write {path}: {reason}")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name in its folder; rename it to ``path`` on success.

    Parameters
    ----------
    path : Path
        Where the file will be; missing folders above it are made, and taken back if anything fails.
        A file that is there already is replaced, through links; it stays
        as it was if anything fails, Ctrl-C included, and nothing else is left behind.

    Yields
    ------
    Path
        The temporary file, empty, with the suffix of ``path``.

    Raises
    ------
    DataError
        If ``path`` is a folder, a device or write-protected, or any OSError
        rises while writing: disk full, read-only, no permission.
    """
    real = Path(os.path.realpath(path))
    _check_target_file(path, real)
    part = _part(real.parent, real.suffix)
    with (
        _leaving_nothing(path, real, lambda: part.unlink(missing_ok=True)),
        _held(part, lambda: os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o666))),
    ):
        yield part
        part.replace(real)


@contextmanager
def _leaving_nothing(path: Path, real: Path, remove: Callable[[], Any]) -> Iterator[None]:
    """Make the folders above an output; at the end remove what is temporary, and them if empty."""
    made: list[Path] = []
    try:
        made = _make_folders(real.parent)
        yield
    except OSError as problem:
        raise write_error(path, problem) from problem
    finally:
        with contextlib.suppress(OSError):
            remove()
        _remove_empty(made)


def _check_target_file(path: Path, real: Path) -> None:
    if real.is_dir():
        raise DataError(f"cannot write {path}: there is a folder of that name; name a file")
    # Renaming would put a plain file in the place of a device such as /dev/null.
    if real.exists() and not real.is_file():
        raise DataError(f"cannot write {path}: it is no regular file; choose another name")
    # Renaming needs no permission on the old file, but who protects a file wants to keep it.
    if real.exists() and not os.access(real, os.W_OK):
        raise DataError(f"cannot write {path}: it is write-protected; choose another name")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Write files into a temporary folder; on success they get their place in ``path``.

    Parameters
    ----------
    path : Path
        Where the folder will be; missing ones above it are made, and taken back if anything fails.
        If it is there already, the new files move into it one by one over
        those of the same name, and all others in it stay. Nothing changes if anything fails before,
        Ctrl-C included.

    Yields
    ------
    Path
        An empty folder: beside ``path`` if that is new, else inside it, as ``path`` may be the root
        of a file system (a mounted volume) of its own.

    Raises
    ------
    DataError
        If ``path`` is a file, a new file would replace a folder or
        the reverse, or any OSError rises: disk full, read-only, no permission.
    """
    real = Path(os.path.realpath(path))
    if real.exists() and not real.is_dir():
        raise DataError(f"cannot write the folder {path}: there is a file of that name")
    is_new = not real.exists()
    part = _part(real.parent if is_new else real)
    with (
        _leaving_nothing(path, real, lambda: shutil.rmtree(part, ignore_errors=True)),
        _held(part, part.mkdir),
    ):
        yield part
        if is_new and not real.exists():
            part.rename(real)
        else:
            _merge(part, real, path)


def _part(folder: Path, suffix: str = "") -> Path:
    """Name of what is being written there, as `is_temporary` knows it."""
    return folder / f".{secrets.token_hex(8)}.part{suffix}"


@contextmanager
def _held(part: Path, make: Callable[[], Any]) -> Iterator[None]:
    """Make what is written and hold it meanwhile, so that nobody takes it for a leftover."""
    descriptor = None
    while descriptor is None:
        make()
        with contextlib.suppress(FileNotFoundError):  # taken for one before it is held
            descriptor = os.open(part, os.O_RDONLY)
            hold(descriptor, wait=True)
            if not is_same(descriptor, part):
                os.close(descriptor)
                descriptor = None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def reserved(path: Path) -> Iterator[None]:
    """Keep an output for this run, see `output_lock`; folders made for it go again if empty.

    Raises
    ------
    DataError
        If another run writes it, or nothing can be written there.
    """
    with ExitStack() as stack:
        try:
            stack.callback(_remove_empty, _make_folders(Path(os.path.realpath(path)).parent))
            stack.enter_context(output_lock(path))
        except OSError as problem:
            raise write_error(path, problem) from problem
        yield


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; the new ones, innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    """Take back folders made for an output that did not come about."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _merge(part: Path, real: Path, path: Path) -> None:
    """Move all files below one folder to the same places below the other."""
    found = sorted(part.rglob("*"))
    # All conflicts are looked for before the first move.
    for source in found:
        target = real / source.relative_to(part)
        if target.exists() and target.is_dir() != source.is_dir():
            kind = "folder" if target.is_dir() else "file"
            name = path / source.relative_to(part)
            raise DataError(f"cannot write {name}: there is a {kind} of that name in its place")
    for source in found:
        target = real / source.relative_to(part)
        if source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            source.replace(target)
