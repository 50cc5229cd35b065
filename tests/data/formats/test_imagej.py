"""ImageJ ROI zips: read back with roifile, filled by pycocotools."""

import zipfile

import numpy as np
import pytest
import roifile
from hypothesis import HealthCheck, given, settings
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask
from strategies import instance_sets

from nucfuse.data.dataset import Sample
from nucfuse.data.formats import imagej
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def rois(path):
    """All ROIs of a zip; ImageJ shows the names of the entries."""
    with zipfile.ZipFile(path) as file:
        found = [roifile.ImagejRoi.frombytes(file.read(name)) for name in file.namelist()]
        assert [f"{roi.name}.roi" for roi in found] == file.namelist()
    return found


@given(masks=instance_sets())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_outlines_are_those_of_the_masks(masks, tmp_path):
    imagej.write(tmp_path / "out", [Sample("a", masks)])
    rings = [[] for _ in range(len(masks))]
    for roi in rois(tmp_path / "out" / "a.zip"):
        rings[int(roi.name.partition("-")[0]) - 1].append(roi.coordinates().ravel().tolist())
        assert roi.roitype == roifile.ROI_TYPE.POLYGON
    assert rings == masks.to_polygons()


def test_one_pixel_and_pieces(tmp_path):
    labels = np.zeros((6, 8), int)
    labels[1, 2] = 1
    labels[2:4, 3:6] = labels[5, 0] = 2
    imagej.write(tmp_path / "out", [Sample("../x", labels)])
    found = rois(tmp_path / "out" / "%2E.%2Fx.zip")
    assert [roi.name for roi in found] == ["0001", "0002-1", "0002-2"]
    assert found[0].coordinates().tolist() == [[2, 1], [3, 1], [3, 2], [2, 2]]
    assert (found[0].left, found[0].top, found[0].right, found[0].bottom) == (2, 1, 4, 3)
    mask = np.zeros(labels.shape, bool)
    for roi in found[1:]:
        [rle] = coco_mask.frPyObjects([roi.coordinates().ravel().astype(float).tolist()], 6, 8)
        mask |= coco_mask.decode(rle).astype(bool)
    assert_array_equal(mask, labels == 2)


def test_scores(tmp_path):
    masks = Instances.from_masks(np.ones((2, 1, 1), bool), scores=[0.9, np.nan])
    imagej.write(tmp_path / "out", [Sample("a", masks)])
    assert [roi.props for roi in rois(tmp_path / "out" / "a.zip")] == ["score: 0.9\n", ""]


def test_far_from_the_corner(tmp_path):
    masks = Instances.from_crops(
        [np.ones((2, 3))] * 2, [(0, 40_000), (70_000, 0)], (80_000, 50_000)
    )
    imagej.write(tmp_path / "out", [Sample("a", masks)])
    for roi, rings in zip(rois(tmp_path / "out" / "a.zip"), masks.to_polygons(), strict=True):
        assert [roi.coordinates().ravel().tolist()] == rings


def test_equal_masks_give_equal_files(tmp_path):
    sample = Sample("a", np.ones((2, 2), int))
    for name in ("x", "y"):
        imagej.write(tmp_path / name, [sample])
    assert (tmp_path / "x" / "a.zip").read_bytes() == (tmp_path / "y" / "a.zip").read_bytes()


def test_no_nuclei_is_an_empty_zip(tmp_path):
    imagej.write(tmp_path / "out", [Sample("a", np.zeros((2, 2), int))])
    assert rois(tmp_path / "out" / "a.zip") == []


def test_nothing_is_half_written(tmp_path):
    good = Sample("a", np.ones((1, 1), int))
    for bad, words in ((good, "comes twice"), (Sample("b", np.ones((1, 1, 1), int)), "volume")):
        with pytest.raises(DataError, match=words):
            imagej.write(tmp_path / "out", [good, bad])
        assert list(tmp_path.iterdir()) == []
