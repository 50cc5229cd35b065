"""`nucfuse compare`."""

import sys
from pathlib import Path
from typing import Any

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import PATH, READING, SCORING


@click.command()
@click.argument("truth", type=PATH)
@click.argument("preds", metavar="A B...", nargs=-1, required=True, type=PATH)
@SCORING
@READING
def compare(truth: Path, preds: tuple[Path, ...], out: Path | None, as_json: bool,
            **settings: Any) -> None:  # fmt: skip
    """Compare prediction sets on the same images: difference, interval, wins and losses.

    Every set after the first is compared with the first.
    """
    from nucfuse.pipeline import scoring
    from nucfuse.report import files, tables

    if len(preds) < 2:
        raise click.UsageError("compare needs at least two prediction sets")
    result = scoring.compare(truth, preds, scoring.ScoreOptions.from_text(**settings), out)
    if out is not None:
        files.write_comparison(out, result)
    click.echo(result.to_json() if as_json else tables.comparison_text(result))
    if not result.scored.complete:
        sys.exit(exit_codes.PARTIAL)
