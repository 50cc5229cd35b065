"""`nucfuse convert`."""

from pathlib import Path

import click

from nucfuse.commands.options import PATH, READING


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
@READING
def convert(
    source: Path,
    target: Path,
    to: str,
    sizes: Path | None,
    format_: str | None,
    jobs: int | None,
    engine: str | None,
) -> None:
    """Convert a data set to another format."""
    from nucfuse.pipeline import converting
    from nucfuse.pipeline.running import Reading, engine_name

    reading = Reading(format_, engine_name(jobs, engine))
    click.echo(converting.convert(source, target, to, sizes, reading), err=True)
