"""No text of a table is a formula, and tables that nucfuse reads give the text back."""

import csv

import numpy as np
import pandas as pd
from commands import run
from hypothesis import given
from hypothesis import strategies as st

from nucfuse.data.dataset import Sample
from nucfuse.data.formats.metadata import read_metadata
from nucfuse.data.io import write_dataset
from nucfuse.data.sample_images import sample_folder
from nucfuse.data.spreadsheet import guarded, unguarded
from nucfuse.report.files import write_table

NAMES = ["=cmd()", "+1+cmd()", "-1+cmd()", "@cmd", "'=quoted", "plain"]
LABELS = np.kron(np.diag([1, 2]), np.ones((5, 5), int))


def cells(path):
    with path.open(newline="", encoding="utf-8") as file:
        return [cell for row in csv.reader(file) for cell in row]


@given(st.text(st.sampled_from("=+-@'\t\n a1")))
def test_there_and_back(text):
    assert unguarded(guarded(text)) == text
    assert guarded(text).lstrip("\t\n ")[:1] not in {"=", "+", "-", "@"}


def test_numbers_stay_numbers(tmp_path):
    table = pd.DataFrame({"=name": NAMES[:2], "difference": [-1.5, 2.0], "n": [-3, 4]})
    write_table(tmp_path / "a.csv", table)
    assert cells(tmp_path / "a.csv") == [
        "'=name", "difference", "n", "'=cmd()", "-1.5", "-3", "'+1+cmd()", "2", "4",
    ]  # fmt: skip
    assert list(table) == ["=name", "difference", "n"]


def test_metadata_are_read_as_they_were(tmp_path):
    write_table(tmp_path / "a.csv", pd.DataFrame({"image_id": NAMES, "=plate": NAMES}))
    assert read_metadata(tmp_path / "a.csv") == {"=plate": dict(zip(NAMES, NAMES, strict=True))}


def test_tables_of_the_commands(tmp_path):
    for name in ("t", "p"):
        write_dataset(tmp_path / f"{name}.csv", [Sample(i, LABELS) for i in NAMES], "kaggle")
    truth, pred = tmp_path / "t.csv", tmp_path / "p.csv"
    assert "\n=cmd()," in truth.read_text()  # for machines: as it is
    out = tmp_path / "tables"
    assert run("score", truth, pred, "--out", out / "score").exit_code == 0
    assert run("compare", truth, pred, truth, "--out", out / "compare").exit_code == 0
    fused = run("fuse", truth, pred, "--out", tmp_path / "f.npz", "--report", out / "fuse")
    assert fused.exit_code == 0, fused.stderr
    images = tmp_path / "images"
    images.mkdir()
    photo = min((sample_folder() / "images").iterdir(), key=lambda path: path.stat().st_size)
    (images / f"-{photo.name}").write_bytes(photo.read_bytes())
    assert run("route", "apply", images, "--out", out / "route.csv").exit_code == 0
    tables = sorted(out.rglob("*.csv"))
    assert len(tables) == 7
    for path in tables:
        for cell in cells(path):
            assert cell[:1] not in {"=", "+", "@"}, (path, cell)
            assert cell[:1] != "-" or float(cell) < 0, (path, cell)
    table = read_metadata(out / "score" / "per_image.csv")
    assert sorted(table["n_true"]) == sorted(NAMES)
