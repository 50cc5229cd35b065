"""What tests of the command line share: calling it, and reading what it wrote."""

import csv

import numpy as np
from click.testing import CliRunner

from nucfuse import cli
from nucfuse.data.readers.headers import image_size
from nucfuse.data.sample_images import copy_sample


def run(*args):
    """Call nucfuse with these words; a traceback or an unexpected exception fails the test."""
    result = CliRunner().invoke(cli.main, [str(a) for a in args])
    assert "Traceback" not in result.stdout + result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def small_sample(folder, config):
    """Copy the small images of the sample to a folder, beside a config ``tiny.toml``.

    Large ones take minutes where kernels are uncompiled.
    """
    copy_sample(folder)
    for path in (folder / "images").iterdir():
        if np.prod(image_size(path)) > 256 * 320:
            path.unlink()
            (folder / "truth" / path.name).unlink()
    (folder / "tiny.toml").write_text(config)
    return folder


def train(sample, out, *options, config="tiny.toml"):
    """Call `nucfuse train` on what `small_sample` made."""
    return run(
        "train", sample / config, sample / "truth", "--images", sample / "images", "--out", out,
        *options,
    )  # fmt: skip


def rows(path):
    """Rows of a CSV as dicts of text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def disc(labels, y, x, r, value):
    """Draw a disc into a label image."""
    yy, xx = np.ogrid[: labels.shape[0], : labels.shape[1]]
    labels[(yy - y) ** 2 + (xx - x) ** 2 <= r * r] = value
