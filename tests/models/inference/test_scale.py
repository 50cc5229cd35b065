"""Sizes of nuclei, and maps brought from one size to another band by band."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_networks import discs
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.masks.instances import Instances
from nucfuse.models.inference.scale import factor_of, median_diameter, part_of, resampled_bands
from nucfuse.models.inference.views import resampled_maps

sides = st.integers(1, 40)


@given(sides, sides, sides, sides, st.integers(1, 40), st.integers(1, 13))
def test_bands_are_resampled_as_the_whole(height, width, high, wide, step, source_step):
    maps = np.random.default_rng(height).random((2, high, wide), np.float32)
    source = (maps[:, y : y + source_step] for y in range(0, high, source_step))
    parts = list(resampled_bands(source, (high, wide), (height, width), step))
    assert all(part.shape[1] == step for part in parts[:-1])
    assert_allclose(np.concatenate(parts, axis=1), resampled_maps(maps, (height, width)), atol=2e-6)


def test_maps_of_the_right_size_stay_as_they_are():
    maps = np.random.default_rng(0).random((3, 20, 7), np.float32)
    (part,) = resampled_bands(iter([maps]), (20, 7), (20, 7), 20)
    assert_array_equal(part, maps)


def test_diameter_of_discs():
    image = discs((80, 200), [(40, 30), (40, 90), (40, 150)], 12)
    labels = np.cumsum(image[..., 0].max(axis=0) > 100) * 0 + np.arange(200) // 60 + 1
    nuclei = Instances.from_labels(np.where(image[..., 0] > 100, labels, 0))
    assert median_diameter(nuclei) == pytest.approx(24, abs=0.5)
    assert median_diameter(Instances.empty((5, 5))) is None


@given(st.floats(0.1, 1000))
def test_the_factor_brings_nuclei_into_the_range(diameter):
    factor = factor_of(diameter, (10, 40))
    assert 0.25 <= factor <= 4
    if 2.5 <= diameter <= 160:
        assert 10 * 0.999 <= diameter * factor <= 40 * 1.001
    if 10 <= diameter <= 40:
        assert factor == 1


def test_without_a_range_nothing_is_scaled():
    assert factor_of(1000, None) == 1


def test_the_part_that_is_measured_is_not_an_empty_one():
    image = np.zeros((300, 500, 1), np.uint8)
    image[250:290, 10:50] = 255
    part = part_of(image, 100)
    assert part.shape == (100, 100, 1)
    assert part.any()
    assert part_of(image, 1000) is not None
    assert part_of(image, 1000).shape == image.shape
