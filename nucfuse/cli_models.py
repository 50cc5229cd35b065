"""Commands about models."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nucfuse.cli_options import PATH, WORKERS, options

EXIT_PARTIAL = 1


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
)  # fmt: skip


@click.command()
@click.argument("images", type=PATH)
@click.option(
    "--model",
    metavar="NAME|PATH",
    help="A model's name (see `nucfuse models`), the .json of a network you trained, a folder "
    "of `train` runs (each image by those that held it out), or predictions that are there "
    "already [default: unet].",
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
def predict(images: Path, out: Path, model: str | None, overlays: Path | None,
            **given: Any) -> None:  # fmt: skip
    """Segment the nuclei of a folder of images (or a DSB2018 data set).

    A folder as output can be interrupted: the same command goes on where it stopped.
    """
    from nucfuse.pipeline import predicting

    draw = None
    if overlays is not None:
        from nucfuse.report.pictures import outlines, write_png

        def draw(path: Path, image: Any, nuclei: Any) -> None:
            write_png(path, outlines(image, nuclei))

    report = predicting.predict(images, out, model, overlays=overlays, draw=draw, **given)
    click.echo(report.to_text(), err=True)
    if report.failed:
        sys.exit(EXIT_PARTIAL)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the cards of the networks as JSON.")
def models(as_json: bool) -> None:
    """List the models that `predict` knows by name."""
    from nucfuse.pipeline import model_list

    click.echo(model_list.to_json() if as_json else model_list.to_text())


@click.command()
@click.argument("config", metavar="CONFIG.toml", type=PATH)
@click.argument("truth", type=PATH)
@click.option("--out", type=PATH, required=True, help="Folder of the run; it goes on from there.")
@click.option("--images", type=PATH, help="Images, if TRUTH has none.")
@click.option(
    "--protocol",
    type=click.Choice(["all", "grouped", "source"]),
    default="all",
    show_default=True,
    help="What is held out: nothing, one of some folds that no slide straddles, or one source.",
)
@click.option(
    "--fold", help="Which fold (2, or 2/10 of ten) or source is held out; all: each in turn."
)
@click.option("--pin", type=PATH, help="Folder of images that all lie in fold 1.")
@click.option("--bag", type=click.IntRange(0), help="Learn from bootstrap sample N of the images.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    help="Of first weights and crops, not of folds: members of an ensemble [default: CONFIG's].",
)
@click.option(
    "--from",
    "start",
    type=PATH,
    help="Start from the weights of this network (.json, a run, or runs of all folds).",
)
@click.option(
    "--imagenet",
    type=PATH,
    help="Start a ResNet backbone from ImageNet's weights: a file of Keras Applications "
    "(resnet50_…notop.h5).",
)
@click.option("--name", help="What the network is called [default: its kind, such as unet].")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Threads.")
def train(config: Path, truth: Path, out: Path, pin: Path | None, **settings: Any) -> None:
    """Train a network on images with truth (needs TensorFlow: nucfuse[models]).

    A run that was interrupted goes on from its last epoch when the command is given again.
    """
    from nucfuse.data.image_folder import open_images
    from nucfuse.pipeline import training
    from nucfuse.report.training import write_log

    if settings["protocol"] != "all" and settings["fold"] is None:
        raise click.UsageError("--protocol grouped or source needs --fold")
    pinned = tuple(open_images(pin).ids) if pin else ()
    options = training.TrainOptions(pinned=pinned, **settings)

    def show(run: Path, log: Sequence[dict[str, float]]) -> None:
        write_log(run, log)
        click.echo("  ".join(f"{k} {v:.4g}" for k, v in log[-1].items()), err=True)

    click.echo(training.train(config, truth, out, options, show))
