"""`nucfuse explore`."""

from pathlib import Path
from typing import Any

import click

from nucfuse.commands.options import PATH, READING


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
@READING
def explore(truth: Path, images: Path | None, out: Path | None, anchors: tuple[str, ...],
            as_json: bool, **given: Any) -> None:  # fmt: skip
    """Say what a data set is made of: sizes, modalities, nuclei per image, how many touch.

    TRUTH: masks in any format.
    """
    from nucfuse.data.run_record import to_json
    from nucfuse.models.mask_rcnn.config import preset
    from nucfuse.pipeline import exploring
    from nucfuse.report import files, plots, tables
    from nucfuse.report.anchors import anchors_dict, anchors_text

    configs = {name: preset(name) for name in anchors}
    if out is not None:
        plots.check_plotting()
    result = exploring.explore(truth, images=images, out=out, **given)
    covered = exploring.anchor_coverage(result, configs)
    summary = {**result.to_dict(), **anchors_dict(covered)}
    if out is not None:
        files.write_exploration(out, result, summary, exploring.record(truth, images))
    text = "\n".join([tables.exploration_text(result), *anchors_text(covered)])
    click.echo(to_json(summary) if as_json else text)
