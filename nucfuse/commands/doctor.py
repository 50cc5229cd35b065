"""`nucfuse doctor`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import PATH, reading

if TYPE_CHECKING:
    from nucfuse.pipeline.running import Reading


@click.command()
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--truth", type=PATH, help="Truth of the same images, which knows their sizes.")
@click.option("--images", type=PATH, help="The images, which know their sizes.")
@reading
def doctor(
    path: Path, as_json: bool, truth: Path | None, images: Path | None, reading: "Reading"
) -> None:
    """Say what is wrong with a data set: overlaps, holes, pieces, specks, shapes, duplicates.

    Exits with 3 if it cannot be used as it is: files that cannot be read, images that are no label
    images, masks of another size than their image. A Kaggle submission needs --truth or --images.
    """
    from nucfuse.pipeline import examining
    from nucfuse.report.doctor import doctor_json, doctor_text

    report = examining.doctor(path, reading, truth, images)
    click.echo(doctor_json(report) if as_json else doctor_text(report))
    if report.has_errors:
        sys.exit(exit_codes.BAD_INPUT)
