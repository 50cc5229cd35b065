"""The watershed from seeds: scikit-image's, label by label, where no pixels tie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from skimage.segmentation import watershed

from nucfuse.clean.kernels.watershed import flood


def flooded(surface, seeds, mask, connectivity):
    labels = np.where(mask, seeds, -1).astype(np.int32)
    flood(surface, labels, connectivity == 2)
    return np.maximum(labels, 0)


@given(
    st.integers(1, 30), st.integers(1, 30), st.integers(0, 10_000), st.sampled_from([1, 2]),
    st.sampled_from([0.02, 0.3]),
)  # fmt: skip
def test_labels_are_those_of_scikit_image(height, width, seed, connectivity, share):
    rng = np.random.default_rng(seed)
    shape = height, width
    surface = rng.permutation(height * width).astype(np.float32).reshape(shape)
    mask = rng.random(shape) < 0.8
    seeds = np.where(rng.random(shape) < share, rng.integers(1, 9, shape), 0).astype(np.int32)
    expected = watershed(surface, seeds * mask, connectivity=connectivity, mask=mask)
    assert_array_equal(flooded(surface, seeds * mask, mask, connectivity), expected)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_a_plateau_is_shared_by_distance(n):
    seeds = np.zeros((1, 2 * n + 2), np.int32)
    seeds[0, [0, -1]] = 1, 2
    labels = flooded(np.zeros(seeds.shape, np.float32), seeds, np.ones(seeds.shape, bool), 1)
    assert labels.tolist() == [[1] * (n + 1) + [2] * (n + 1)]


@pytest.mark.parametrize("connectivity", [1, 2])
def test_what_no_seed_reaches_stays_empty(connectivity):
    mask = np.ones((3, 5), bool)
    mask[:, 2] = False
    seeds = np.zeros((3, 5), np.int32)
    seeds[1, 0] = 7
    labels = flooded(np.zeros((3, 5), np.float32), seeds, mask, connectivity)
    assert (labels[:, :2] == 7).all()
    assert not labels[:, 2:].any()
