"""`nucfuse submit`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucfuse.commands.options import PATH, READING

if TYPE_CHECKING:
    from nucfuse.clean.overlaps import By


@click.command()
@click.argument("pred", type=PATH)
@click.argument("target", metavar="OUT.csv", type=PATH)
@click.option(
    "--sample-submission",
    type=PATH,
    help="Kaggle's sample CSV: which images must be there, in which order.",
)
@click.option("--sizes", type=PATH, help="Images or a data set that know the image sizes.")
@click.option(
    "--by",
    type=click.Choice(["score", "area", "nearest"]),
    default="score",
    show_default=True,
    help="Which nucleus gets a pixel that several claim.",
)
@READING
def submit(
    pred: Path,
    target: Path,
    sample_submission: Path | None,
    sizes: Path | None,
    by: "By",
    format_: str | None,
    jobs: int | None,
    engine: str | None,
) -> None:
    """Write a Kaggle submission: overlaps removed, one row per nucleus, empty images kept."""
    from nucfuse.pipeline import converting
    from nucfuse.pipeline.running import Reading, engine_name

    reading = Reading(format_, engine_name(jobs, engine))
    click.echo(converting.submit(pred, target, sample_submission, sizes, by, reading), err=True)
