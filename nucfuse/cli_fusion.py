"""Commands about fusing prediction sets."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from nucfuse.cli_options import PATH, READING, WORKERS, options
from nucfuse.errors import DataError

_SETTINGS = options(
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
                 help="A parameter, or split.NAME=VALUE for splitting maps. Repeatable."),
    click.option("--images", type=PATH,
                 help="Images, or a data set that knows the sizes, for Kaggle submissions."),
)  # fmt: skip
_OUT = click.option(
    "--out", type=PATH, required=True,
    help="Folder of label images, or a file .csv (Kaggle), .json (COCO), .npz.",
)  # fmt: skip
_OVERLAP = click.option(
    "--allow-overlap", is_flag=True, help="Leave overlapping results (COCO, .npz)."
)


@click.command()
@click.argument("preds", metavar="PRED...", nargs=-1, required=True, type=PATH)
@_OUT
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
@_SETTINGS
@click.option(
    "--missing",
    type=click.Choice(["error", "skip-model"]),
    default="error",
    show_default=True,
    help="What it means that a model lacks an image.",
)
@_OVERLAP
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
    from nucfuse.data.atomic import atomic_folder
    from nucfuse.data.image_folder import open_images
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


@click.command()
@click.argument("pred", type=PATH)
@_OUT
@click.option(
    "--by",
    type=click.Choice(["score", "area", "nearest"]),
    default="score",
    show_default=True,
    help="Which nucleus gets a pixel that several claim.",
)
@click.option(
    "--split",
    "split_method",
    default="watershed",
    show_default=True,
    help="How probability maps become nuclei.",
)
@_OVERLAP
@_SETTINGS
@READING
def clean(pred: Path, out: Path, **given: Any) -> None:
    """Clean predictions: overlaps, specks, giants, holes, outlines; or split probability maps."""
    from nucfuse.pipeline import cleaning

    click.echo(cleaning.clean(pred, out, **given), err=True)


@click.group()
def route() -> None:
    """Send each kind of image to its own model: learn, show and apply a router."""


@route.command()
@click.argument("images", type=PATH)
@click.option("--out", type=PATH, required=True, help="The router, a .json file.")
@click.option(
    "--features",
    type=click.Choice(["polarity", "study"]),
    default="polarity",
    show_default=True,
    help="What is looked at; 'study' as in 2018, mean HSV.",
)
@click.option("--k", type=click.IntRange(1), default=3, show_default=True, help="Clusters.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of K-means.")
def fit(images: Path, out: Path, **given: Any) -> None:
    """Learn clusters of images without labels."""
    from nucfuse.pipeline import routing

    click.echo(routing.fit(images, out, **given), err=True)


@route.command()
@click.argument("images", type=PATH)
@click.option("--router", default="default", show_default=True, help="Router .json.")
@click.option("--out", type=PATH, required=True, help="Folder for a contact sheet per cluster.")
@click.option(
    "--most", type=click.IntRange(1), default=48, show_default=True, help="Images on a sheet."
)
@WORKERS
def show(images: Path, router: str, out: Path, most: int, **given: Any) -> None:
    """Draw a contact sheet of each cluster."""
    from nucfuse.data.atomic import atomic_folder
    from nucfuse.data.formats.labels import escape_id
    from nucfuse.pipeline import routing, running
    from nucfuse.report.pictures import contact_sheet, write_png

    running.check_output(out, [images])
    loaded = routing.open_router(router)
    decisions = routing.decide(images, loaded, **given)
    with atomic_folder(out) as folder:
        for name in sorted({d.cluster for d in decisions.values()}):
            chosen = routing.samples_of(images, decisions, name, most)
            total = sum(d.cluster == name for d in decisions.values())
            sheet = contact_sheet(chosen, heading=f"{name}: {len(chosen)} of {total} images")
            write_png(folder / f"{escape_id(name)}.png", sheet)
    click.echo("\n".join(routing.counts(decisions, loaded.names)), err=True)


@route.command()
@click.argument("images", type=PATH)
@click.option("--router", default="default", show_default=True, help="Router .json.")
@click.option("--out", type=PATH, required=True, help="CSV: the cluster of each image.")
@WORKERS
def apply(images: Path, router: str, out: Path, **given: Any) -> None:
    """Write the cluster of each image to a CSV."""
    from nucfuse.pipeline import routing, running

    running.check_output(out, [images])
    loaded = routing.open_router(router)
    decisions = routing.decide(images, loaded, **given)
    routing.write_decisions(out, decisions)
    click.echo("\n".join(routing.counts(decisions, loaded.names)), err=True)
