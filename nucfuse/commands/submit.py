"""`nucfuse submit`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucfuse.commands.options import PATH, SET, choice, reading

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
@SET
@reading
def submit(
    pred: Path,
    target: Path,
    sample_submission: Path | None,
    sizes: Path | None,
    by: "By",
    settings: tuple[str, ...],
    reading: "Reading",
) -> None:
    """Write a Kaggle submission: overlaps removed, one row per nucleus, empty images kept.

    Nuclei are cleaned as `nucfuse clean` does; what was cut and dropped is said.
    """
    from nucfuse.pipeline import submitting

    report = submitting.submit(
        pred,
        target,
        reading,
        sample_submission=sample_submission,
        sizes=sizes,
        by=by,
        settings=settings,
    )
    click.echo(report, err=True)
