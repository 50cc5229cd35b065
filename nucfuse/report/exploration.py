"""What a data set is made of, as text and as files."""

from pathlib import Path
from typing import Any

import pandas as pd

from nucfuse.data.statistics import Exploration
from nucfuse.report.files import result_folder, write_table
from nucfuse.report.plots import exploration_plots
from nucfuse.report.tables import plain_table


def exploration_text(result: Exploration) -> str:
    """Say what a data set is made of: by modality, by source, and what is odd about its masks."""
    said = result.to_dict()
    tables = [result.by_modality(), result.by_source()]
    if len(tables[0]) > 1:
        tables[0] = pd.concat([tables[0], result.total().set_axis(tables[0].columns, axis=1)])
    parts = [
        f"{result.path}: {result.format}, {said['total']['images']} images, "
        f"{said['total']['nuclei']} nuclei\n"
    ]
    for table in tables:
        rows = [_composition(row) for row in table.to_dict("records")]
        columns = (str(table.columns[0]), "images", "", "nuclei", "per image", "diameter (px)")
        parts.append(plain_table((*columns, "touching"), rows, f"by {table.columns[0]}"))
    parts.append(
        f"masks with holes: {said['with_holes']}, in several pieces: {said['in_pieces']}; "
        f"images without nuclei: {said['images_without_nuclei']}\n"
        "per image, diameter: median (5th … 95th percentile); diameter: of a disc of the same "
        "area;\ntouching: share of nuclei with another among their pixels' 8 neighbours"
    )
    return "\n".join(parts)


def write_exploration(
    out: Path, result: Exploration, summary: dict[str, Any], record: dict[str, Any]
) -> None:
    """``images.csv``, ``nuclei.csv``, tables per modality and source, and plots in ``out``.

    Raises
    ------
    DataError
        If the folder cannot be written, or matplotlib is not installed.
    """
    plots = exploration_plots(result)
    with result_folder(out, summary, record) as folder:
        write_table(folder / "images.csv", result.images)
        write_table(folder / "nuclei.csv", result.nuclei)
        write_table(folder / "by_modality.csv", result.by_modality())
        write_table(folder / "by_source.csv", result.by_source())
        for name, figure in plots.items():
            figure.savefig(folder / f"{name}.png", dpi=150)


def _composition(row: dict[Any, Any]) -> tuple[str, ...]:
    """Write a row of `Exploration.by_modality`."""
    spreads = [_spread(row, name) for name in ("per_image", "diameter")]
    touching = "" if pd.isna(row["touching"]) else f"{row['touching']:.1%}"
    name = next(iter(row.values()))
    return (name, str(row["images"]), f"{row['share']:.1%}", str(row["nuclei"]), *spreads, touching)


def _spread(row: dict[Any, Any], name: str) -> str:
    median, low, high = (row[f"{name}_{which}"] for which in ("median", "p5", "p95"))
    return "" if pd.isna(median) else f"{median:.3g} ({low:.3g} … {high:.3g})"
