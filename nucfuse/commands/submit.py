"""`nucfuse submit`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucfuse.commands.options import PATH, choice, reading

if TYPE_CHECKING:
    from nucfuse.clean.overlaps import By
    from nucfuse.pipeline.running import Reading


@click.command()
@click.argument("pred", type=PATH)
@click.argument("target", metavar="OUT.csv", type=PATH)
@click.option(
    "--sample-submission",
    type=PATH,
    help="Kaggle's sample CSV: which images must be there, in which order.",
)
@click.option("--sizes", type=PATH, help="Images or a data set that know the image sizes.")
@choice("--by", "score area nearest", "Which nucleus gets a pixel that several claim.")
@reading
def submit(
    pred: Path,
    target: Path,
    sample_submission: Path | None,
    sizes: Path | None,
    by: "By",
    reading: "Reading",
) -> None:
    """Write a Kaggle submission: overlaps removed, one row per nucleus, empty images kept."""
    from nucfuse.pipeline import converting

    wanted = {"sample_submission": sample_submission, "sizes": sizes}
    click.echo(converting.submit(pred, target, reading, by=by, **wanted), err=True)
