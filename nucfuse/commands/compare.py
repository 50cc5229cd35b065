"""`nucfuse compare`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import PATH, scoring

if TYPE_CHECKING:
    from nucfuse.pipeline.scoring import ScoreOptions


@click.command()
@click.argument("truth", type=PATH)
@click.argument("preds", metavar="A B...", nargs=-1, required=True, type=PATH)
@scoring
def compare(
    truth: Path, preds: tuple[Path, ...], out: Path | None, as_json: bool, options: "ScoreOptions"
) -> None:
    """Compare prediction sets on the same images: difference, interval, wins and losses.

    Every set after the first is compared with the first.
    """
    from nucfuse.metrics.comparison import Comparison
    from nucfuse.pipeline.outputs import reserved_outputs
    from nucfuse.pipeline.scoring import score_record, score_sets
    from nucfuse.report import scores as report

    if len(preds) < 2:
        raise click.UsageError("compare needs at least two prediction sets")
    beside = [options.strata.images, options.strata.metadata]
    with reserved_outputs([out], [truth, *preds], beside):
        result = score_sets(truth, preds, options)
        comparison = Comparison.of(result.scores, result.names, options.seed, result.by)
        if out is not None:
            record = score_record(truth, preds, options)
            report.write_comparison(out, result, comparison, record)
    text = report.comparison_json if as_json else report.comparison_text
    click.echo(text(result, comparison))
    if not result.complete:
        sys.exit(exit_codes.PARTIAL)
