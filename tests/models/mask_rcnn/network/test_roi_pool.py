import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import mask_rcnn_layers as naive
from numpy.testing import assert_array_equal

from nucfuse.models.mask_rcnn.network.roi_pool import roi_pool


@st.composite
def maps_and_rois(draw):
    """Maps (2, H, W, 2) and boxes in cells that may reach beyond them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    n = draw(st.integers(0, 4))
    corners = np.sort(rng.uniform(-2, 14, (n, 2, 2)), axis=1)
    rois = np.round(corners.reshape(n, 4) * 2).astype(np.float32) / 2
    return rng.normal(size=(2, height, width, 2)).astype(np.float32), rois, rng.integers(2, size=n)


@settings(max_examples=40)
@given(maps_and_rois(), st.sampled_from([1, 2, 3, 7]))
def test_matches_naive(given_, size):
    maps, rois, images = given_
    found = roi_pool(maps, rois, images.astype(np.int32), size).numpy()
    assert found.shape == (len(rois), size, size, 2)
    for k, (box, image) in enumerate(zip(rois, images, strict=True)):
        assert_array_equal(found[k], naive.roi_pool(maps[image], box, size).astype(np.float32))


def test_the_longest_bins_are_seen_whole():
    """224 cells in 7 bins of 32, each with its largest value somewhere else."""
    plane = np.zeros((1, 224, 224, 1), np.float32)
    for i in range(7):
        plane[0, 32 * i + 5 * i, 32 * i + 31 - 5 * i] = i + 1
    found = roi_pool(plane, np.array([[0, 0, 223, 223]], np.float32), np.zeros(1, np.int32), 7)
    assert_array_equal(found.numpy()[0, :, :, 0], np.diag(np.arange(1, 8)))


def test_the_gradient_goes_to_the_largest_cell_once():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    plane = tf.constant(rng.permutation(36).reshape(1, 6, 6, 1).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(plane)
        value = roi_pool(plane, np.array([[0, 0, 5, 4]], np.float32), np.zeros(1, np.int32), 1)
    gradient = tape.gradient(value, plane).numpy()[0, ..., 0]
    expected = np.zeros((6, 6))
    expected[np.unravel_index(np.argmax(plane[0, :, :5, 0]), (6, 5))] = 1
    assert gradient == pytest.approx(expected)
