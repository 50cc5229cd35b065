"""`nucfuse doctor`."""

import sys
from pathlib import Path

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import PATH, READING


@click.command()
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@READING
def doctor(
    path: Path, as_json: bool, format_: str | None, jobs: int | None, engine: str | None
) -> None:
    """Say what is wrong with a data set: overlaps, holes, pieces, specks, shapes, duplicates."""
    from nucfuse.pipeline import converting
    from nucfuse.pipeline.running import Reading, engine_name
    from nucfuse.report.doctor import doctor_json, doctor_text

    report = converting.doctor(path, Reading(format_, engine_name(jobs, engine)))
    click.echo(doctor_json(report) if as_json else doctor_text(report))
    if report.findings:
        sys.exit(exit_codes.PARTIAL)
