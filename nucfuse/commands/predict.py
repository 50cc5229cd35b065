"""`nucfuse predict`."""

import sys
from pathlib import Path
from typing import Any

import click

from nucfuse.commands import exit_codes
from nucfuse.commands.options import PATH, WORKERS, options


def _numbers(_: click.Context, __: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise click.BadParameter(f"numbers such as 0.8,1,1.25 are needed, got {text!r}") from None


def _diameter(_: click.Context, __: click.Parameter, text: str | None) -> float | str | None:
    if text in (None, "auto", "native"):
        return text
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"'auto', 'native' or a number is needed, got {text!r}") from None


_INFERENCE = options(
    click.option("--tta", is_flag=True, default=None,
                 help="Average over all eight flips and right-angle turns."),
    click.option("--scales", callback=_numbers, metavar="S,S,...",
                 help="Average over these enlargements, such as 0.8,1,1.25."),
    click.option("--diameter", callback=_diameter, metavar="auto|native|PIXELS",
                 help="Of the nuclei; where the network knows no such nuclei, images are rescaled "
                 "[default: auto, measured]."),
    click.option("--tile", type=click.IntRange(0), metavar="PIXELS",
                 help="Side of the tiles of large images, 0 for none [default: 1024]."),
    click.option("--resize", type=click.IntRange(0), metavar="PIXELS",
                 help="Resize every image to a square, 0 for none [default: as trained]."),
    click.option("--timeout", type=click.FloatRange(0.001), metavar="SECONDS",
                 help="How long networks may take for one image, which fails otherwise [default: "
                 "without end]."),
)  # fmt: skip


@click.command()
@click.argument("images", type=PATH)
@click.option(
    "--model",
    metavar="NAME|PATH",
    help="A model's name (see `nucfuse models`), the .json of a network you trained or the folder "
    "of its run, a folder of `train` runs (each image by those that held it out), or predictions "
    "that are there already [default: unet].",
)
@click.option(
    "--out",
    type=PATH,
    required=True,
    help="Folder of label images, or a file .csv (Kaggle), .json (COCO), .npz.",
)
@click.option("--probabilities", type=PATH, help="Folder for probability maps, to be fused.")
@click.option("--overlays", type=PATH, help="Folder for pictures with outlines.")
@click.option("--overwrite", is_flag=True, help="Replace the result of other settings.")
@_INFERENCE
@WORKERS
def predict(images: Path, out: Path, model: str | None, **given: Any) -> None:
    """Segment the nuclei of a folder of images (or a DSB2018 data set).

    A folder as output can be interrupted: the same command goes on where it stopped.
    """
    from nucfuse.models.inference.settings import Inference
    from nucfuse.pipeline import predicting

    names = "probabilities", "overlays", "overwrite", "jobs", "engine"
    options = predicting.PredictOptions(**{name: given.pop(name) for name in names})
    settings = Inference(**{name: value for name, value in given.items() if value is not None})
    report = predicting.predict(images, out, model, options, settings)
    click.echo(report.to_text(), err=True)
    if report.failed:
        sys.exit(exit_codes.PARTIAL)
