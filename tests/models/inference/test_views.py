"""Test-time augmentation: exact inverses, and results that turn with the image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.models.inference.views import VIEWS, augmented, resampled_maps, resized, unview, view

sides = st.integers(1, 9)


def picture(height, width, channels=2):
    return np.random.default_rng(height * 10 + width).random((height, width, channels), np.float32)


def uneven(image):
    """A function that knows up from down and left from right."""
    down, right = np.cumsum(image, axis=0), np.cumsum(image**2, axis=1)
    return np.moveaxis(np.concatenate([down, right], axis=2), 2, 0).astype(np.float32)


@given(sides, sides, st.integers(0, VIEWS - 1))
def test_unview_is_the_inverse_of_view(height, width, k):
    image = picture(height, width)
    assert_array_equal(unview(np.moveaxis(view(image, k), 2, 0), k), np.moveaxis(image, 2, 0))


def test_all_views_differ():
    seen = {view(np.arange(6).reshape(2, 3, 1), k).tobytes() for k in range(VIEWS)}
    assert len(seen) == VIEWS


@given(sides, sides, st.integers(0, VIEWS - 1), st.sampled_from([(1.0,), (1.0, 0.5), (2.0,)]))
def test_the_result_turns_with_the_image(height, width, k, scales):
    predict, image = augmented(uneven, scales=scales), picture(height, width)
    assert_allclose(unview(predict(view(image, k)), k), predict(image), rtol=1e-4, atol=1e-5)


def test_one_view_at_its_own_scale_changes_nothing():
    assert augmented(uneven, 1) is uneven


def test_the_mean_of_eight_views():
    image = picture(3, 5)
    each = [unview(uneven(view(image, k)), k) for k in range(8)]
    assert_allclose(augmented(uneven)(image), np.mean(each, axis=0), rtol=1e-5)


def test_scales_are_undone():
    """A smooth picture comes back as it was, to within the smoothness."""
    rows, columns = np.mgrid[:40, :60]
    image = (0.5 + 0.4 * np.sin(rows / 9) * np.cos(columns / 11))[..., np.newaxis]
    image = image.astype(np.float32)

    def channels_first(seen):
        return np.moveaxis(seen, 2, 0)

    maps = augmented(channels_first, 1, (0.8, 1.0, 1.25))(image)
    assert maps.shape == (1, 40, 60)
    assert np.abs(maps[0] - image[..., 0]).max() < 0.02


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (64, 32)])
def test_sizes(shape):
    assert resized(picture(16, 20), shape).shape == (*shape, 2)
    assert resampled_maps(np.ones((3, 16, 20), np.float32), shape).shape == (3, *shape)
