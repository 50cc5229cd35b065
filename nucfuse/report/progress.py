"""Progress on the terminal: shown by commands, never where nucfuse is used as a library."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Result = TypeVar("Result")

_is_shown = ContextVar("is_shown", default=False)


@contextmanager
def progress_shown() -> Iterator[None]:
    """Show bars for what is done inside, if stderr is a terminal."""
    token = _is_shown.set(True)
    try:
        yield
    finally:
        _is_shown.reset(token)


def with_progress(results: Iterator[Result], total: int, title: str) -> Iterator[Result]:
    """Hand on results, with a bar where one is to be shown."""
    if not (_is_shown.get() and sys.stderr.isatty()):
        yield from results
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(results, title, total, console=Console(stderr=True), transient=True)
