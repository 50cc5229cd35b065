"""Numba as commands load it, and one line on what takes so long at first use."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numba.core import event

from nucfuse.kernels import cache_folder

_LEAST = 0.3  # seconds of compiling that are worth a word


@contextmanager
def compiling_said(say: Callable[[str], None], package: str) -> Iterator[None]:
    """Say so, once, when numba compiles something inside; the first time takes long.

    Parameters
    ----------
    say : callable
        Takes the line.
    package : str
        Folder of nucfuse; the line names the folder where code is kept, if it is another one.
    """
    _load_without_blas()
    with event.install_listener("numba:compile", _Notice(say, package)):
        yield


@contextmanager
def compiled_counted() -> Iterator[list[str]]:
    """Collect the names of the functions that numba compiles inside."""
    _load_without_blas()
    counter = _Counter()
    with event.install_listener("numba:compile", counter):
        yield counter.names


def _load_without_blas() -> None:
    """Load what numba loads with its first function, but for scipy's BLAS.

    Numba looks whether it is there: 0.3 of 2 CPU seconds of a small command go into these imports,
    for matrix products that no kernel has. Where code compiles one, numba looks again.
    """
    blas = "scipy.linalg.cython_blas"
    if blas not in sys.modules:
        sys.modules[blas] = None  # type: ignore[assignment]  # makes an import fail at once
        try:
            import numba.np.arraymath  # noqa: F401
        finally:
            del sys.modules[blas]


class _Notice(event.Listener):
    def __init__(self, say: Callable[[str], None], package: str) -> None:
        self._say, self._package = say, package
        self._is_said, self._depth, self._seconds, self._begin = False, 0, 0.0, 0.0
        self._kept: str | None = None

    def on_start(self, event: Any) -> None:
        """Note when the outermost of nested compilations begins."""
        if self._depth == 0:
            self._begin = time.perf_counter()
        self._depth += 1
        # Numba's own functions, compiled on the way, are kept nowhere.
        self._kept = self._kept or event.data["dispatcher"].stats.cache_path

    def on_end(self, event: Any) -> None:
        """Say so if it took long enough so far."""
        self._depth -= 1
        spent = self._seconds + time.perf_counter() - self._begin
        if self._depth == 0:
            self._seconds = spent
        if spent > _LEAST and not self._is_said:
            self._is_said = True
            self._say(
                "compiling the fast parts for this machine, once: this may take half a minute"
                + self._place()
            )

    def _place(self) -> str:
        """Where code is kept, if not beside the package."""
        if cache_folder.temporary_folder:
            return (
                "; they are lost afterwards, as no folder for them can be written: set "
                "NUMBA_CACHE_DIR to one that can"
            )
        if self._kept is None or self._kept.startswith(self._package):
            return ""
        return f"; they are kept in {Path(self._kept).parent}"


class _Counter(event.Listener):
    def __init__(self) -> None:
        self.names: list[str] = []

    def on_start(self, event: Any) -> None:
        """Nothing."""

    def on_end(self, event: Any) -> None:
        """Note the function."""
        function = event.data["dispatcher"].py_func
        self.names.append(f"{function.__module__}.{function.__name__}")
