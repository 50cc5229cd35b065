import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import detection as naive
from numpy.testing import assert_allclose, assert_array_equal
from strategies_detection import boxes, configs

from nucfuse.models.mask_rcnn.anchors import anchors, best_overlaps
from nucfuse.models.mask_rcnn.config import PRESETS, MaskRCNNConfig


@given(configs(), st.integers(1, 3), st.integers(1, 3))
def test_anchors_match_naive(config, rows, columns):
    shape = (rows * config.stride, columns * config.stride)
    expected = naive.anchors(shape, config.strides, config.anchor_sizes, config.ratios)
    found = anchors(shape, config)
    assert found.dtype == np.float32
    assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


@given(boxes(max_size=4), configs(), st.integers(10, 40), st.integers(10, 40))
def test_best_overlaps_are_those_of_all_anchors(truth, config, height, width):
    padded = [-(-n // config.stride) * config.stride for n in (height, width)]
    every = naive.anchors(padded, config.strides, config.anchor_sizes, config.ratios)
    expected = naive.iou_table(every, truth).max(axis=0, initial=0)
    assert_allclose(best_overlaps(truth, (height, width), config), expected, atol=1e-12)


def test_order_is_that_of_the_maps_of_the_rpn():
    config = PRESETS["small"]
    first = anchors((64, 32), config)[: 16 * 8 * 3].reshape(16, 8, 3, 4)
    centres = (first[..., :2] + first[..., 2:]) / 2
    assert_allclose(centres[5, 2], [[22, 10]] * 3)
    sides = first[5, 2, :, 2:] - first[5, 2, :, :2]
    assert_allclose(sides[:, 0] / sides[:, 1], config.ratios, rtol=1e-5)
    assert_allclose(sides.prod(axis=1), [144] * 3, rtol=1e-5)


def test_number_of_anchors():
    assert len(anchors((1024, 1024), PRESETS["paper-resnet50"])) == 261_888
    assert len(anchors((256, 256), PRESETS["small"])) == 16_320


def test_a_box_that_is_an_anchor_is_covered_and_none_at_all_is_fine():
    config = MaskRCNNConfig()
    assert_allclose(best_overlaps(anchors((128, 128), config), (128, 128), config), 1, atol=1e-6)
    assert_array_equal(best_overlaps([], (9, 9), config), [])


@pytest.mark.parametrize("shape", [(64, 40), (0, 64)])
def test_shapes_must_be_multiples_of_the_stride(shape):
    with pytest.raises(ValueError, match=r"multiples of the network's stride, 32, got \("):
        anchors(shape, PRESETS["small"])
