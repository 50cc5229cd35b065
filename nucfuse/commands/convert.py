"""`nucfuse convert`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucfuse.commands.options import PATH, reading

if TYPE_CHECKING:
    from nucfuse.pipeline.running import Reading


@click.command()
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
@reading
def convert(source: Path, target: Path, to: str, sizes: Path | None, reading: "Reading") -> None:
    """Convert a data set to another format."""
    from nucfuse.pipeline import converting

    click.echo(converting.convert(source, target, to, reading, sizes), err=True)
