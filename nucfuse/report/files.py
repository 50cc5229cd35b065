"""Results as files: CSV tables and JSON in a folder that is there whole or not at all."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucfuse.data.atomic_output import atomic_folder
from nucfuse.data.run_record import to_json
from nucfuse.data.spreadsheet import guarded

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def result_folder(out: Path, summary: dict[str, Any], record: dict[str, Any]) -> Iterator[Path]:
    """Make a folder with ``summary.json`` and ``run.json``, to be filled with tables.

    Raises
    ------
    DataError
        If the folder cannot be written.
    """
    with atomic_folder(out) as folder:
        (folder / "summary.json").write_text(to_json(summary), encoding="utf-8")
        (folder / "run.json").write_text(to_json(record), encoding="utf-8")
        yield folder


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV; text that a spreadsheet would take for a formula gets an apostrophe."""
    safe = table.rename(columns=guarded)
    for name in table.select_dtypes(exclude="number"):
        safe[guarded(name)] = table[name].map(guarded)
    # Ids stay what they are to a reader that guesses types: text is quoted, numbers are not.
    safe.to_csv(path, index=False, float_format="%.6g", quoting=csv.QUOTE_NONNUMERIC)
