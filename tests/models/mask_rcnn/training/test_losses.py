import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import mask_rcnn_layers as naive

from nucfuse.models.mask_rcnn.training import losses


@st.composite
def anchor_targets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 9)))
    match = rng.integers(-1, draw(st.integers(0, 2)), shape, dtype=np.int32)
    true, pred = rng.normal(0, 2, (2, *shape, 4)).astype(np.float32)
    return match, rng.normal(0, 3, shape).astype(np.float32), true, pred


@st.composite
def region_targets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, k = draw(st.integers(0, 6)), draw(st.integers(2, 4))
    classes = rng.integers(0, draw(st.sampled_from([1, k])), n, dtype=np.int32)
    probabilities = rng.dirichlet(np.ones(k), n).clip(1e-3, 1).astype(np.float32)
    true, pred = rng.normal(0, 2, (n, 4)), rng.normal(0, 2, (n, k, 4))
    masks = rng.uniform(0.01, 0.99, (n, 3, 3, k - 1)).astype(np.float32)
    true_masks = (rng.random((n, 3, 3)) < 0.5).astype(np.float32)
    boxes = true.astype(np.float32), pred.astype(np.float32)
    return classes, probabilities, boxes, (true_masks, masks)


@settings(max_examples=30)
@given(anchor_targets())
def test_losses_of_the_rpn_match_naive(given_):
    match, logits, true, pred = given_
    expected = naive.rpn_class_loss(match, logits), naive.rpn_box_loss(match, true, pred)
    assert float(losses.rpn_class_loss(match, logits)) == pytest.approx(expected[0], rel=1e-4)
    assert float(losses.rpn_box_loss(match, true, pred)) == pytest.approx(expected[1], rel=1e-4)


@settings(max_examples=30)
@given(region_targets())
def test_losses_of_regions_match_naive(given_):
    classes, probabilities, boxes, masks = given_
    for loss, name, arguments in (
        (losses.class_loss, naive.class_loss, (probabilities,)),
        (losses.box_loss, naive.box_loss, boxes),
        (losses.mask_loss, naive.mask_loss, masks),
    ):
        expected = name(classes, *arguments)
        assert float(loss(classes, *arguments)) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_large_logits_cost_what_they_are_and_not_infinity():
    match = np.array([[1, 0, 1]], np.int32)
    logits = np.array([[-500, 500, 500]], np.float32)
    assert float(losses.rpn_class_loss(match, logits)) == pytest.approx(1000 / 3)


def test_wrong_certainty_costs_a_finite_amount():
    classes, probabilities = np.array([1], np.int32), np.array([[1, 0]], np.float32)
    assert float(losses.class_loss(classes, probabilities)) == pytest.approx(13.8, abs=0.1)
    true, masks = np.ones((1, 2, 2), np.float32), np.zeros((1, 2, 2, 1), np.float32)
    assert float(losses.mask_loss(classes, true, masks)) == pytest.approx(13.8, abs=0.1)
