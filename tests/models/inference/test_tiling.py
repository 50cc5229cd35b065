"""Tiles of large images: the result is that of the whole image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import ndimage

from nucfuse.models.inference.tiling import Tiling, bands, padded

STRIDE, REACH = 4, 7  # of the function below that stands for a network


def like_a_network(image):
    """Local, zeros beyond the edges, and bound to a grid of 4 pixels as by pooling."""
    pixels = padded(image, STRIDE).astype(np.float32)
    height, width, channels = pixels.shape
    blocks = pixels.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE, channels)
    pooled = np.repeat(np.repeat(blocks.max(axis=(1, 3)), STRIDE, 0), STRIDE, 1)
    smooth = ndimage.uniform_filter(pixels + pooled, (7, 7, 1), mode="constant")
    return np.moveaxis(smooth[: image.shape[0], : image.shape[1]], 2, 0)


def picture(height, width):
    return np.random.default_rng(height + width).random((height, width, 2), np.float32)


def joined(image, tiling):
    return np.concatenate(list(bands(like_a_network, image, tiling)), axis=1)


@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from([40, 48, 80, 1000]))
def test_tiles_give_what_the_whole_image_gives(height, width, tile):
    image = picture(height, width)
    tiling = Tiling(tile, margin=8, ramp=4)
    assert_allclose(joined(image, tiling), like_a_network(image), rtol=1e-5, atol=1e-6)


def test_margins_below_the_reach_show():
    """So that the test above can fail."""
    image = picture(150, 150)
    wrong = np.abs(joined(image, Tiling(40, margin=0, ramp=4)) - like_a_network(image))
    assert wrong.max() > 0.05
    # The middle of the blend is where the edge of either tile is farthest away.
    assert wrong.max() < 1


@given(st.integers(1, 5000), st.sampled_from([512, 1024, 600]), st.sampled_from([8, 16, 32]))
def test_weights_sum_to_one_and_starts_fit_the_stride(length, tile, stride):
    tiling = Tiling.of(tile, stride)
    assert tiling.tile >= tile
    total = np.zeros(length)
    for span in tiling.spans(length):
        assert span.start % stride == 0
        assert 0 < span.stop - span.start <= tiling.tile
        total[span.start : span.stop] += span.weights
    assert_allclose(total, 1, atol=1e-6)


def test_bands_come_in_order_and_a_row_of_tiles_at_a_time():
    image = picture(300, 50)
    heights = [band.shape[1] for band in bands(like_a_network, image, Tiling(80, 8, 4))]
    assert sum(heights) == 300
    assert max(heights) <= 80


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (16, 16), (17, 31), (2, 3)])
def test_padding_mirrors(shape):
    image = picture(*shape)
    larger = padded(image, 16)
    assert larger.shape == (-(-shape[0] // 16) * 16, -(-shape[1] // 16) * 16, 2)
    np.testing.assert_array_equal(larger[: shape[0], : shape[1]], image)
    if shape == (17, 31):
        np.testing.assert_array_equal(larger[17], larger[15])


def test_tiles_smaller_than_their_overlap_allows():
    with pytest.raises(ValueError, match="tiles must be at least 40 pixels, twice their overlap"):
        Tiling(39, margin=8, ramp=4)
    assert Tiling.of(0, 16).tile == 512
