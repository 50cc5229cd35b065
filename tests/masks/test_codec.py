"""Label images and single masks to RLE texts and back in one call."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import masks as naive
from numpy.testing import assert_array_equal
from strategies import label_images, mask_stacks

from nucfuse.masks.codec import decode_labels, encode_labels, rle_decode, rle_encode
from nucfuse.masks.rle import RLEError

ENCODE = {"kaggle": naive.kaggle_encode, "coco": naive.coco_encode}
dialects = st.sampled_from(sorted(ENCODE))


@given(label_images(), dialects)
def test_encode_labels_matches_naive(labels, dialect):
    expected = [ENCODE[dialect](mask) for mask in naive.masks_of(labels)]
    assert encode_labels(labels, dialect=dialect) == expected


@given(label_images(), dialects)
def test_decode_after_encode_is_relabelling(labels, dialect):
    decoded = decode_labels(encode_labels(labels, dialect), labels.shape, dialect=dialect)
    assert decoded.dtype == np.int32
    assert_array_equal(decoded, naive.relabelled(labels))


@given(mask_stacks(min_size=1, max_size=1), dialects)
def test_single_mask_and_back(stack, dialect):
    text = rle_encode(stack[0], dialect)
    assert text == ENCODE[dialect](stack[0])
    mask = rle_decode(text, stack.shape[1:], dialect)
    assert mask.dtype == bool
    assert_array_equal(mask, stack[0])


def test_kaggle_is_the_default():
    assert encode_labels([[0, 7], [7, 7]]) == [rle_encode([[0, 1], [1, 1]])] == ["2 3"]
    assert decode_labels(["2 3"], (2, 2)).tolist() == [[0, 1], [1, 1]]
    assert rle_decode("2 3", (2, 2)).tolist() == [[False, True], [True, True]]


def test_no_nuclei():
    assert encode_labels(np.zeros((2, 3), int)) == []
    assert decode_labels([], (2, 3)).tolist() == [[0, 0, 0]] * 2


def test_empty_text_takes_an_id():
    assert decode_labels(["", "1 1"], (1, 2)).tolist() == [[2, 0]]


def test_overlapping_masks_are_refused():
    with pytest.raises(ValueError, match=r"2 pixels lie in more than one mask.*remove_overlaps"):
        decode_labels(["1 3", "2 3"], (2, 2))


def test_bad_text_is_refused():
    with pytest.raises(RLEError, match=r"^RLE of mask 1: number 1 \('0 1'\) is a start below 1"):
        decode_labels(["1 1", "0 1"], (2, 2))


@pytest.mark.parametrize("mask", [[[0, 2]], [[0.5, 1]], [1, 0], np.zeros((1, 2, 3))])
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(ValueError, match="mask"):
        rle_encode(mask)
