import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from naive import detection as naive
from numpy.testing import assert_allclose, assert_array_equal
from strategies_detection import boxes, configs

from nucfuse.models.mask_rcnn.anchors import anchors
from nucfuse.models.mask_rcnn.config import PRESETS
from nucfuse.models.mask_rcnn.training.sampling import drawn_truth, roi_targets, rpn_targets

SMALL = PRESETS["small"]
NOBODY = np.zeros((0, 4), np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


@given(boxes(), configs(rpn_batch=10**6, rpn_share=0.5))
def test_all_anchors_match_naive(truth, config):
    places = anchors((32, 32), config)
    match, deltas = rpn_targets(places, truth, config, rng())
    expected, which = naive.rpn_matches(places, truth, config.rpn_high, config.rpn_low)
    assert match.dtype == np.int8
    assert_array_equal(match, expected)
    for i in np.flatnonzero(match == 1):
        coded = naive.encode(truth[which[i]], places[i], config.box_std)
        assert_allclose(deltas[i], coded, rtol=1e-4, atol=1e-4)
    assert not deltas[match != 1].any()


@given(boxes(), configs(rpn_batch=6, rpn_share=0.5), st.integers(0, 99))
def test_a_batch_is_drawn_of_them(truth, config, seed):
    places = anchors((32, 32), config)
    every, _ = rpn_targets(places, truth, evolve(config, rpn_batch=10**6), rng())
    match, _ = rpn_targets(places, truth, config, rng(seed))
    drawn = match >= 0
    assert_array_equal(match[drawn], every[drawn])
    n_positive = min(3, (every == 1).sum())
    assert (match == 1).sum() == n_positive
    assert (match == 0).sum() == min(6 - n_positive, (every == 0).sum())
    assert_array_equal(match, rpn_targets(places, truth, config, rng(seed))[0])


@given(boxes(min_size=1), configs())
def test_every_nucleus_that_meets_an_anchor_has_a_positive_one(truth, config):
    places = anchors((32, 32), config)
    every, _ = rpn_targets(places, truth, evolve(config, rpn_batch=10**6, rpn_share=1), rng())
    table = naive.iou_table(places[every == 1], truth)
    met = naive.iou_table(places, truth).max(axis=0) > 0
    assert (table.max(axis=0, initial=0)[met] > 0).all()


def test_without_nuclei_all_is_background():
    places = anchors((32, 32), SMALL)
    match, deltas = rpn_targets(places, NOBODY, SMALL, rng())
    assert (match == 1).sum() == 0
    assert (match == 0).sum() == min(256, len(places))
    assert not deltas.any()
    found = roi_targets(places[:100], NOBODY, SMALL, rng())
    assert len(found.rois) == SMALL.rois
    assert not found.classes.any()
    assert (found.truth == -1).all()


def test_iou_on_a_threshold():
    """0.7 is positive, 0.3 is not yet negative."""
    places = np.float32([[0, 0, 10, 10], [0, 0, 7, 10], [0, 0, 3, 10], [0, 20, 3, 29]])
    match, _ = rpn_targets(places, np.float32([[0, 0, 10, 10]]), SMALL, rng())
    assert_array_equal(match, [1, 1, -1, 0])
    found = roi_targets(np.float32([[0, 0, 5, 10], [0, 0, 4, 10]]), places[:1], SMALL, rng())
    assert_array_equal(found.rois, [[0, 0, 5, 10], [0, 0, 10, 10], [0, 0, 4, 10]])
    assert_array_equal(found.classes, [1, 1, 0])
    assert_array_equal(found.truth, [0, 0, -1])


@given(boxes(max_size=12), boxes(), st.integers(0, 99))
def test_regions_match_naive(proposals, truth, seed):
    config = evolve(SMALL, rois=9)
    found = roi_targets(proposals, truth, config, rng(seed))
    candidates = np.concatenate([proposals, truth])
    table = naive.iou_table(candidates, truth)
    positive = table.max(axis=1, initial=0) >= 0.5
    n = min(3, positive.sum())
    assert (found.classes == 1).sum() == n
    assert len(found.rois) == n + min(9 - n, (~positive).sum())
    for box, label, deltas, t in zip(*found, strict=True):
        overlaps = naive.iou_table([box], truth)[0]
        assert any((box == other).all() for other in candidates)
        assert (overlaps.max(initial=0) >= 0.5) == (label == 1)
        if label == 1:
            assert t == np.argmax(overlaps)
            coded = naive.encode(truth[t], box, config.box_std)
            assert_allclose(deltas, coded, rtol=1e-4, atol=1e-4)
        else:
            assert t == -1
            assert not deltas.any()
    assert (np.diff(found.classes) <= 0).all()
    again = roi_targets(proposals, truth, config, rng(seed))
    assert all((a == b).all() for a, b in zip(found, again, strict=True))


def test_a_third_of_two_hundred_regions_is_positive():
    config = PRESETS["study-resnet50"]
    truth = np.float32([[0, 0, 20, 20]])
    near = np.tile(truth, (300, 1)) + rng().uniform(0, 2, (300, 4)).astype("f")
    far = np.tile(np.float32([[90, 90, 110, 110]]), (300, 1))
    found = roi_targets(np.concatenate([near, far]), truth, config, rng())
    assert (found.classes == 1).sum() == 67
    assert len(found.rois) == 200
    assert found.rois.dtype == found.deltas.dtype == np.float32


def test_classes_of_the_truth_are_given_on():
    truth = np.float32([[0, 0, 8, 8], [20, 20, 28, 28]])
    found = roi_targets(NOBODY, truth, SMALL, rng(), true_classes=np.int32([3, 2]))
    assert_array_equal(found.classes, [3, 2])


def test_of_too_many_nuclei_some_are_drawn():
    assert_array_equal(drawn_truth(256, SMALL, rng()), np.arange(256))
    drawn = drawn_truth(300, SMALL, rng())
    assert drawn.size == np.unique(drawn).size == 256
    assert (np.diff(drawn) > 0).all()
    assert (drawn != drawn_truth(300, SMALL, rng(1))).any()


@pytest.mark.parametrize("flat", [[5, 5, 5, 9], [5, 9, 7, 8], [np.nan, 0, 1, 1]])
def test_nuclei_without_area_are_refused(flat):
    truth = np.float32([[0, 0, 1, 1], flat])
    with pytest.raises(ValueError, match=r"true_boxes must have a positive .* number 1 is"):
        rpn_targets(anchors((32, 32), SMALL), truth, SMALL, rng())
    with pytest.raises(ValueError, match="true_boxes must have a positive"):
        roi_targets(NOBODY, truth, SMALL, rng())
