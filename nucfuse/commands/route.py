"""`nucfuse route fit|show|apply`."""

from pathlib import Path
from typing import Any

import click

from nucfuse.commands.options import MAX_PIXELS, PATH, WORKERS


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
@MAX_PIXELS
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
def show(images: Path, out: Path, **given: Any) -> None:
    """Draw a contact sheet of each cluster."""
    from nucfuse.pipeline import routing

    click.echo(routing.show(images, out, **given), err=True)


@route.command()
@click.argument("images", type=PATH)
@click.option("--router", default="default", show_default=True, help="Router .json.")
@click.option("--out", type=PATH, required=True, help="CSV: the cluster of each image.")
@WORKERS
def apply(images: Path, out: Path, **given: Any) -> None:
    """Write the cluster of each image to a CSV."""
    from nucfuse.pipeline import routing

    click.echo(routing.apply(images, out, **given), err=True)
