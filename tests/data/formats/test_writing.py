"""What writers share: samples of any kind as Instances, every id once."""

import numpy as np
import pytest
from hypothesis import given
from strategies import instance_sets, label_images

from nucfuse.data.dataset import Sample
from nucfuse.data.formats.writing import as_instances, unique_instances
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances


@given(label_images())
def test_label_images_become_instances(labels):
    assert as_instances(Sample("a", labels)) == Instances.from_labels(labels)


@given(instance_sets())
def test_instances_stay(masks):
    assert as_instances(Sample("a", masks)) is masks


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        (np.ones((2, 3, 4), int), r"image 'a' is a volume of shape \(2, 3, 4\)"),
        (np.array([[0.5]]), "image 'a': .*whole numbers"),
        (np.array([[-1]]), "image 'a': .*negative id -1"),
        (np.array([["x"]]), "image 'a': .*must hold integers"),
    ],
)
def test_what_is_no_label_image(masks, words):
    with pytest.raises(DataError, match=words):
        as_instances(Sample("a", masks))


def test_ids_come_once_and_one_at_a_time():
    labels = np.ones((1, 1), int)
    found = unique_instances(Sample(name, labels) for name in ("a", "b", "a"))
    assert [next(found)[0], next(found)[0]] == ["a", "b"]
    with pytest.raises(DataError, match="'a' comes twice"):
        next(found)
