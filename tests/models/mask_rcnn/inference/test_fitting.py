import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nucfuse.models.mask_rcnn.inference.fitting import fitted, fitted_shape, padded_to


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([16, 64, 512]))
def test_the_longest_side_becomes_the_size_and_the_other_keeps_the_ratio(height, width, size):
    shape = fitted_shape((height, width), size)
    assert max(shape) == size
    low, high = min(height, width), max(height, width)
    assert abs(min(shape) - max(1, size * low / high)) <= 0.5 + 1e-9


def test_images_and_labels_are_padded_with_zeros_below_and_beside():
    image = np.full((20, 40, 3), 200, np.uint8)
    labels = np.kron(np.arange(1, 9, dtype=np.int32).reshape(2, 4), np.ones((10, 10), np.int32))
    seen, truth = fitted(image, 64), fitted(labels, 64)
    assert seen.shape == (64, 64, 3)
    assert truth.dtype == np.int32
    assert_array_equal(seen[:32], 200)
    assert_array_equal(seen[32:], 0)
    assert_array_equal(truth[:32], np.kron(labels[::10, ::10], np.ones((16, 16), int)))
    assert_array_equal(truth[32:], 0)


@pytest.mark.parametrize(("size", "shape"), [(0, (32, 64)), (96, (96, 96))])
def test_without_a_size_images_are_mirrored_to_whole_strides(size, shape):
    image = np.random.default_rng(0).random((20, 50, 1))
    full = padded_to(image, size, 32)
    assert full.shape == (*shape, 1)
    assert_array_equal(full[:20, :50], image)
    outside = full[:20, 50:62]
    assert_array_equal(outside, image[:, 48:36:-1] if not size else np.zeros_like(outside))
