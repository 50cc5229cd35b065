"""The command line: thin commands; everything heavy is imported inside them."""

import sys
from pathlib import Path
from typing import Any

import click

from nucfuse import __version__
from nucfuse.cli_data import explore
from nucfuse.cli_fusion import clean, fuse, route
from nucfuse.cli_models import models, predict, train
from nucfuse.cli_options import FORMATS, PATH, READING, options
from nucfuse.errors import DataError

EXIT_PARTIAL, EXIT_BAD_INPUT, EXIT_BELOW, EXIT_INTERRUPTED = 1, 3, 4, 130


class _Main(click.Group):
    """Turns a user's mistake into one message and an exit code; a traceback is for our bugs."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DataError as error:
            _fail(str(error), EXIT_BAD_INPUT)
        except KeyboardInterrupt:
            _fail("interrupted; nothing half-written was left", EXIT_INTERRUPTED)
        except BrokenPipeError:  # the reader of our output (head, less) has seen enough
            sys.stderr.close()
            sys.exit(0)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror or error}", EXIT_BAD_INPUT)


def _fail(message: str, code: int) -> None:
    click.echo(f"nucfuse: error: {message}", err=True)
    sys.exit(code)


_scoring = options(
    click.option("--truth-format", type=FORMATS, help="Format of TRUTH, if not recognised."),
    click.option("--missing", type=click.Choice(["error", "zero", "skip"]), default="error",
                 show_default=True, help="What a missing or unreadable prediction means."),
    click.option("--allow-overlap", is_flag=True, help="Score masks that overlap as they are."),
    click.option("--rule", type=click.Choice([">", ">="]), default=">", show_default=True,
                 help="A hit is IoU > or >= threshold."),
    click.option("--thresholds", help="IoU thresholds, such as 0.5,0.75 [default: 0.5 … 0.95]."),
    click.option("--metrics", default="", help="Also measure: coco_ap,boundary."),
    click.option("--by", multiple=True, metavar="modality|size|COLUMN",
                 help="Also score each stratum. Repeatable."),
    click.option("--images", type=PATH, help="Images, for --by modality."),
    click.option("--metadata", type=PATH, help="CSV with a row per image, for --by COLUMN."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap."),
    click.option("--out", type=PATH, help="Folder for the tables."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON."),
)  # fmt: skip


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nucfuse")
def main() -> None:
    """Score and fuse nucleus (and cell) instance segmentations."""


@main.command()
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
@_scoring
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
        _fail(f"below --fail-under {fail_under}", EXIT_BELOW)
    if not result.complete:
        sys.exit(EXIT_PARTIAL)


@main.command()
@click.argument("truth", type=PATH)
@click.argument("preds", metavar="A B...", nargs=-1, required=True, type=PATH)
@_scoring
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
        sys.exit(EXIT_PARTIAL)


@main.command()
@click.argument("source", metavar="IN", type=PATH)
@click.argument("target", metavar="OUT", type=PATH)
@click.option(
    "--to",
    required=True,
    type=click.Choice(["labels", "kaggle", "coco", "npz", "geojson", "imagej"]),
)
@click.option(
    "--sizes",
    type=PATH,
    help="Images or a data set that know the image sizes, for a Kaggle submission.",
)
@READING
def convert(source: Path, target: Path, to: str, **settings: Any) -> None:
    """Convert a data set to another format."""
    from nucfuse.pipeline import converting

    click.echo(converting.convert(source, target, to, **settings), err=True)


@main.command()
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
def submit(pred: Path, target: Path, **settings: Any) -> None:
    """Write a Kaggle submission: overlaps removed, one row per nucleus, empty images kept."""
    from nucfuse.pipeline import converting

    click.echo(converting.submit(pred, target, **settings), err=True)


@main.command()
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@READING
def doctor(path: Path, as_json: bool, **settings: Any) -> None:
    """Say what is wrong with a data set: overlaps, holes, pieces, specks, shapes, duplicates."""
    from nucfuse.pipeline import converting

    report = converting.doctor(path, **settings)
    click.echo(report.to_json() if as_json else report.to_text())
    if report.findings:
        sys.exit(EXIT_PARTIAL)


@main.command()
@click.option("--out", type=PATH, required=True, help="Folder to copy to.")
def sample(out: Path) -> None:
    """Copy the bundled real images and their truth to a folder, to try things on."""
    from nucfuse.data.sample import copy_sample

    copy_sample(out)
    click.echo(f"{out / 'images'}\n{out / 'truth'}")


for _command in (predict, models, train, explore, fuse, route, clean):
    main.add_command(_command)
