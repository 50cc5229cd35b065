"""`nucfuse fuse`."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from nucfuse.commands.options import OUT, OVERLAP, PATH, READING, SETTINGS
from nucfuse.errors import DataError


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
@READING
def fuse(preds: tuple[Path, ...], out: Path, report: Path | None, explain: tuple[str, ...],
         **given: Any) -> None:  # fmt: skip
    """Fuse several models' predictions of the same images into one better segmentation.

    Each PRED: masks in any format, or a folder of probability maps (.npz).
    """
    from nucfuse.data.atomic_output import atomic_folder
    from nucfuse.data.formats.image_folder import open_images
    from nucfuse.pipeline import fusing, running
    from nucfuse.report.fusions import FusionFiles

    wanted = fusing.FuseOptions.from_text(explain=explain, **given)
    with ExitStack() as stack:
        watch = None
        if report is not None:
            running.check_output(report, [*preds, out])
            images = None if wanted.images is None else open_images(wanted.images)
            folder = stack.enter_context(atomic_folder(report))
            watch = stack.enter_context(FusionFiles(folder, explain, images))
        elif explain:
            raise DataError("--explain draws into the --report folder; name one")
        said = fusing.fuse(preds, out, wanted, watch).to_text(out)
    click.echo(said, err=True)
