"""Results as files: CSV tables and JSON, each whole or not there."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from nucfuse.data.atomic_output import atomic_folder
from nucfuse.data.image_ids import escape_id
from nucfuse.data.run_record import to_json
from nucfuse.data.statistics import Exploration
from nucfuse.metrics.results import Comparison, ScoreResult
from nucfuse.report.plots import exploration_plots


def write_scores(out: Path, result: ScoreResult) -> None:
    """``per_image.csv``, ``objects.csv``, ``summary.json`` and ``run.json`` in the folder ``out``.

    With several prediction sets the two tables of each lie in a folder of its name.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    with _folder(out, result.to_dict(), result.record) as folder:
        for name, one in zip(result.names, result.scores, strict=True):
            place = folder if len(result.names) == 1 else folder / escape_id(name)
            place.mkdir(exist_ok=True)
            _write_table(place / "per_image.csv", one.per_image)
            _write_table(place / "objects.csv", one.objects)


def write_comparison(out: Path, result: Comparison) -> None:
    """``comparison.csv`` (a row per pair and number), ``summary.json``, ``run.json`` in ``out``."""
    tables = [
        pair.table.reset_index().assign(first_name=pair.names[0], other_name=pair.names[1])
        for pair in result.pairs
    ]
    with _folder(out, result.to_dict(), result.scored.record) as folder:
        _write_table(folder / "comparison.csv", pd.concat(tables))


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
    with _folder(out, summary, record) as folder:
        _write_table(folder / "images.csv", result.images)
        _write_table(folder / "nuclei.csv", result.nuclei)
        _write_table(folder / "by_modality.csv", result.by_modality())
        _write_table(folder / "by_source.csv", result.by_source())
        for name, figure in plots.items():
            figure.savefig(folder / f"{name}.png", dpi=150)


@contextmanager
def _folder(out: Path, summary: dict[str, Any], record: dict[str, Any]) -> Iterator[Path]:
    with atomic_folder(out) as folder:
        (folder / "summary.json").write_text(to_json(summary), encoding="utf-8")
        (folder / "run.json").write_text(to_json(record), encoding="utf-8")
        yield folder


def _write_table(path: Path, table: pd.DataFrame) -> None:
    # Ids stay what they are to a reader that guesses types: text is quoted, numbers are not.
    table.to_csv(path, index=False, float_format="%.6g", quoting=csv.QUOTE_NONNUMERIC)
