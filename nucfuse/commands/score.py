"""`nucfuse score`."""

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
@click.argument("preds", metavar="PRED...", nargs=-1, required=True, type=PATH)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    help="Exit with 4 if a prediction set scores below this (for CI).",
)
@click.option(
    "--worst",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="How many of the worst images to list.",
)
@click.option("--brief", is_flag=True, help="Print the headline table only.")
@scoring
def score(
    truth: Path,
    preds: tuple[Path, ...],
    fail_under: float | None,
    worst: int,
    brief: bool,
    out: Path | None,
    as_json: bool,
    options: "ScoreOptions",
) -> None:
    """Score predicted nuclei against ground truth (mean AP over IoU 0.50-0.95).

    TRUTH and each PRED: a DSB2018 folder or zip, a folder of label images, a Kaggle CSV, COCO JSON
    or nucfuse .npz; the format is recognised.
    """
    from nucfuse.pipeline.outputs import reserved_outputs
    from nucfuse.pipeline.scoring import score_record, score_sets
    from nucfuse.report import scores as report

    beside = [options.strata.images, options.strata.metadata]
    with reserved_outputs([out], [truth, *preds], beside):
        result = score_sets(truth, preds, options)
        if out is not None:
            report.write_scores(out, result, score_record(truth, preds, options))
    click.echo(report.score_json(result) if as_json else report.score_text(result, worst, brief))
    if fail_under is not None and min(s.dsb_ap for s in result.scores) < fail_under:
        exit_codes.fail(f"below --fail-under {fail_under}", exit_codes.BELOW)
    if not result.complete:
        sys.exit(exit_codes.PARTIAL)
