"""Commands about data sets."""

from pathlib import Path
from typing import Any

import click

from nucfuse.cli_options import PATH, READING


@click.command()
@click.argument("truth", type=PATH)
@click.option("--images", type=PATH, help="Images, for modalities, if TRUTH has none.")
@click.option("--out", type=PATH, help="Folder for tables (CSV) and plots (PNG).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@READING
def explore(truth: Path, images: Path | None, out: Path | None, as_json: bool,
            **given: Any) -> None:  # fmt: skip
    """Say what a data set is made of: sizes, modalities, nuclei per image, how many touch.

    TRUTH: masks in any format.
    """
    from nucfuse.data.provenance import to_json
    from nucfuse.pipeline import exploring
    from nucfuse.report import files, plots, tables

    if out is not None:
        plots.check_plotting()
    result = exploring.explore(truth, images=images, out=out, **given)
    if out is not None:
        files.write_exploration(out, result, exploring.record(truth, images))
    click.echo(to_json(result.to_dict()) if as_json else tables.exploration_text(result))
