import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import detection as naive
from numpy.testing import assert_array_equal
from strategies import rank_images
from strategies_detection import boxes

from nucfuse.masks.instances import Instances
from nucfuse.models.mask_rcnn.training.mask_targets import mask_targets


@given(rank_images((12, 17)), boxes(side=20), st.integers(1, 7), st.data())
def test_matches_naive(labels, rois, size, data):
    rois = rois - np.float32(2)  # some reach beyond the image
    n = len(rois)
    ids = np.array(data.draw(st.lists(st.integers(1, 5), min_size=n, max_size=n)), np.int32)
    found = mask_targets(labels.astype(np.int32), rois, ids, size)
    assert found.shape == (n, size, size)
    assert found.dtype == np.float32
    for k in range(n):
        assert_array_equal(found[k], naive.mask_target(labels, rois[k], ids[k], size))


@given(rank_images((9, 11)), boxes(side=10, max_size=6), st.integers(1, 4), st.integers(1, 5))
def test_shrunk_nuclei_match_naive(labels, both, size, mini):
    """Also where a box does not hold all of its nucleus."""
    n = len(both) // 2
    rois, true_boxes = both[:n], both[n : 2 * n]
    ids = np.arange(1, n + 1, dtype=np.int32)
    found = mask_targets(labels.astype(np.int32), rois, ids, size, true_boxes, mini)
    for k in range(n):
        expected = naive.mask_target(labels, rois[k], ids[k], size, true_boxes[k], mini)
        assert_array_equal(found[k], expected)


@given(rank_images((9, 11)))
def test_a_region_that_is_the_box_is_the_nucleus(labels):
    nuclei = Instances.from_labels(labels.astype(np.int32))
    ids = np.unique(labels[labels > 0]).astype(np.int32)
    crops, _ = nuclei.to_crops()
    for k, crop in enumerate(crops):
        box = nuclei.boxes[[k]].astype(np.float32)
        size = int(np.prod(crop.shape))  # a multiple of both sides
        found = mask_targets(labels.astype(np.int32), box, ids[[k]], size)[0]
        repeats = size // crop.shape[0], size // crop.shape[1]
        assert_array_equal(found, np.kron(crop, np.ones(repeats)))


def test_nuclei_of_many_more_than_256_are_read():
    labels = np.arange(1, 901, dtype=np.int32).reshape(30, 30)
    found = mask_targets(labels, np.float32([[29, 29, 30, 30]]), np.int32([900]), 28)
    assert found.all()


def test_mini_masks_need_boxes():
    with pytest.raises(ValueError, match="mini masks need true_boxes"):
        mask_targets(np.zeros((2, 2), "i4"), np.zeros((0, 4), "f"), np.zeros(0, "i4"), 2, mini=56)
