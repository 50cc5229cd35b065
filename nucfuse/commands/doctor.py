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
@reading
def doctor(path: Path, as_json: bool, reading: "Reading") -> None:
    """Say what is wrong with a data set: overlaps, holes, pieces, specks, shapes, duplicates."""
    from nucfuse.pipeline import converting
    from nucfuse.report.doctor import doctor_json, doctor_text

    report = converting.doctor(path, reading)
    click.echo(doctor_json(report) if as_json else doctor_text(report))
    if report.findings:
        sys.exit(exit_codes.PARTIAL)
