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
from nucfuse.models.mask_rcnn.inference.proposals import highest, propose

SMALL = PRESETS["small"]


@st.composite
def rpn_outputs(draw):
    """Scores, of which many may be equal, deltas, anchors, image size, configuration."""
    config = draw(
        configs(
            pre_nms=draw(st.sampled_from([1, 5, 1000])), rpn_nms=draw(st.sampled_from([0.0, 0.7])),
            min_side=draw(st.sampled_from([0.5, 4.0])), train_proposals=4, test_proposals=30,
        )
    )  # fmt: skip
    shape = (config.stride, 2 * config.stride)
    places = anchors(shape, config)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = rng.normal(0, 2, len(places)).round(draw(st.sampled_from([0, 5])))
    deltas = rng.normal(0, 2, (len(places), 4))
    return scores.astype(np.float32), deltas.astype(np.float32), places, shape, config


@given(rpn_outputs(), st.booleans())
def test_matches_naive(outputs, train):
    scores, deltas, places, shape, config = outputs
    found, values = propose(*outputs, train=train)
    most = config.train_proposals if train else config.test_proposals
    which, expected = naive.proposals(
        scores, deltas, places, shape, config.box_std, config.pre_nms, config.min_side,
        config.rpn_nms, most,
    )  # fmt: skip
    assert found.dtype == values.dtype == np.float32
    assert_allclose(found, np.reshape(expected, (-1, 4)), atol=1e-3)
    assert_array_equal(values, scores[which])


@given(rpn_outputs())
def test_proposals_lie_in_the_image_and_come_from_the_best(outputs):
    found, values = propose(*outputs)
    height, width = outputs[3]
    assert (np.diff(values) <= 0).all()
    assert (found >= 0).all()
    assert (found[:, [0, 2]] <= height).all()
    assert (found[:, [1, 3]] <= width).all()
    assert (found[:, 2:] - found[:, :2] >= outputs[4].min_side).all()


@given(st.lists(st.integers(0, 4), max_size=20), st.integers(1, 20))
def test_highest_are_the_first_of_equal_ones(values, most):
    scores = np.array(values, np.float32)
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))[:most]
    assert_array_equal(highest(scores, most), sorted(expected))


@given(boxes(min_size=1))
def test_without_deltas_and_rivals_anchors_come_back(places):
    config = evolve(SMALL, rpn_nms=0.9999, min_side=0.25)
    scores = -np.arange(len(places), dtype=np.float32)
    found, _ = propose(scores, np.zeros_like(places), places, (32, 32), config)
    unique = np.sort(np.unique(places, axis=0, return_index=True)[1])
    assert_allclose(found, places[unique], atol=1e-5)


def test_nothing_is_left_of_boxes_beyond_the_image():
    places = np.float32([[0, 0, 8, 8]])
    found, scores = propose(np.ones(1, "f"), np.float32([[-100, 0, 0, 0]]), places, (32, 32), SMALL)
    assert found.shape == (0, 4)
    assert scores.shape == (0,)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_network_is_an_error(bad):
    places = np.float32([[0, 0, 8, 8]])
    zeros = np.zeros((1, 4), np.float32)
    with pytest.raises(ValueError, match="scores of the RPN must be finite; the network has div"):
        propose(np.float32([bad]), zeros, places, (32, 32), SMALL)
    with pytest.raises(ValueError, match="deltas of the RPN must be finite"):
        propose(np.float32([1]), zeros + np.float32(bad), places, (32, 32), SMALL)
