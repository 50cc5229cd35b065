"""`nucfuse train`."""

from pathlib import Path
from typing import Any

import click

from nucfuse.commands.options import LABELS, MAX_PIXELS, PATH, STACK


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
    metavar="NAME|PATH",
    help="Start from the weights of this network: a .json, the folder of a run or of runs of all "
    "folds, or the name of a shipped one (see `nucfuse models`).",
)
@click.option(
    "--imagenet",
    type=PATH,
    help="Start a ResNet backbone from ImageNet's weights: a file of Keras Applications "
    "(resnet50_…notop.h5).",
)
@click.option("--name", help="What the network is called [default: its kind, such as unet].")
@LABELS
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Threads.")
@STACK
@MAX_PIXELS
def train(config: Path, truth: Path, out: Path, pin: Path | None, **given: Any) -> None:
    """Train a network on images with truth (needs TensorFlow: nucfuse[models]).

    A run that was interrupted goes on from its last epoch when the command is given again.
    """
    from nucfuse.data.formats.image_folder import open_images
    from nucfuse.pipeline import training
    from nucfuse.pipeline.training_parts import TrainOptions

    if given["protocol"] != "all" and given["fold"] is None:
        raise click.UsageError("--protocol grouped or source needs --fold")
    pinned = tuple(open_images(pin).ids) if pin else ()
    click.echo(training.train(config, truth, out, TrainOptions(pinned=pinned, **given)))
