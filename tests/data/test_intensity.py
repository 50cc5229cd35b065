"""Grids of pixels, and stretches between percentiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from nucfuse.data.intensity import grid_step, percentile_range, pixel_grid, stretched


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 5000))
def test_a_grid_has_about_as_many_pixels_as_asked_for(height, width, n_pixels):
    image = np.arange(height * width).reshape(height, width)
    step = grid_step(image, n_pixels)
    grid = pixel_grid(image, n_pixels)
    assert_array_equal(grid, image[::step, ::step])
    assert np.shares_memory(grid, image)
    if n_pixels >= image.size:
        assert step == 1
    assert image.size / (step + 0.5) ** 2 <= n_pixels


def test_colours_stay_together():
    assert pixel_grid(np.zeros((20, 30, 3)), 6).shape == (2, 3, 3)


def test_the_range_is_that_of_numpy():
    image = np.random.default_rng(0).normal(size=(40, 50))
    assert percentile_range(image, (5, 95)) == tuple(np.percentile(image, (5, 95)))
    expected = tuple(np.percentile(image[::4, ::4], (5, 95)))
    assert percentile_range(image, (5, 95), 125) == expected


def test_a_few_bright_pixels_are_the_range_where_all_else_is_ground():
    image = np.zeros((90, 90))
    assert percentile_range(image, (0.5, 99.8)) == (0, 0)
    image[41, 50] = 200
    assert percentile_range(image, (0.5, 99.8)) == (0, 200)
    assert percentile_range(image, (0.5, 99.8), 100) == (0, 200)


@given(
    hnp.arrays(st.sampled_from(["u2", "i4", "f4", "f8"]), (3, 5), elements=st.integers(0, 999)),
    st.floats(0, 999),
    st.floats(0, 999),
)
def test_stretched_by_definition(values, low, high):
    low, high = sorted((low, high))
    got = stretched(values, low, high)
    assert got.dtype == np.uint8
    for value, byte in zip(values.ravel().tolist(), got.ravel().tolist(), strict=True):
        share = (min(max(value, low), high) - low) / (high - low) if high > low else 0
        assert abs(share * 255 - byte) <= 0.5 + 1e-6


@pytest.mark.parametrize("low", [0, 7.5, 1e300])
def test_no_range_is_black(low):
    assert not stretched(np.array([[low, low]]), low, low).any()


def test_a_tiny_range_is_one():
    assert_array_equal(stretched(np.array([[0, 1e-300, 2e-300]]), 0, 2e-300), [[0, 128, 255]])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_whole_range_of_floats(dtype):
    most = np.finfo(dtype).max
    values = np.array([[-most, 0, most], [-most / 2, most / 2, 0]], dtype)
    low, high = percentile_range(values, (0, 100))
    assert (low, high) == (-most, most)
    assert_array_equal(stretched(values, low, high), [[0, 128, 255], [64, 191, 128]])
    assert percentile_range(values, (0.1, 99.9))[0] < percentile_range(values, (0.1, 99.9))[1]
