"""`nucfuse doctor`."""

import sys
from pathlib import Path
from typing import Any

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import PATH, READING


@click.command()
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@READING
def doctor(path: Path, as_json: bool, **settings: Any) -> None:
    """Say what is wrong with a data set: overlaps, holes, pieces, specks, shapes, duplicates."""
    from nucfuse.pipeline import converting

    report = converting.doctor(path, **settings)
    click.echo(report.to_json() if as_json else report.to_text())
    if report.findings:
        sys.exit(exit_codes.PARTIAL)
