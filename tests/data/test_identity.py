"""Who is who stays so: ids of labels through formats, names of images in any writing."""

import json
import unicodedata

import numpy as np
import pytest
import roifile
import tifffile
from commands import run
from numpy.testing import assert_array_equal

from nucfuse.data.dataset import Sample
from nucfuse.data.formats.image_folder import open_images
from nucfuse.data.formats.probabilities import ProbabilityFolder, write_probabilities
from nucfuse.data.formats.writing import label_ids, own_ids, read_label_ids
from nucfuse.data.io import open_dataset, write_dataset
from nucfuse.data.pairing import pair
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

LABELS = np.zeros((20, 30), np.int32)
LABELS[2:6, 2:6], LABELS[10:15, 4:9], LABELS[3:8, 15:22] = 70, 3, 100_000
COMPOSED, APART = (unicodedata.normalize(form, "Zähl") for form in ("NFC", "NFD"))


@pytest.fixture
def folder(tmp_path):
    write_dataset(tmp_path / "labels", [Sample("a", LABELS)], "labels")
    return tmp_path / "labels"


class TestLabelIds:
    @pytest.mark.parametrize(("to", "name"), [("coco", "x.json"), ("npz", "x.npz")])
    def test_formats_of_masks_keep_them(self, folder, tmp_path, to, name):
        assert run("convert", folder, tmp_path / name, "--to", to).exit_code == 0
        assert run("convert", tmp_path / name, tmp_path / "y", "--to", "labels").exit_code == 0
        assert open_dataset(tmp_path / name).read("a").label_ids == (3, 70, 100_000)
        assert_array_equal(open_dataset(tmp_path / "y").read("a").masks, LABELS)

    def test_geojson_and_rois_are_named_by_them(self, folder, tmp_path):
        for to in ("geojson", "imagej"):
            assert run("convert", folder, tmp_path / to, "--to", to).exit_code == 0
        features = json.loads((tmp_path / "geojson" / "a.geojson").read_text())["features"]
        assert [f["properties"]["name"] for f in features] == ["3", "70", "100000"]
        rois = roifile.roiread(tmp_path / "imagej" / "a.zip")
        assert [roi.name for roi in rois] == ["000003", "000070", "100000"]

    def test_from_one_to_n_goes_without_saying(self, tmp_path):
        numbered = np.array([[1, 0, 2], [1, 3, 0]])
        write_dataset(tmp_path / "a.json", [Sample("a", numbered)], "coco")
        assert "label" not in json.loads((tmp_path / "a.json").read_text())["annotations"][0]
        assert open_dataset(tmp_path / "a.json").read("a").label_ids == ()

    def test_of_any_masks(self):
        masks = Instances.from_labels(LABELS)
        assert label_ids(Sample("a", LABELS), masks).tolist() == [3, 70, 100_000]
        assert label_ids(Sample("a", masks), masks).tolist() == [1, 2, 3]
        assert label_ids(Sample("a", masks, label_ids=(9, 4, 5)), masks).tolist() == [9, 4, 5]
        empty = Sample("a", np.zeros((4, 4), int))
        assert label_ids(empty, Instances.from_labels(empty.masks)).tolist() == []
        assert own_ids(np.arange(1, 4)) is None

    @pytest.mark.parametrize(
        "found", [None, [1, 2], [1, 1, 2], [0, 1, 2], ["1", 2, 3], [1, 2, 2**70]]
    )
    def test_damaged_ones_are_left_out(self, found):
        assert read_label_ids(found, 3) == ()


class TestImageIds:
    def test_ome_tiff_is_one_ending_everywhere(self, tmp_path):
        for name in ("labels/a.ome.tif", "images/a.ome.tiff", "masks/a_masks.OME.TIF"):
            (tmp_path / name).parent.mkdir()
            tifffile.imwrite(tmp_path / name, LABELS.astype(np.uint16), metadata={"axes": "YX"})
        assert open_dataset(tmp_path / "labels").ids == ["a"]
        assert open_dataset(tmp_path / "masks").ids == ["a"]
        assert open_images(tmp_path / "images").ids == ["a"]
        # An id that ends so by itself comes back.
        write_dataset(tmp_path / "out", [Sample("b.ome", LABELS)], "labels")
        assert open_dataset(tmp_path / "out").ids == ["b.ome"]

    def test_names_pair_in_whichever_unicode(self, tmp_path):
        for name, form in (("one", COMPOSED), ("other", APART)):
            write_dataset(tmp_path / name, [Sample(form, LABELS)], "labels")
            write_dataset(tmp_path / f"{name}.csv", [Sample(form, LABELS)], "kaggle")
        for truth in ("one", "other", "one.csv", "other.csv"):
            for pred in ("one", "other", "one.csv", "other.csv"):
                found = pair(open_dataset(tmp_path / truth), open_dataset(tmp_path / pred))
                assert (len(found.paired), found.missing, found.extra) == (1, [], [])
        result = run("score", tmp_path / "one", tmp_path / "other.csv", "--json")
        assert json.loads(result.stdout)["predictions"][0]["dsb_ap"] == 1
        fused = run("fuse", tmp_path / "one", tmp_path / "other.csv", "--out", tmp_path / "f.npz")
        assert fused.exit_code == 0, fused.stderr

    def test_maps_of_a_mac_are_found(self, tmp_path):
        write_probabilities(tmp_path / f"{APART}.npz", np.zeros((1, 2, 2)), ["nucleus"])
        maps = ProbabilityFolder(tmp_path)
        assert maps.ids == [COMPOSED]
        assert maps.read(COMPOSED).shape == (1, 2, 2)


class TestCase:
    @pytest.fixture
    def sets(self, tmp_path):
        write_dataset(tmp_path / "t", [Sample(i, LABELS) for i in ("A1", "b")], "labels")
        write_dataset(tmp_path / "p", [Sample(i, LABELS) for i in ("a1", "b")], "labels")
        return tmp_path / "t", tmp_path / "p"

    def test_a_missing_image_that_differs_only_in_case_is_named(self, sets):
        said = "'A1' and 'a1' differ only in upper and lower case"
        assert said in run("score", *sets).stderr
        assert said in run("score", *sets, "--missing", "skip").stdout
        said = "'a1' and 'A1' differ only in upper and lower case"
        assert said in run("fuse", *sets, "--out", "x.npz").stderr

    def test_no_common_image(self, tmp_path):
        for name in ("x", "X"):
            write_dataset(tmp_path / name / "set", [Sample(name, LABELS)], "labels")
        with pytest.raises(DataError, match=r"'x' and 'X' differ only"):
            pair(open_dataset(tmp_path / "x" / "set"), open_dataset(tmp_path / "X" / "set"))

    def test_doctor_reports_them(self, tmp_path):
        write_dataset(tmp_path / "t.csv", [Sample(i, LABELS) for i in ("A1", "a1")], "kaggle")
        assert "similar id: 1 in 1 images" in run("doctor", tmp_path / "t.csv").stdout


def test_sets_keep_the_dots_of_their_names(folder, tmp_path):
    for name in ("v0.4", "v0.5"):
        write_dataset(tmp_path / name, [Sample("a", LABELS)], "labels")
    said = run("score", folder, tmp_path / "v0.4", tmp_path / "v0.5", "--json").stdout
    assert [one["name"] for one in json.loads(said)["predictions"]] == ["v0.4", "v0.5"]
