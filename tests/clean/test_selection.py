import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import instance_sets

from nucfuse.clean.objects import Cleaning
from nucfuse.clean.selection import Selection, select
from nucfuse.settings import describe


def naive(areas, scores, min_score, speck, small):
    """Indices that stay."""
    kept = [
        i
        for i in range(len(areas))
        if areas[i] >= speck and (np.isnan(scores[i]) or scores[i] >= np.float32(min_score))
    ]
    larger = [areas[i] for i in kept if areas[i] >= max(speck, 1)]
    median = np.median(larger) if larger else 0
    return [i for i in kept if areas[i] >= small * median]


@given(instance_sets(), st.floats(0, 1), st.integers(0, 5), st.floats(0, 1))
def test_matches_naive(some, min_score, speck, small):
    kept = select(some, min_score=min_score, speck=speck, small=small)
    expected = naive(some.areas, some.scores, min_score, speck, small)
    assert kept == some[np.array(expected, int)]


@given(instance_sets())
def test_without_settings_everything_stays(some):
    assert_array_equal(select(some).areas, some.areas)


def test_unknown_settings_are_said():
    with pytest.raises(ValueError, match="min_score"):
        select(None, min_area=3)


@pytest.mark.parametrize("kind", [Selection, Cleaning])
def test_every_setting_is_described(kind):
    assert all(setting.what for setting in describe(kind))
