"""A table about the images (a CSV with one row per image), for scores per stratum."""

import csv
from pathlib import Path

from nucfuse.data.image_ids import id_of_file
from nucfuse.data.spreadsheet import unguarded
from nucfuse.errors import DataError

_ID_COLUMNS = ("image_id", "imageid", "id", "image", "filename", "file_name", "name")


def read_metadata(path: Path) -> dict[str, dict[str, str]]:
    """Column -> image id -> value, all text as written.

    The id column is the first of image_id, ImageId, id, image, filename, file_name or name (case
    ignored); a file ending such as ".png" is dropped from its values where a file name was meant.

    Raises
    ------
    DataError
        If the file is no CSV with a header and an id column, or an id has two rows.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [[unguarded(cell) for cell in row] for row in csv.reader(file)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV in UTF-8 ({error})") from None
    header = rows[0] if rows else []
    lowered = [name.strip().lower() for name in header]
    id_name = next((name for name in _ID_COLUMNS if name in lowered), None)
    if id_name is None:
        raise DataError(f"{path}: needs a header with an id column ({', '.join(_ID_COLUMNS)})")
    id_column = lowered.index(id_name)
    by_id: dict[str, list[str]] = {}
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"{path}, row {number}: {len(row)} fields, the header has {len(header)}"
            )
        image_id = id_of_file(row[id_column]) if "file" in id_name else row[id_column]
        if image_id in by_id:
            raise DataError(f"{path}, row {number}: second row for image {image_id!r}")
        by_id[image_id] = row
    columns = ((k, name) for k, name in enumerate(header) if k != id_column)
    return {name: {image_id: row[k] for image_id, row in by_id.items()} for k, name in columns}


def column_of(path: Path, name: str, image_ids: list[str]) -> list[str]:
    """One column for these images; images without a row are named ``"(no row)"``.

    Raises
    ------
    DataError
        If there is no such column, or not one of the images has a row.
    """
    table = read_metadata(path)
    if name not in table:
        raise DataError(f"{path}: no column {name!r}; there are {', '.join(sorted(table))}")
    if not any(image_id in table[name] for image_id in image_ids):
        raise DataError(
            f"{path}: none of its ids is an image id of the truth ({image_ids[0]!r}, …)"
        )
    return [table[name].get(image_id, "(no row)") for image_id in image_ids]
