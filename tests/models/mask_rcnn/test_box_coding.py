import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import detection as naive
from numpy.testing import assert_allclose, assert_array_equal
from strategies_detection import boxes

from nucfuse.models.mask_rcnn.box_coding import clipped, decode, encode

STD = (0.1, 0.1, 0.2, 0.2)


@st.composite
def box_pairs(draw):
    pairs = draw(boxes(min_size=0, max_size=16))
    n = len(pairs) // 2
    return pairs[:n], pairs[n : 2 * n]


@given(box_pairs(), st.sampled_from([STD, (1.0, 2.0, 0.5, 0.25)]))
def test_coding_matches_naive_and_goes_back(pair, std):
    found, anchors = pair
    deltas = encode(found, anchors, std)
    assert deltas.dtype == np.float32
    expected = [naive.encode(b, a, std) for b, a in zip(found, anchors, strict=True)]
    assert_allclose(deltas, np.reshape(expected, (-1, 4)), rtol=1e-4, atol=1e-4)
    back = decode(deltas, anchors, std)
    assert back.dtype == np.float32
    limited = (found[:, 2:] - found[:, :2]) <= 62 * (anchors[:, 2:] - anchors[:, :2])
    assert_allclose(back[limited.all(axis=1)], found[limited.all(axis=1)], atol=1e-3)


@given(boxes(), st.integers(0, 2**32 - 1))
def test_decoding_matches_naive(anchors, seed):
    deltas = np.random.default_rng(seed).normal(0, 8, (len(anchors), 4)).astype(np.float32)
    expected = [naive.decode(d, a, STD) for d, a in zip(deltas, anchors, strict=True)]
    found = decode(deltas, anchors, STD)
    assert_allclose(found, np.reshape(expected, (-1, 4)), rtol=1e-4, atol=1e-3)


def test_no_delta_overflows():
    anchors = np.float32([[0, 0, 16, 16]])
    found = decode(np.float32([[0, 0, 1e4, -1e4]]), anchors, STD)
    assert_allclose(found, [[8 - 500, 8, 8 + 500, 8]])


def test_what_lies_beyond_the_image_becomes_a_line():
    given_boxes = np.float32([[-3, 2, 5, 9], [8, 1, 9, 2], [0, 0, 4, 6]])
    found = clipped(given_boxes, (4, 6))
    assert_array_equal(found, [[0, 2, 4, 6], [4, 1, 4, 2], [0, 0, 4, 6]])
    assert given_boxes[0, 0] == -3


@pytest.mark.parametrize("flat", [[0, 0, 0, 4], [0, 4, 4, 3], [0, 0, np.nan, 4]])
def test_boxes_without_area_are_refused(flat):
    good, bad = np.float32([[0, 0, 1, 1], [0, 0, 1, 1]]), np.float32([[0, 0, 1, 1], flat])
    with pytest.raises(ValueError, match=r"boxes must have a positive .* number 1 has"):
        encode(bad, good, STD)
    with pytest.raises(ValueError, match="anchors must have a positive"):
        encode(good, bad, STD)
