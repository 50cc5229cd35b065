"""`nucfuse explore`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucfuse.commands.options import PATH, reading

if TYPE_CHECKING:
    from nucfuse.pipeline.running import Reading


@click.command()
@click.argument("truth", type=PATH)
@click.option("--images", type=PATH, help="Images, for modalities, if TRUTH has none.")
@click.option("--out", type=PATH, help="Folder for tables (CSV) and plots (PNG).")
@click.option(
    "--anchors",
    multiple=True,
    metavar="PRESET",
    help="Say which nuclei the anchors of this Mask R-CNN cover; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@reading
def explore(
    truth: Path,
    images: Path | None,
    out: Path | None,
    anchors: tuple[str, ...],
    as_json: bool,
    reading: "Reading",
) -> None:
    """Say what a data set is made of: sizes, modalities, nuclei per image, how many touch.

    TRUTH: masks in any format.
    """
    from nucfuse.data.run_record import run_record, to_json
    from nucfuse.models.mask_rcnn.config import preset
    from nucfuse.pipeline import exploring
    from nucfuse.pipeline.outputs import reserved_outputs
    from nucfuse.report.anchors import anchors_dict, anchors_text
    from nucfuse.report.exploration import exploration_text, write_exploration
    from nucfuse.report.plots import check_plotting

    configs = {name: preset(name) for name in anchors}
    inputs = [truth] if images is None else [truth, images]
    if out is not None:
        check_plotting()
    with reserved_outputs([out], inputs):
        result = exploring.explore(truth, reading, images)
        covered = exploring.anchor_coverage(result, configs)
        summary = {**result.to_dict(), **anchors_dict(covered)}
        if out is not None:
            write_exploration(out, result, summary, run_record(inputs, {}))
    text = "\n".join([exploration_text(result), *anchors_text(covered)])
    click.echo(to_json(summary) if as_json else text)
