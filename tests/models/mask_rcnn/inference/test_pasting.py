import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import detection as naive
from numpy.testing import assert_array_equal
from strategies_detection import boxes

from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.models.mask_rcnn.inference.pasting import paste


@st.composite
def mask_sets(draw):
    """Masks (N, S, T), boxes that may reach beyond the image, and its size."""
    found = draw(boxes(side=24, max_size=4)) - np.float32(3)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([(1, 1), (2, 3), (5, 4), (28, 28)]))
    masks = rng.random((len(found), *size)).astype(np.float32)
    if draw(st.booleans()):
        masks = masks.round()
    return masks, found, draw(st.sampled_from([(18, 16), (7, 20), (1, 9)]))


@given(mask_sets(), st.sampled_from([0.5, 0.3]))
def test_matches_naive(given_masks, threshold):
    masks, found, shape = given_masks
    pasted = paste(masks, found, None, shape, threshold)
    assert len(pasted) == len(masks)
    for k, mask in enumerate(pasted.to_masks()):
        values = naive.stretched(masks[k].astype(float), found[k].astype(float), shape)
        clear = abs(values - threshold) > 1e-9
        assert_array_equal(mask[clear], (values > threshold)[clear])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_boxes_of_whole_pixels_are_resized_as_by_opencv(height, width, seed):
    mask = np.random.default_rng(seed).random((1, 28, 28)).astype(np.float32)
    resized = cv2.resize(mask[0], (width, height), interpolation=cv2.INTER_LINEAR)
    pasted = paste(mask, [[3, 2, 3 + height, 2 + width]], None, (50, 45)).to_masks()[0]
    clear = abs(resized - 0.5) > 1e-5
    there = pasted[3 : 3 + height, 2 : 2 + width]
    assert_array_equal(there[clear], (resized > 0.5)[clear])
    assert pasted.sum() == there.sum()


@given(mask_sets())
def test_turning_all_turns_the_nuclei(given_masks):
    masks, found, (height, width) = given_masks
    pasted = paste(masks, found, None, (height, width)).to_masks()
    turned = paste(masks.transpose(0, 2, 1), found[:, [1, 0, 3, 2]], None, (width, height))
    assert_array_equal(turned.to_masks(), pasted.transpose(0, 2, 1))


def test_full_masks_fill_their_boxes_and_runs_join_at_the_edges():
    ones = np.ones((2, 28, 28), np.float32)
    pasted = paste(ones, [[-1, 1, 9, 4], [0.4, 0, 1.6, 1]], [0.9, 0.8], (5, 6))
    assert pasted.to_rle() == ["6 15", "1 2"]
    assert pasted.starts.size == 2
    assert_array_equal(pasted.scores, np.float32([0.9, 0.8]))


def test_runs_of_two_masks_do_not_join():
    found = paste(np.ones((2, 28, 28), np.float32), [[0, 0, 4, 1], [0, 1, 4, 2]], None, (4, 4))
    assert found.to_rle() == ["1 4", "5 4"]


def test_masks_below_the_threshold_or_without_a_centre_have_no_pixels():
    masks = np.full((3, 4, 4), 0.5, np.float32)
    masks[1:] = 1
    pasted = paste(masks, [[0, 0, 4, 4], [1.6, 0, 2.4, 4], [1, 2, 1, 4]], [1, 1, 1], (5, 6))
    assert_array_equal(pasted.areas, [0, 0, 0])


def test_one_pixel_wide_nuclei_are_pasted():
    pasted = paste(np.ones((1, 28, 28), np.float32), [[2, 3, 9, 4]], [1], (10, 10))
    assert pasted.to_rle() == ["33 7"]


def test_a_shared_pixel_is_the_higher_scores_and_not_the_lowest_ones():
    """matterport's nucleus sample means to do so, but gives it to the lowest score."""
    ones = np.ones((3, 28, 28), np.float32)
    found, scores = [[0, 0, 4, 4], [0, 2, 4, 6], [0, 4, 4, 8]], [0.9, 0.8, 0.7]
    kept = paste(ones, found, scores, (4, 8))
    assert_array_equal(kept.areas, [16, 16, 16])
    ours = remove_overlaps(paste(ones, found, scores, (4, 8)))
    assert_array_equal(ours.to_labels()[0], [1, 1, 1, 1, 2, 2, 3, 3])
    theirs = naive.matterport_owner(kept.to_masks(), np.array(scores))
    assert_array_equal(theirs[0], [1, 1, 2, 2, 3, 3, 3, 3])
    backwards = remove_overlaps(paste(ones, found, scores[::-1], (4, 8)))
    assert_array_equal(backwards.to_labels()[0], theirs[0])


def test_no_masks():
    assert len(paste(np.zeros((0, 28, 28), np.float32), np.zeros((0, 4)), [], (4, 4))) == 0


@pytest.mark.parametrize(
    ("masks", "found", "message"),
    [
        (np.zeros((1, 28)), [[0, 0, 1, 1]], r"masks must have shape \(N, S, S\), got \(1, 28\)"),
        (np.zeros((1, 0, 0)), [[0, 0, 1, 1]], r"masks must have shape"),
        (np.zeros((2, 3, 3)), [[0, 0, 1, 1]], "2 masks need as many boxes, got 1"),
        (np.zeros((1, 3, 3)), [[0, 0, np.inf, 1]], "boxes must be finite .*; box 0 is"),
        (np.zeros((1, 3, 3)), [[2, 0, 1, 1]], "the lower one first; box 0 is"),
    ],
)
def test_mistakes_are_said(masks, found, message):
    with pytest.raises(ValueError, match=message):
        paste(masks, found, None, (4, 4))
