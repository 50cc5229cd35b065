import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nucfuse.ensemble.kernels.order import descending_order

EVEN = np.random.default_rng(1).random(500)


@given(st.lists(st.floats(allow_nan=False), max_size=40))
def test_any_floats_are_sorted_and_equal_ones_keep_their_order(values):
    array = np.array(values, float)
    assert_array_equal(descending_order(array), np.argsort(-array, kind="stable"))


@pytest.mark.parametrize(
    "values",
    [
        EVEN,
        np.round(EVEN, 1),  # many equal ones
        np.r_[EVEN, 1e9],  # all but one in one bucket
        np.r_[EVEN, np.inf, -np.inf],
        EVEN**20,
        np.round(EVEN * 4) * 5e-324,  # a range too small to divide by
        (EVEN - 0.5) * 3e308,  # and one too large to hold
    ],
)
def test_many_values_however_they_are_spread(values):
    assert_array_equal(descending_order(values), np.argsort(-values, kind="stable"))
