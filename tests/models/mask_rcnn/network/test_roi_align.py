import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import mask_rcnn_layers as naive
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.models.mask_rcnn.network.roi_align import level_indices, pooled_from_levels, roi_align


@st.composite
def maps_and_rois(draw):
    """Maps (2, H, W, 3) and boxes inside of them, in cells, of any size down to nothing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    n = draw(st.integers(0, 4))
    corners = np.sort(rng.random((n, 2, 2)), axis=1) * (height, width)
    rois = corners.reshape(n, 4).astype(np.float32)
    if draw(st.booleans()):
        rois = np.round(rois)
    return rng.normal(size=(2, height, width, 3)).astype(np.float32), rois, rng.integers(2, size=n)


@settings(max_examples=40)
@given(maps_and_rois(), st.sampled_from([(1, 1), (1, 2), (3, 1), (2, 3), (7, 2)]))
def test_matches_naive(given_, grid):
    maps, rois, images = given_
    found = roi_align(maps, rois, images.astype(np.int32), *grid).numpy()
    assert found.shape == (len(rois), grid[0], grid[0], 3)
    for k, (box, image) in enumerate(zip(rois, images, strict=True)):
        assert_allclose(found[k], naive.roi_align(maps[image], box, *grid), atol=2e-5)


def test_a_plane_is_read_at_the_bin_centres():
    """What is linear is interpolated without error, wherever the region lies."""
    y, x = np.mgrid[:8, :8].astype(np.float32) + np.float32(0.5)
    plane = np.stack([y, x], axis=-1)[np.newaxis]
    rois = np.array([[1.3, 2.1, 5.9, 7.2]], np.float32)
    found = roi_align(plane, rois, np.zeros(1, np.int32), 4, 2).numpy()[0]
    assert_allclose(found[:, 0, 0], 1.3 + 4.6 / 4 * (np.arange(4) + 0.5), rtol=1e-5)
    assert_allclose(found[0, :, 1], 2.1 + 5.1 / 4 * (np.arange(4) + 0.5), rtol=1e-5)


def test_gradients_are_finite_differences():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    plane = rng.normal(size=(1, 4, 5, 1)).astype(np.float32)
    rois = np.array([[0.2, 0.4, 3.1, 4.9], [1, 1, 2, 3]], np.float32)
    weights = rng.normal(size=(2, 3, 3, 1)).astype(np.float32)

    def value(tensor):
        return tf.reduce_sum(weights * roi_align(tensor, rois, np.zeros(2, np.int32), 3, 2))

    tensor = tf.constant(plane)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        result = value(tensor)
    gradient = tape.gradient(result, tensor).numpy()
    for at in np.ndindex(plane.shape):
        step = np.zeros_like(plane)
        step[at] = 0.5  # the operation is linear in the map
        expected = float(value(plane + step) - value(plane - step))
        assert gradient[at] == pytest.approx(expected, abs=1e-4)


@given(
    st.lists(st.tuples(st.integers(0, 4096), st.integers(0, 4096)), min_size=1, max_size=20),
    st.sampled_from([224.0, 96.0, 100.0]),
    st.integers(1, 4),
)
def test_levels_match_naive(sides, canonical, n_levels):
    rois = np.array([(0, 0, h / 4, w / 4) for h, w in sides], np.float32)
    strides = [4 * 2**k for k in range(n_levels)]
    expected = [naive.level(box, n_levels, 4, canonical) for box in rois]
    assert_array_equal(level_indices(rois, strides, canonical), expected)


def test_the_papers_sizes_on_the_papers_levels():
    """224 is read from stride 16, 112 from stride 8, and what is a bit smaller from a finer one."""
    rois = np.array([[0, 0, s, s] for s in (10, 111.9, 112, 223.9, 224, 448, 999)], np.float32)
    assert_array_equal(level_indices(rois, (4, 8, 16, 32), 224.0), [0, 0, 1, 1, 2, 3, 3])


def test_regions_come_back_in_their_order_from_their_levels():
    maps = [np.full((1, 32 // s, 32 // s, 2), s, np.float32) for s in (4, 8, 16)]
    sides = np.array([40, 3, 90, 200, 50, 1], np.float32)
    rois = np.stack([0 * sides, 0 * sides, sides / 10, sides / 10], axis=1)
    images = np.zeros(6, np.int32)

    def pooling(plane, cells, numbers):
        # the map's value, and how wide the region is in cells of it
        width = cells[:, 3] - cells[:, 1]
        return (plane[0, 0, 0, 0] + 0 * width)[:, None, None, None] + [0.0, 1.0] * width[
            :, None, None, None
        ]

    found = pooled_from_levels(maps, rois, images, (4, 8, 16), 8.0, pooling).numpy()[:, 0, 0]
    levels = level_indices(rois, (4, 8, 16), 8.0).numpy()
    strides = np.array([4, 8, 16])[levels]
    assert set(levels) == {0, 1, 2}
    assert_allclose(found[:, 0], strides)
    assert_allclose(found[:, 1], strides + sides / 10 / strides, rtol=1e-6)
