"""Commands about fusing prediction sets."""

from pathlib import Path
from typing import Any

import click

from nucfuse.cli_options import PATH, READING


@click.command()
@click.argument("preds", metavar="PRED...", nargs=-1, required=True, type=PATH)
@click.option(
    "--out",
    type=PATH,
    required=True,
    help="Folder of label images, or a file .csv (Kaggle), .json (COCO), .npz.",
)
@click.option("--method", default="weighted", show_default=True, help="How to fuse.")
@click.option("--weights", metavar="W,W,...", help="One per prediction set [default: equal].")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the method, or split.NAME of the splitting. Repeatable.",
)
@click.option(
    "--split", default="watershed", show_default=True, help="How probability maps become nuclei."
)
@click.option(
    "--missing",
    type=click.Choice(["error", "skip-model"]),
    default="error",
    show_default=True,
    help="What it means that a model lacks an image.",
)
@click.option("--allow-overlap", is_flag=True, help="Leave overlapping results (COCO, .npz).")
@click.option(
    "--images", type=PATH, help="Images or a data set that know the sizes, for Kaggle submissions."
)
@READING
def fuse(preds: tuple[Path, ...], out: Path, **given: Any) -> None:  # fmt: skip
    """Fuse several models' predictions of the same images into one better segmentation.

    Each PRED: masks in any format, or a folder of probability maps (.npz).
    """
    from nucfuse.pipeline import fusing

    wanted = fusing.FuseOptions.from_text(**given)
    report = fusing.fuse(preds, out, wanted)
    click.echo(report.to_text(out, wanted.plan.method), err=True)
