"""`nucfuse score`."""

import sys
from pathlib import Path
from typing import Any

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import PATH, READING, SCORING


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
@SCORING
@READING
def score(truth: Path, preds: tuple[Path, ...], fail_under: float | None, worst: int,
          brief: bool, out: Path | None, as_json: bool, **settings: Any) -> None:  # fmt: skip
    """Score predicted nuclei against ground truth (mean AP over IoU 0.50-0.95).

    TRUTH and each PRED: a DSB2018 folder or zip, a folder of label images, a Kaggle CSV, COCO JSON
    or nucfuse .npz; the format is recognised.
    """
    from nucfuse.pipeline import scoring
    from nucfuse.report import files, tables

    result = scoring.score(truth, preds, scoring.ScoreOptions.from_text(**settings), out)
    if out is not None:
        files.write_scores(out, result)
    click.echo(result.to_json() if as_json else tables.score_text(result, worst, brief))
    if fail_under is not None and min(s.dsb_ap for s in result.scores) < fail_under:
        exit_codes.fail(f"below --fail-under {fail_under}", exit_codes.BELOW)
    if not result.complete:
        sys.exit(exit_codes.PARTIAL)
