"""What tests of the command line share: calling it, and reading what it wrote."""

import csv

import numpy as np
from click.testing import CliRunner

from nucfuse import cli


def run(*args):
    """Call nucfuse with these words; a traceback or an unexpected exception fails the test."""
    result = CliRunner().invoke(cli.main, [str(a) for a in args])
    assert "Traceback" not in result.stdout + result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def rows(path):
    """Rows of a CSV as dicts of text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def disc(labels, y, x, r, value):
    """Draw a disc into a label image."""
    yy, xx = np.ogrid[: labels.shape[0], : labels.shape[1]]
    labels[(yy - y) ** 2 + (xx - x) ** 2 <= r * r] = value
