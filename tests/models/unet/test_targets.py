import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import training as naive
from numpy.testing import assert_array_equal
from strategies_training import small_labels

from nucfuse.models.unet.targets import border_classes, distance_to_edge, touching_classes


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


def test_rim_is_at_the_seam_of_touching_nuclei_but_not_at_the_edge_of_the_image():
    labels = np.repeat(np.array([[1, 1, 1, 1, 2, 2, 2, 2]], np.int32), 3, axis=0)
    assert_array_equal(border_classes(labels, 2)[1], [1, 1, 2, 2, 2, 2, 1, 1])
