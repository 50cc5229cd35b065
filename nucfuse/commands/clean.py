"""`nucfuse clean`."""

import sys
from pathlib import Path
from typing import Any

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import MAP_MAX, OUT, OVERLAP, PATH, READING, SETTINGS


@click.command()
@click.argument("pred", type=PATH)
@OUT
@click.option(
    "--by",
    type=click.Choice(["score", "area", "nearest"]),
    default="score",
    show_default=True,
    help="Which nucleus gets a pixel that several claim.",
)
@click.option(
    "--split",
    "split_method",
    default="watershed",
    show_default=True,
    help="How probability maps become nuclei.",
)
@OVERLAP
@SETTINGS
@MAP_MAX
@READING
def clean(pred: Path, out: Path, **options: Any) -> None:
    """Clean predictions: overlaps, specks, giants, holes, outlines; or split probability maps."""
    from nucfuse.pipeline import cleaning

    text, failed = cleaning.clean(pred, out, cleaning.CleanOptions(**options))
    click.echo(text, err=True)
    if failed:
        sys.exit(exit_codes.PARTIAL)
