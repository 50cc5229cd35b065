"""What a command says with its exit code, beside 0 (done) and 2 (a wrong command line)."""

import sys
from typing import NoReturn

import click

PARTIAL = 1  # finished, but some images failed or are missing
BAD_INPUT = 3  # nothing was written
BELOW = 4  # the score is below --fail-under
INTERRUPTED = 130


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on stderr, and leave."""
    click.echo(f"nucfuse: error: {message}", err=True)
    sys.exit(code)
