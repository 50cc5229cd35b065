import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucfuse.ensemble.kernels.matching import matching_pairs
from nucfuse.masks.instances import Instances


def masks_of(rng, n, side, holes):
    """Rectangles of all sizes, rows of pixels cut off their columns or pixels out of them."""
    masks = np.zeros((n, side, side), bool)
    for mask in masks:
        y, x = rng.integers(0, side - 1, 2)
        mask[y : y + rng.integers(1, 1 + side // 2), x : x + rng.integers(1, 1 + side // 2)] = True
        mask &= np.arange(side)[:, np.newaxis] >= y + rng.integers(0, 3, side)
        if holes:
            mask &= rng.random(mask.shape) < 0.8
    return masks


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.7])
@given(seed=st.integers(0, 2**16))
def test_pairs_are_those_of_comparing_all(holes, threshold, seed):
    rng = np.random.default_rng(seed)
    masks = masks_of(rng, 14, 16, holes)
    models, classes = rng.integers(0, 4, (2, 14)).astype(np.int32) // [[1], [2]]
    x = Instances.from_masks(masks)
    found = matching_pairs(x.arrays, models.astype(np.int32), classes.astype(np.int32), threshold)
    expected = {}
    for a in range(14):
        for b in range(a):
            union = (masks[a] | masks[b]).sum()
            iou = (masks[a] & masks[b]).sum() / union if union else 0.0
            if models[a] != models[b] and classes[a] == classes[b] and iou > threshold:
                expected[b, a] = iou
    assert len(found[0]) == len(expected)
    assert {(a, b): iou for a, b, iou in zip(*map(list, found), strict=True)} == expected
