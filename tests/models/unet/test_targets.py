import cv2
import naive_training as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import label_images

from nucfuse.models.unet.config import HEADS
from nucfuse.models.unet.targets import (
    border_classes,
    distance_to_edge,
    separate_pieces,
    targets,
    touching_classes,
)


@st.composite
def small_labels(draw):
    labels = draw(label_images())
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)


@given(small_labels(), st.integers(1, 3))
def test_classes_match_naive(labels, radius):
    assert_array_equal(border_classes(labels, radius), naive.border_classes(labels, radius))
    assert_array_equal(touching_classes(labels, radius), naive.touching_classes(labels, radius))


@given(small_labels())
def test_distance_is_positive_in_nuclei_only_and_one_at_their_deepest(labels):
    distance = distance_to_edge(labels)
    assert_array_equal(distance > 0, labels > 0)
    for nucleus in np.unique(labels[labels > 0]):
        assert distance[labels == nucleus].max() == pytest.approx(1)


@pytest.mark.parametrize("head", HEADS)
@given(small_labels())
def test_every_head_has_its_channels_and_classes_add_up_to_one(head, labels):
    values = targets(labels, head)
    assert values.shape == (*labels.shape, len(HEADS[head]))
    assert values.dtype == np.float32
    if len(HEADS[head]) >= 3:
        assert_array_equal(values[..., :3].sum(axis=-1), np.ones(labels.shape))


def test_rim_is_at_the_seam_of_touching_nuclei_but_not_at_the_edge_of_the_image():
    labels = np.repeat(np.array([[1, 1, 1, 1, 2, 2, 2, 2]], np.int32), 3, axis=0)
    assert_array_equal(border_classes(labels, 2)[1], [1, 1, 2, 2, 2, 2, 1, 1])


@given(small_labels())
def test_pieces_are_numbered_through_and_lie_in_one_nucleus(labels):
    pieces = separate_pieces(labels)
    assert pieces.dtype == np.int32
    assert_array_equal(pieces > 0, labels > 0)
    assert_array_equal(np.unique(pieces[pieces > 0]), np.arange(1, pieces.max() + 1))
    for k in range(1, pieces.max() + 1):
        assert len(np.unique(labels[pieces == k])) == 1
        assert cv2.connectedComponents((pieces == k).astype(np.uint8))[0] == 2
    for nucleus in np.unique(labels[labels > 0]):
        n = cv2.connectedComponents((labels == nucleus).astype(np.uint8))[0] - 1
        assert len(np.unique(pieces[labels == nucleus])) == n
