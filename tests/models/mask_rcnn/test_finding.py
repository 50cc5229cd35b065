"""From what a network finds to pixels, in whatever position and size it saw the image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_mask_rcnn import TINY, Knowing, blobs
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.masks.instances import Instances
from nucfuse.models.mask_rcnn.finding import Found, find, pasted, turned_back
from nucfuse.models.tta import view


def found_at_random(seed, shape, n=3, size=5):
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, 1, (n, 2, 2)) * shape, axis=1)
    return Found(
        corners.reshape(n, 4).astype(np.float32), np.linspace(0.9, 0.5, n, dtype=np.float32),
        np.ones(n, np.int32), rng.random((n, size, size)).astype(np.float32),
    )  # fmt: skip


@given(st.integers(0, 2**32 - 1), st.integers(0, 7), st.sampled_from([(12, 20), (17, 9)]))
def test_turning_back_is_the_inverse_of_the_view(seed, k, shape):
    seen_shape = view(np.zeros((*shape, 1)), k).shape[:2]
    found = found_at_random(seed, seen_shape)
    in_view = pasted(found, (0, 0), (1, 1), seen_shape, TINY)
    back = pasted(turned_back(found, k, shape), (0, 0), (1, 1), shape, TINY)
    assert back.shape == shape
    turned = view(np.moveaxis(back.to_masks(), 0, 2), k)
    # A pixel whose mask is a rounding error away from the threshold may fall on either side.
    differ = np.moveaxis(turned, 2, 0) != in_view.to_masks()
    assert differ.sum() <= 1


def test_what_is_found_in_a_part_of_a_resized_image_is_put_in_its_place():
    found = Found(
        np.float32([[2, 4, 6, 8]]), np.float32([0.9]), np.int32([1]), np.ones((1, 4, 4), np.float32)
    )
    nuclei = pasted(found, (10, 20), (0.5, 2), (20, 80), TINY)
    assert_array_equal(nuclei.boxes, [[6, 48, 8, 56]])
    assert nuclei.classes is None


def test_nuclei_without_pixels_are_left_out_and_classes_kept_where_there_are_several():
    config = TINY.from_dict({**TINY.to_dict(), "n_classes": 3})
    found = Found(
        np.float32([[0, 0, 4, 4], [30, 30, 34, 34]]), np.float32([0.9, 0.8]), np.int32([2, 1]),
        np.ones((2, 4, 4), np.float32),
    )  # fmt: skip
    nuclei = pasted(found, (0, 0), (1, 1), (20, 20), config)
    assert len(nuclei) == 1
    assert_array_equal(nuclei.classes, [2])


@pytest.mark.parametrize("n", [0, 1, 9])
def test_a_network_that_knows_is_understood(n):
    image = np.zeros((96, 128, 1), np.float32)
    for k in range(n):
        y, x = 6 + 30 * (k // 3), 4 + 40 * (k % 3)
        image[y : y + 12 + k, x : x + 20 - k] = 1
    image[0, 127] = n > 1  # one pixel, at the border
    network = Knowing(None)
    found = find(network.features, network.heads, image, TINY)
    truth = Instances.from_labels(blobs(image)[0])
    assert_allclose(np.sort(found.boxes, axis=0), np.sort(truth.boxes, axis=0), atol=1e-3)
    nuclei = pasted(found, (0, 0), (1, 1), image.shape[:2], TINY)
    assert sorted(nuclei.to_rle()) == sorted(truth.to_rle())
    assert_allclose(nuclei.scores, 0.9)


def test_no_more_than_the_maximum_is_found():
    image = np.zeros((64, 64, 1), np.float32)
    image[4:60:14, 4:60:14] = image[5:60:14, 4:60:14] = 1
    config = TINY.from_dict({**TINY.to_dict(), "max_instances": 7})
    network = Knowing(None, config)
    assert len(find(network.features, network.heads, image, config).boxes) == 7
