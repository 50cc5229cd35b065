"""The format is recognised by content, or named; what is none is refused with the list."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import imagecodecs
import made_files as made
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.formats.probabilities import write_probabilities
from nucfuse.data.io import (
    FORMATS,
    READABLE,
    WRITABLE,
    format_of_output,
    open_dataset,
    open_sizes,
    read,
    write,
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
        if name in WRITABLE:
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


class TestRead:
    """`read` gives what is expected of a file or folder."""

    @pytest.mark.parametrize("name", OUTPUTS)
    def test_data_sets(self, tmp_path, name):
        masks = Instances.from_labels(LABELS)
        write_dataset(tmp_path / OUTPUTS[name], [Sample("a", masks)], name)
        for arguments in ((), (name,)):
            data = read(str(tmp_path / OUTPUTS[name]), *arguments)
            assert (data.format, data.ids) == (name, ["a"])

    @pytest.mark.parametrize(
        ("name", "make"),
        [
            ("a.png", lambda a: made.make_png(a, 16)),
            ("a.tif", made.make_tiff),
            ("a.NPY", made.make_npy),
            ("a.bmp", made.make_bmp),
        ],
    )
    def test_label_images_and_grey_images(self, tmp_path, name, make):
        (tmp_path / name).write_bytes(make(LABELS.astype(np.uint16)))
        assert_array_equal(read(tmp_path / name), LABELS)
        assert read(tmp_path / name, "labels").ids == ["a"]

    def test_images_in_colour(self, tmp_path):
        colours = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
        (tmp_path / "a.png").write_bytes(made.make_png(colours, 8, made.RGB))
        assert_array_equal(read(tmp_path / "a.png"), colours)
        (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(colours, level=100))
        assert read(tmp_path / "a.jpg").shape == (3, 4, 3)

    def test_values_as_stored(self, tmp_path):
        for values in (np.array([[0.5, np.nan]]), np.zeros((2, 3, 4), np.float32)):
            np.save(tmp_path / "a.npy", values)
            assert_array_equal(read(tmp_path / "a.npy"), values)

    def test_probability_maps(self, tmp_path):
        maps = np.full((2, 3, 4), 0.25)
        write_probabilities(tmp_path / "maps" / "a.npz", maps, ["nucleus", "border"])
        assert_array_equal(read(tmp_path / "maps" / "a.npz"), maps)
        assert_array_equal(read(tmp_path / "maps").read("a"), maps)

    def test_sizes_from_a_path_or_a_function(self, tmp_path):
        write(tmp_path / "truth", {"a": LABELS})
        write(tmp_path / "pred.csv", {"a": LABELS})
        for sizes in (tmp_path / "truth", str(tmp_path / "truth"), shape_of):
            data = read(tmp_path / "pred.csv", sizes=sizes)
            assert_array_equal(data.read("a").masks.to_labels(), np.array([[0, 1, 1], [2, 0, 3]]))
        with pytest.raises(DataError, match="image sizes must come from elsewhere"):
            read(tmp_path / "pred.csv").read("a")

    def test_what_is_nothing(self, tmp_path):
        with pytest.raises(DataError, match="no such file or folder"):
            read(tmp_path / "a.png")
        (tmp_path / "a.png").write_bytes(b"text")
        with pytest.raises(DataError, match=r"a\.png: it is no PNG"):
            read(tmp_path / "a.png")


class TestWrite:
    """`write` takes one image, several, or a data set."""

    @pytest.mark.parametrize("name", ["a.png", "a.tif", "a.TIFF"])
    def test_one_label_image(self, tmp_path, name):
        write(tmp_path / "new" / name, LABELS)
        assert_array_equal(read(tmp_path / "new" / name), LABELS)
        write(str(tmp_path / "new" / name), Instances.from_labels(LABELS > 1))
        assert_array_equal(read(tmp_path / "new" / name), LABELS > 1)

    @pytest.mark.parametrize("name", ["nuclei.json", "nuclei.npz", "nuclei"])
    def test_one_image_goes_by_the_name_of_the_file(self, tmp_path, name):
        write(tmp_path / name, LABELS)
        assert read(tmp_path / name).ids == ["nuclei"]

    @pytest.mark.parametrize("name", OUTPUTS)
    def test_several_images_and_data_sets(self, tmp_path, name):
        write(tmp_path / "first", {"b": LABELS, "a": Instances.from_labels(LABELS)})
        write(tmp_path / OUTPUTS[name], read(tmp_path / "first"), name)
        data = read(tmp_path / OUTPUTS[name])
        assert (data.format, data.ids) == (name, ["a", "b"])
        samples = (Sample(image_id, LABELS) for image_id in "cd")
        write(tmp_path / "third", samples)
        assert read(tmp_path / "third").ids == ["c", "d"]

    def test_what_a_label_image_cannot_hold(self, tmp_path):
        with pytest.raises(DataError, match="holds one label image; name a folder"):
            write(tmp_path / "a.png", {"a": LABELS})
        with pytest.raises(DataError, match="masks overlap"):
            write(tmp_path / "a.png", Instances.from_masks([LABELS > 0, LABELS > 1]))
        with pytest.raises(DataError, match="write a TIFF"):
            write(tmp_path / "a.png", LABELS + 70_000)
        assert list(tmp_path.iterdir()) == []


def test_sizes_from_images_and_data_sets(tmp_path):
    samples = [Sample("a", Instances.empty((5, 6))), Sample("b", Instances.empty((4, 6)))]
    write_dataset(tmp_path / "set.csv", samples, "kaggle")
    for image_id, height in (("a", 5), ("b", 4)):
        write(tmp_path / "images" / f"{image_id}.png", np.full((height, 6), 9))
    for path in (tmp_path / "images", tmp_path / "set.csv"):
        sizes = open_sizes(path)
        assert (sizes("a"), sizes("b"), sizes("z")) == ((5, 6), (4, 6), None)
    with pytest.raises(DataError, match="no such file"):
        open_sizes(tmp_path / "nowhere")
