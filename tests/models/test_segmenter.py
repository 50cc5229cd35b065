"""Images as models take them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nucfuse.models.segmenter import as_rgb


def test_uint8_keeps_its_values():
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert_array_equal(as_rgb(grey), np.stack([grey] * 3, axis=-1))
    assert_array_equal(as_rgb(grey[..., None]), np.stack([grey] * 3, axis=-1))
    colour = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert_array_equal(as_rgb(colour), colour)
    alpha = np.dstack([colour, np.full((2, 4), 255, np.uint8)])
    assert_array_equal(as_rgb(alpha), colour)


def test_other_dtypes_are_stretched_to_their_range():
    image = np.linspace(-5, 3000, 2001).reshape(3, -1)
    for dtype in (np.int16, np.float32, np.float64):
        rgb = as_rgb(image.astype(dtype))
        assert rgb.dtype == np.uint8
        assert rgb.min() == 0
        assert rgb.max() == 255
    assert as_rgb(np.array([[True, False]]))[..., 0].tolist() == [[255, 0]]


def test_a_hot_pixel_does_not_hide_the_rest():
    image = np.tile(np.arange(100, dtype=np.uint16), (100, 1))
    image[0, 0] = 65535
    assert np.unique(as_rgb(image)).size > 90


def test_the_widest_range_and_no_range_at_all():
    largest = np.finfo(np.float64).max
    assert as_rgb(np.array([[-largest, largest]]))[..., 0].tolist() == [[0, 255]]
    assert not as_rgb(np.full((3, 3), 1e300)).any()
    assert not as_rgb(np.full((3, 3), np.finfo(np.float64).max)).any()


@pytest.mark.parametrize("shape", [(3,), (0, 4), (4, 4, 2), (2, 4, 4, 3), ()])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"image must be grey \(H, W\) or RGB \(H, W, 3\)"):
        as_rgb(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(value):
    with pytest.raises(ValueError, match="image holds NaN or infinite values"):
        as_rgb(np.array([[0.5, value]]))
    with pytest.raises(TypeError, match="image must hold real numbers"):
        as_rgb(np.array([["a"]]))
    with pytest.raises(TypeError, match="image must hold real numbers"):
        as_rgb(np.array([[1 + 2j]]))
