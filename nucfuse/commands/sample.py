"""`nucfuse sample`."""

from pathlib import Path

import click

from nucfuse.commands.options import PATH


@click.command()
@click.option("--out", type=PATH, required=True, help="Folder to copy to.")
def sample(out: Path) -> None:
    """Copy the bundled real images and their truth to a folder, to try things on."""
    from nucfuse.data.atomic_output import reserved
    from nucfuse.data.sample_images import copy_sample

    with reserved(out):
        copy_sample(out)
    click.echo(f"{out / 'images'}\n{out / 'truth'}")
