"""Flags and bits to positions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nucfuse.masks.kernels.bits import flagged, lowest_bit


@given(arrays(np.uint8, st.sampled_from([0, 64, 192]), elements=st.integers(0, 1)))
def test_flagged_gives_positions_of_ones(flags):
    positions = np.empty(flags.size, np.int64)
    n = flagged(flags, 7, positions)
    assert positions[:n].tolist() == (np.flatnonzero(flags) + 7).tolist()


@pytest.mark.parametrize("position", range(64))
def test_lowest_bit(position):
    for above in (0, 1 << 63, (1 << 64) - (1 << position)):
        assert lowest_bit(np.uint64(above | 1 << position)) == position
