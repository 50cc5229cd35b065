"""What the library logs, shown to whoever runs a command."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click


class _OnStderr(logging.Handler):
    """Prints each message on a line of stderr; warnings are called so."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        click.echo(f"{prefix}{record.getMessage()}", err=True)


@contextmanager
def shown() -> Iterator[None]:
    """Show what nucfuse logs meanwhile, from level INFO on."""
    log, handler = logging.getLogger("nucfuse"), _OnStderr()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
