import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from naive import detection as naive
from numpy.testing import assert_allclose, assert_array_equal
from strategies_detection import boxes

from nucfuse.models.mask_rcnn.config import PRESETS
from nucfuse.models.mask_rcnn.inference.detection import detect

CONFIG = evolve(PRESETS["small"], min_confidence=0.3, min_side=2.0)


@st.composite
def head_outputs(draw, n_classes=3):
    rois = draw(boxes(max_size=8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probs = rng.dirichlet(np.ones(n_classes), len(rois)).astype(np.float32)
    if draw(st.booleans()):
        probs = probs.round(1)
    deltas = rng.normal(0, 2, (len(rois), n_classes, 4)).astype(np.float32)
    return rois, probs.reshape(-1, n_classes), deltas


@given(head_outputs(), st.sampled_from([0.0, 0.3]), st.sampled_from([2, 100]))
def test_matches_naive(outputs, nms, most):
    config = evolve(CONFIG, detection_nms=nms, max_instances=most)
    found = detect(*outputs, (32, 30), config)
    expected = naive.detections(
        *outputs, (32, 30), config.box_std, np.float32(0.3), config.min_side, nms, most
    )
    assert_array_equal(found.rois, [r for r, _, _ in expected])
    assert_array_equal(found.classes, [c for _, c, _ in expected])
    assert_allclose(found.boxes, np.reshape([b for *_, b in expected], (-1, 4)), atol=1e-3)
    assert_array_equal(found.scores, outputs[1][found.rois, found.classes])
    assert [part.dtype for part in found] == [np.float32, np.float32, np.int32, np.int64]


def test_confidence_on_the_threshold_is_enough_and_background_is_never_found():
    rois = np.float32([[0, 0, 8, 8], [10, 10, 18, 18], [20, 20, 28, 28]])
    probs = np.float32([[0.3, 0.7], [0.31, 0.69], [1, 0]])
    found = detect(rois, probs, np.zeros((3, 2, 4), "f"), (32, 32), PRESETS["study-resnet50"])
    assert_array_equal(found.rois, [0])
    assert_array_equal(found.classes, [1])


def test_more_than_a_hundred_are_found():
    low = np.stack(np.meshgrid(np.arange(20), np.arange(25)), axis=-1).reshape(-1, 2) * 10
    rois = np.concatenate([low, low + 9], axis=1).astype(np.float32)
    probs = np.tile(np.float32([0.1, 0.9]), (500, 1))
    deltas = np.zeros((500, 2, 4), np.float32)
    assert len(detect(rois, probs, deltas, (256, 256), PRESETS["small"]).scores) == 500
    assert len(detect(rois, probs, deltas, (256, 256), PRESETS["paper-resnet50"]).scores) == 100


def test_no_regions_give_no_detections():
    none = detect(np.zeros((0, 4), "f"), np.zeros((0, 2), "f"), np.zeros((0, 2, 4), "f"), (8, 8),
                  CONFIG)  # fmt: skip
    assert [len(part) for part in none] == [0, 0, 0, 0]


def test_a_diverged_network_is_an_error():
    rois, zeros = np.float32([[0, 0, 8, 8]]), np.zeros((1, 2, 4), np.float32)
    for bad in (np.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match=r"probs of the box head must lie in \[0, 1\]"):
            detect(rois, np.float32([[0.1, bad]]), zeros, (8, 8), CONFIG)
    with pytest.raises(ValueError, match="deltas of the box head must be finite"):
        detect(rois, np.float32([[0.1, 0.9]]), zeros + np.float32(np.inf), (8, 8), CONFIG)
