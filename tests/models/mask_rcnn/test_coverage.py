import numpy as np
import pytest
from numpy.testing import assert_allclose

from nucfuse.models.mask_rcnn.config import PRESETS
from nucfuse.models.mask_rcnn.coverage import coverage

# Anchors of 12 pixels lie around (6, 6), those of 24 around (12, 12); nothing is near 3000 x 3.
BOXES = [np.array([[0, 0, 12, 12], [0, 0, 24, 24]]), np.array([[0, 0, 300, 3], [5, 5, 5, 9]])]
SHAPES = [(64, 64), (300, 50)]


def test_shares_by_size():
    found = coverage(BOXES, SHAPES, PRESETS["small"])
    assert_allclose(found.sizes, [12, 24, 30])
    assert found.covered(0.5) == pytest.approx(2 / 3)
    table = found.by_size().set_index("from")
    assert table["boxes"].tolist() == [0, 1, 2, 0, 0, 0]
    assert table.loc[16, "covered_50"] == table.loc[16, "covered_70"] == 0.5
    assert table["share"].sum() == pytest.approx(1)
    assert not table["left_out"].any()


def test_a_size_that_anchors_miss_is_left_out():
    small = [np.array([[y, 0, y + 40, 40] for y in range(0, 200, 4)])]
    table = coverage(small, [(256, 256)], PRESETS["study-resnet50"]).by_size().set_index("from")
    assert table.index[table["left_out"]].tolist() == [32]
    assert table.loc[32, "boxes"] == 50


def test_resized_images_have_resized_boxes():
    config = PRESETS["study-resnet50"]
    doubled = coverage([np.array([[4, 4, 8, 8]])], [(256, 128)], config, scaled=True)
    native = coverage([np.array([[8, 8, 16, 16]])], [(512, 256)], config)
    assert_allclose(doubled.overlaps, native.overlaps)
    assert_allclose(doubled.sizes, [8])


def test_gaps_are_sizes_between_anchors_more_than_twice_apart():
    config = PRESETS["study-resnet50"]
    side = [np.array([[0, 0, s, s] for s in (15, 16, 64, 127, 128, 300)])]
    assert coverage(side, [(512, 512)], config).gaps() == [(16, 128, pytest.approx(0.5))]
    assert coverage(side, [(512, 512)], PRESETS["small"]).gaps() == []


def test_json_has_no_numbers_that_json_does_not_know():
    said = coverage([], [], PRESETS["small"]).to_dict()
    assert said["boxes"] == 0
    assert said["covered_50"] is None
    assert said["by_size"][-1] == {
        "from": 128, "to": None, "boxes": 0, "share": None, "covered_50": None,
        "covered_70": None, "left_out": False,
    }  # fmt: skip
