"""The format is recognised by content, or named; what is none is refused with the list."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import made_files as made
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.io import (
    FORMATS,
    READABLE,
    WRITABLE,
    format_of_output,
    open_dataset,
    write_dataset,
)
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

LABELS = np.array([[0, 1, 1], [2, 0, 3]], np.int32)
OUTPUTS = {"labels": "out", "npz": "out.npz", "coco": "out.json", "kaggle": "out.csv"}


def shape_of(image_id):
    return LABELS.shape


class TestModules:
    @pytest.mark.parametrize("name", FORMATS)
    def test_interface(self, name):
        module = import_module(FORMATS[name])
        assert callable(module.write)
        if name in READABLE:
            assert callable(module.matches)
            assert callable(module.open_dataset)

    def test_every_format_can_be_used(self):
        assert {*READABLE, *WRITABLE} == set(FORMATS)

    def test_loaded_when_needed_only(self):
        code = "import nucfuse.data.io, sys; print([m for m in sys.modules if 'formats.' in m])"
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == "[]"


class TestRoundTrip:
    @pytest.mark.parametrize("name", OUTPUTS)
    @pytest.mark.parametrize("named", [False, True])
    def test_written_and_recognised(self, tmp_path, name, named):
        path = tmp_path / OUTPUTS[name]
        masks = Instances.from_labels(LABELS)
        write_dataset(path, [Sample("b", masks), Sample("a", masks[:2])], name)
        data = open_dataset(path, name if named else None, shape_of)
        assert isinstance(data, Dataset)
        assert data.format == name
        assert data.ids == ["a", "b"]
        got = data.read("b").masks
        assert_array_equal(got.to_labels() if isinstance(got, Instances) else got, LABELS)

    def test_dsb(self, tmp_path):
        folder = tmp_path / "x" / "a" / "masks"
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(made.make_png(LABELS))
        for path in (tmp_path, tmp_path / "x"):
            data = open_dataset(path)
            assert (data.format, data.ids) == ("dsb", ["a"])

    @pytest.mark.parametrize("name", ["a.png", "a.npy", "a.tif"])
    def test_single_label_file(self, tmp_path, name):
        make = {"png": made.make_png, "npy": made.make_npy, "tif": made.make_tiff}[name[-3:]]
        (tmp_path / name).write_bytes(make(LABELS.astype(np.uint8)))
        data = open_dataset(tmp_path / name)
        assert (data.format, data.ids) == ("labels", ["a"])

    def test_text_is_taken_for_a_path(self, tmp_path):
        (tmp_path / "a.png").write_bytes(made.make_png(LABELS))
        assert open_dataset(str(tmp_path)).ids == ["a"]


class TestRefused:
    def test_missing(self, tmp_path):
        with pytest.raises(DataError, match=r"nothing\.csv: no such file or folder"):
            open_dataset(tmp_path / "nothing.csv")
        with pytest.raises(DataError, match="no such file or folder"):
            open_dataset(tmp_path / "nothing.csv", "kaggle")

    def test_empty_folder_and_file(self, tmp_path):
        with pytest.raises(DataError, match="the folder is empty"):
            open_dataset(tmp_path)
        (tmp_path / "a.csv").write_bytes(b"")
        with pytest.raises(DataError, match=r"a\.csv: the file is empty"):
            open_dataset(tmp_path / "a.csv")

    @pytest.mark.parametrize("path", ["nul\0byte", "x" * 5000])
    def test_impossible_paths(self, path):
        with pytest.raises(DataError):
            open_dataset(Path(path))

    def test_folder_that_may_not_be_read(self, tmp_path, monkeypatch):
        def refuse(path):
            raise PermissionError(13, "Permission denied", path)

        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(DataError, match="Permission denied"):
            open_dataset(tmp_path)

    @pytest.mark.parametrize("name", ["readme.txt", "sub/deep/readme.md", "a.jpg", "a.xml"])
    def test_nothing_known_lists_what_was_looked_for(self, tmp_path, name):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("hello")
        for path in (tmp_path, tmp_path / name):
            with pytest.raises(DataError, match="not in a format that nucfuse reads") as caught:
                open_dataset(path)
            for format_name in READABLE:
                assert f"{format_name}: " in str(caught.value)

    @pytest.mark.parametrize("name", ["imagej", "geojson", "labels ", "", "LABELS", "../dsb"])
    def test_formats_that_are_not_read(self, tmp_path, name):
        (tmp_path / "a.png").write_bytes(made.make_png(LABELS))
        with pytest.raises(DataError, match=r"cannot read format .*choose one of dsb, npz"):
            open_dataset(tmp_path, name)

    def test_formats_that_are_not_written(self, tmp_path):
        with pytest.raises(DataError, match=r"cannot write format 'dsb'; choose one of labels"):
            write_dataset(tmp_path / "out", [], "dsb")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["broken.zip", "broken.npz"])
    def test_broken_zips_say_so(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"PK\3\4" + bytes(50))
        with pytest.raises(DataError, match="zip file is truncated or damaged"):
            open_dataset(tmp_path / name)

    def test_named_format_must_fit(self, tmp_path):
        (tmp_path / "a.png").write_bytes(made.make_png(LABELS))
        for name in ("dsb", "npz", "kaggle", "coco"):
            with pytest.raises(DataError):
                open_dataset(tmp_path / "a.png", name).read("a")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "submission"),
        ("a.JSON", "coco"),
        ("a.npz", "npz"),
        ("a", "labels"),
        ("a.b", "labels"),
    ],
)
def test_format_of_output(name, expected):
    assert format_of_output(Path(name)) == expected
