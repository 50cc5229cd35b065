"""`nucfuse fuse`."""

import sys
from pathlib import Path
from typing import Any

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import MAP_MAX, OUT, OVERLAP, PATH, READING, SETTINGS


@click.command()
@click.argument("preds", metavar="PRED...", nargs=-1, required=True, type=PATH)
@OUT
@click.option(
    "--method",
    default="weighted",
    show_default=True,
    help="weighted, consensus, revote, fallback, staple, mask_nms, box_nms, soft_nms, "
    "matrix_nms, union; for maps: mean, geometric, logit, median, trimmed, max, min.",
)
@click.option("--weights", metavar="W,W,...", help="One per prediction set [default: equal].")
@click.option(
    "--split", default="watershed", show_default=True, help="How probability maps become nuclei."
)
@SETTINGS
@click.option(
    "--missing",
    type=click.Choice(["error", "skip-model"]),
    default="error",
    show_default=True,
    help="What it means that a model lacks an image.",
)
@OVERLAP
@click.option("--route", metavar="ROUTER", help="Router .json, or 'default'; needs --map.")
@click.option("--map", "map_", type=PATH, help="TOML: what each cluster of the router gets.")
@click.option(
    "--report",
    type=PATH,
    help="Folder for equivocal.csv, provenance.csv, fates.csv and maps of agreement.",
)
@click.option(
    "--explain",
    multiple=True,
    metavar="IMAGE",
    help="Draw one image's decisions into the --report folder. Repeatable.",
)
@MAP_MAX
@READING
def fuse(preds: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Fuse several models' predictions of the same images into one better segmentation.

    Each PRED: masks in any format, or a folder of probability maps (.npz).
    """
    from nucfuse.pipeline import fusing

    summary = fusing.fuse(preds, out, fusing.FuseOptions(**options))
    click.echo(summary.to_text(out), err=True)
    if summary.failed:
        sys.exit(exit_codes.PARTIAL)
