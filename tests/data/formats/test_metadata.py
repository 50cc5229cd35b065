"""The table about images."""

import pytest

from nucfuse.data.formats.metadata import column_of, read_metadata
from nucfuse.errors import DataError


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "meta.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_values_stay_text(tmp_path):
    path = written(tmp_path, "ImageId,plate,dose\r\n001,NA,1e3\r\nNA,p2,0.10\r\n", "utf-8-sig")
    assert read_metadata(path) == {
        "plate": {"001": "NA", "NA": "p2"},
        "dose": {"001": "1e3", "NA": "0.10"},
    }


def test_file_names_lose_their_ending(tmp_path):
    assert read_metadata(written(tmp_path, "filename,kind\na.b.png,x\n"))["kind"] == {"a.b": "x"}


def test_images_without_a_row_are_named_so(tmp_path):
    path = written(tmp_path, "id,kind\na,x\n")
    assert column_of(path, "kind", ["a", "b"]) == ["x", "(no row)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "id column"),
        ("plate,dose\n1,2\n", "id column"),
        ("id,kind\na,x\na,y\n", "row 3: second row for image 'a'"),
        ("id,kind\na\n", "row 2: 1 fields"),
    ],
)
def test_bad_tables(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_metadata(written(tmp_path, text))


def test_unknown_column_and_unknown_ids(tmp_path):
    path = written(tmp_path, "id,kind\na,x\n")
    with pytest.raises(DataError, match="no column 'plate'; there are kind"):
        column_of(path, "plate", ["a"])
    with pytest.raises(DataError, match="none of its ids"):
        column_of(path, "kind", ["z"])


def test_not_text(tmp_path):
    path = tmp_path / "meta.csv"
    path.write_bytes(b"\xff\xfe\x00id")
    with pytest.raises(DataError, match="UTF-8"):
        read_metadata(path)
