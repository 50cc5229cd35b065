"""Folders of label images: ids and file names, round trips, bad files."""

import errno
import os
from pathlib import Path

import made_files as made
import numpy as np
import pytest
import strategies
import tifffile
from hypothesis import given
from numpy.testing import assert_array_equal

from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.formats import labels
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

LABELS = np.array([[0, 1, 1], [7, 0, 3]], np.int32)


class TestReading:
    @pytest.mark.parametrize(
        ("name", "make"),
        [
            ("cell.png", lambda a: made.make_png(a, 16)),
            ("cell_mask.tif", made.make_tiff),
            ("cell_masks.TIFF", lambda a: made.make_tiff(a, compression="zlib")),
            ("cell_seg.npy", made.make_npy),
            ("cell_pred.bmp", made.make_bmp),
        ],
    )
    @pytest.mark.parametrize("as_file", [False, True])
    def test_kinds(self, tmp_path, name, make, as_file):
        (tmp_path / name).write_bytes(make(LABELS))
        path = tmp_path / name if as_file else tmp_path
        assert labels.matches(path)
        data = labels.open_dataset(path)
        assert isinstance(data, Dataset)
        assert (data.path, data.format, data.ids) == (path, "labels", ["cell"])
        sample = data.read("cell")
        assert_array_equal(sample.masks, LABELS)
        assert (sample.image_id, sample.names, sample.notes) == ("cell", (), ())
        assert data.shape("cell") == (2, 3)
        assert data.image("cell") is None

    def test_volume(self, tmp_path):
        volume = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
        (tmp_path / "v.npy").write_bytes(made.make_npy(volume))
        data = labels.open_dataset(tmp_path, stack="volume")
        assert_array_equal(data.read("v").masks, volume)
        assert data.shape("v") is None
        with pytest.raises(DataError, match=r"v\.npy: it is a stack.*--stack"):
            labels.open_dataset(tmp_path).read("v")

    def test_frames(self, tmp_path):
        frames = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
        (tmp_path / "v_masks.npy").write_bytes(made.make_npy(frames))
        (tmp_path / "a.png").write_bytes(made.make_png(LABELS))
        data = labels.open_dataset(tmp_path, stack="frames")
        assert data.ids == ["a", "v:0", "v:1"]
        assert_array_equal(data.read("v:1").masks, frames[1])
        assert data.shape("v:0") == (3, 4)
        labels.write(tmp_path / "out", map(data.read, data.ids))
        assert labels.open_dataset(tmp_path / "out").ids == data.ids

    def test_thumbnails_are_left_out_with_a_note(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "a.tif") as file:
            file.write(np.zeros((10, 20), np.uint8), metadata=None)
            file.write(np.ones((40, 80), np.uint8), metadata=None)
        sample = labels.open_dataset(tmp_path).read("a")
        assert sample.masks.shape == (40, 80)
        assert sample.notes == ("1 smaller copies in it (thumbnails) are left out",)

    def test_unknown_ids(self, tmp_path):
        (tmp_path / "a.png").write_bytes(made.make_png(LABELS))
        data = labels.open_dataset(tmp_path)
        for ask in (data.read, data.shape):
            with pytest.raises(DataError, match="has no image 'b'"):
                ask("b")

    def test_pipes_and_hidden_files_are_left_out(self, tmp_path, caplog):
        (tmp_path / "a.png").write_bytes(made.make_png(LABELS))
        (tmp_path / ".0123.part.png").write_bytes(b"half")
        os.mkfifo(tmp_path / "b.png")
        assert labels.open_dataset(tmp_path).ids == ["a"]
        assert "b.png is left out: it is a pipe" in caplog.text

    def test_ids_are_sorted_and_other_files_left_alone(self, tmp_path):
        for name in ["b.png", "a_mask.png", "001.png", "1e3.png", "NA.png", "notes.txt", ".x.png"]:
            (tmp_path / name).write_bytes(made.make_png(LABELS))
        (tmp_path / "sub").mkdir()
        assert labels.open_dataset(tmp_path).ids == ["001", "1e3", "NA", "a", "b"]

    def test_two_files_for_one_id(self, tmp_path):
        for name in ["a.tif", "a.png"]:
            (tmp_path / name).write_bytes(made.make_png(LABELS))
        with pytest.raises(DataError, match=r"a\.png and a\.tif both stand for image 'a'"):
            labels.open_dataset(tmp_path)
        for name in ["a_masks.png", "a_label.png"]:
            (tmp_path / name).write_bytes(made.make_png(LABELS))
        with pytest.raises(DataError, match="both stand for image 'a'"):
            labels.open_dataset(tmp_path)

    def test_masks_beside_photographs_are_taken(self, tmp_path):
        files = {"a.tif": 0, "a_cp_masks.png": 1, "a_seg.npy": 0, "b_seg.npy": 0, "c.png": 1}
        for name, inside in files.items():
            (tmp_path / name).write_bytes(made.make_png(LABELS * inside))
        data = labels.open_dataset(tmp_path)
        assert data.ids == ["a", "b", "c"]
        sample = data.read("a")
        assert_array_equal(sample.masks, LABELS)
        assert sample.notes == (
            "a.tif, a_seg.npy left out: a_cp_masks.png lies beside and holds the masks",
        )
        assert data.read("c").notes == ()

    def test_what_cellpose_saves_for_itself(self, tmp_path):
        np.save(tmp_path / "a_seg.npy", {"masks": LABELS}, allow_pickle=True)
        with pytest.raises(DataError, match=r"cp_masks\.png, or in Python .*\['masks'\]"):
            labels.open_dataset(tmp_path).read("a")

    def test_nothing_there(self, tmp_path):
        (tmp_path / "a.txt").write_text("")
        assert not labels.matches(tmp_path)
        assert not labels.matches(tmp_path / "a.txt")
        with pytest.raises(DataError, match="no label images"):
            labels.open_dataset(tmp_path)

    @pytest.mark.parametrize(
        ("data", "match"),
        [
            (b"", "empty"),
            (b"hello", "no PNG"),
            (made.make_png(LABELS)[:-5], "truncated"),
            (made.make_tiff(LABELS)[:-5], "truncated"),
            (made.make_npy(np.array([[0.5]])), "whole numbers"),
            (made.make_npy(np.array([[np.nan]])), "NaN"),
            (made.make_npy(np.array([[-1]])), "negative"),
            (made.make_npy(np.array([[None]])), "never unpickles"),
            (made.make_png(np.arange(12).reshape(2, 2, 3), 8, made.RGB), "colour channels differ"),
        ],
    )
    def test_bad_files(self, tmp_path, data, match):
        (tmp_path / "bad.png").write_bytes(data)
        with pytest.raises(DataError, match=match) as caught:
            labels.open_dataset(tmp_path).read("bad")
        assert str(tmp_path / "bad.png") in str(caught.value)


