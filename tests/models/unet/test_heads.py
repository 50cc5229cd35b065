"""Heads: their channels, what they learn, and how their outputs become maps."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal
from strategies_training import small_labels

from nucfuse.models.unet.heads import HEADS, HEADS_BY_OUTPUTS

CLASSES = [name for name, head in HEADS.items() if head.n_classes]
SIGMOIDS = [name for name, head in HEADS.items() if not head.n_classes]


@pytest.mark.parametrize("name", HEADS)
@given(small_labels())
def test_every_head_has_its_channels_and_classes_add_up_to_one(name, labels):
    head = HEADS[name]
    values = head.targets(labels)
    assert values.shape == (*labels.shape, len(head.outputs))
    assert values.dtype == np.float32
    if head.n_classes:
        assert_array_equal(values[..., :3].sum(axis=-1), np.ones(labels.shape))


def test_cards_name_a_head_by_its_outputs():
    assert list(HEADS_BY_OUTPUTS.values()) == list(HEADS.values())


@pytest.mark.parametrize("name", CLASSES)
def test_classes_become_nucleus_border_interior(name):
    head = HEADS[name]
    values = np.random.default_rng(0).random((4, 5, len(head.outputs)), np.float32) / 2
    maps = head.to_maps(values)
    assert len(maps) == len(head.maps)
    assert head.maps[:3] == ("nucleus", "border", "interior")
    assert_array_equal(maps[0], values[..., 1] + values[..., 2])
    assert_array_equal(maps[1], values[..., 2])
    assert_array_equal(maps[2], values[..., 1])
    assert_array_equal(maps[3:], np.moveaxis(values[..., 3:], 2, 0))


@pytest.mark.parametrize("name", SIGMOIDS)
def test_plain_maps_stay_as_they_are(name):
    head = HEADS[name]
    assert head.maps == head.outputs
    values = np.random.default_rng(0).random((4, 5, len(head.outputs)), np.float32)
    assert_array_equal(head.to_maps(values), np.moveaxis(values, 2, 0))


def test_rounding_gives_no_probability_above_one():
    values = np.full((1, 1, 3), np.nextafter(np.float32(0.5), np.float32(1)), np.float32)
    assert HEADS["border"].to_maps(values)[0, 0, 0] == 1
