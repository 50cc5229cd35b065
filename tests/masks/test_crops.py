"""Small masks and their corners to runs and back."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from naive import masks as naive
from numpy.testing import assert_array_equal
from strategies import mask_stacks

from nucfuse.masks.crops import crops_to_runs, runs_to_crops


def cut_out(stack):
    """Crops at the boxes of masks, their corners, and the boxes."""
    boxes = np.array([naive.box(mask) for mask in stack], np.int32).reshape(-1, 4)
    crops = [mask[y0:y1, x0:x1] for mask, (y0, x0, y1, x1) in zip(stack, boxes, strict=True)]
    return crops, boxes[:, :2], boxes


@given(mask_stacks())
def test_runs_match_naive(stack):
    crops, corners, _ = cut_out(stack)
    starts, lengths, offsets = crops_to_runs(crops, corners, stack.shape[1:])
    found = [
        list(zip(starts[a:b].tolist(), lengths[a:b].tolist(), strict=True))
        for a, b in pairwise(offsets)
    ]
    assert found == [naive.runs(mask) for mask in stack]


@given(mask_stacks())
def test_crops_after_runs_is_identity(stack):
    crops, corners, boxes = cut_out(stack)
    runs = crops_to_runs(crops, corners, stack.shape[1:])
    back = runs_to_crops(runs, boxes, stack.shape[1])
    assert len(back) == len(crops)
    for crop, expected in zip(back, crops, strict=True):
        assert_array_equal(crop, expected)


def test_background_around_a_crop_changes_nothing():
    tight = crops_to_runs([np.ones((1, 2), bool)], [(1, 1)], (3, 4))
    wide = crops_to_runs([np.pad(np.ones((1, 2), bool), 1)], [(0, 0)], (3, 4))
    for a, b in zip(tight, wide, strict=True):
        assert_array_equal(a, b)


def test_a_crop_of_full_height_is_one_run():
    starts, lengths, _ = crops_to_runs([np.ones((3, 2), bool)], [(0, 1)], (3, 4))
    assert (starts.tolist(), lengths.tolist()) == ([3], [6])


@pytest.mark.parametrize("corner", [(-1, 0), (0, -1), (2, 0), (0, 3)])
def test_a_crop_outside_is_refused(corner):
    with pytest.raises(
        ValueError, match=r"crop 0 of shape \(2, 2\) at .* leaves the image \(3, 4\)"
    ):
        crops_to_runs([np.ones((2, 2), bool)], [corner], (3, 4))