def stored(path):
    return sorted(p.name for p in path.iterdir())


class TestWriting:
    @pytest.mark.parametrize("image_id", made.ODD_IDS)
    def test_odd_ids_stay_in_the_folder(self, tmp_path, image_id):
        labels.write(tmp_path / "out", [Sample(image_id, LABELS)])
        assert stored(tmp_path) == ["out"]
        assert len(stored(tmp_path / "out")) == 1
        data = labels.open_dataset(tmp_path / "out")
        assert data.ids == [image_id]
        assert_array_equal(data.read(image_id).masks, LABELS)

    @given(strategies.label_images(largest_id=2**32 - 1))
    def test_label_images_survive(self, tmp_path_factory, array):
        path = tmp_path_factory.mktemp("data") / "out"
        labels.write(path, [Sample("a", array)])
        got = labels.open_dataset(path).read("a").masks
        assert_array_equal(got, array)
        assert stored(path) == ["a.png" if array.max() < 65536 else "a.tif"]

    @given(strategies.instance_sets())
    def test_instances_survive_or_overlap(self, tmp_path_factory, masks):
        path = tmp_path_factory.mktemp("data") / "out"
        if masks.disjoint:
            labels.write(path, [Sample("a", masks)])
            assert_array_equal(labels.open_dataset(path).read("a").masks, masks.to_labels())
        else:
            with pytest.raises(DataError, match="image 'a': masks overlap"):
                labels.write(path, [Sample("b", LABELS), Sample("a", masks)])
            assert not path.exists()

    def test_more_than_65535_nuclei(self, tmp_path):
        many = np.arange(1, 300 * 300 + 1).reshape(300, 300)
        labels.write(tmp_path / "out", [Sample("a", Instances.from_labels(many))])
        assert stored(tmp_path / "out") == ["a.tif"]
        assert_array_equal(labels.open_dataset(tmp_path / "out").read("a").masks, many)

    def test_volumes_become_tiff(self, tmp_path):
        volume = np.arange(24).reshape(2, 3, 4)
        labels.write(tmp_path / "out", [Sample("v", volume)])
        assert stored(tmp_path / "out") == ["v.tif"]
        assert_array_equal(labels.open_dataset(tmp_path / "out").read("v").masks, volume)

    def test_ids_beyond_uint32(self, tmp_path):
        with pytest.raises(DataError, match=r"image 'a'.*relabel first"):
            labels.write(tmp_path / "out", [Sample("a", np.array([[2**40]]))])
        assert stored(tmp_path) == []

    def test_one_id_twice(self, tmp_path):
        with pytest.raises(DataError, match="'a' comes twice"):
            labels.write(tmp_path / "out", [Sample("a", LABELS), Sample("a", LABELS)])
        assert stored(tmp_path) == []

    def test_into_a_folder_that_is_there(self, tmp_path):
        labels.write(tmp_path, [Sample("a", LABELS), Sample("b", LABELS)])
        labels.write(tmp_path, [Sample("a", LABELS * 2)])
        assert stored(tmp_path) == ["a.png", "b.png"]
        assert_array_equal(labels.open_dataset(tmp_path).read("a").masks, LABELS * 2)

    def test_same_image_under_another_ending(self, tmp_path):
        labels.write(tmp_path, [Sample("a", LABELS)])
        with pytest.raises(DataError, match=r"a\.png is there already"):
            labels.write(tmp_path, [Sample("a", LABELS * 70_000)])
        assert stored(tmp_path) == ["a.png"]

    def test_no_samples(self, tmp_path):
        labels.write(tmp_path / "out", [])
        assert stored(tmp_path / "out") == []

    @pytest.mark.parametrize("failure", [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt(), ValueError("bug"),
    ])  # fmt: skip
    def test_nothing_half_written(self, tmp_path, failure):
        def samples():
            yield Sample("a", LABELS)
            raise failure

        expected = DataError if isinstance(failure, OSError) else type(failure)
        with pytest.raises(expected):
            labels.write(tmp_path / "out", samples())
        assert stored(tmp_path) == []

    def test_disk_full_while_writing_an_image(self, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(DataError, match="disk is full"):
            labels.write(tmp_path / "out", [Sample("a", LABELS)])
        assert stored(tmp_path) == []
