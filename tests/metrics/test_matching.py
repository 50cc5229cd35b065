"""The sparse assignment finds what a dense one finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from nucfuse.metrics.matching import heaviest_matching


def matched(table):
    """Pairs chosen among the non-zero cells of a dense table, as (rows, columns)."""
    rows, cols = np.nonzero(table)
    taken = heaviest_matching(
        rows.astype(np.int32), cols.astype(np.int32), table[rows, cols], *table.shape
    )
    assert (np.diff(rows[taken]) > 0).all()
    return rows[taken], cols[taken]


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    st.sampled_from([0.1, 0.3, 0.6, 1.0]),
    st.sampled_from([1, 3, 10, 0]),
)
def test_total_weight_is_that_of_a_dense_assignment(seed, shape, density, levels):
    """``levels`` makes ties; 0 draws any weight."""
    rng = np.random.default_rng(seed)
    table = rng.integers(1, levels + 1, shape) / levels if levels else rng.random(shape) + 0.01
    table = table * (rng.random(shape) < density)
    rows, cols = matched(table)
    best = linear_sum_assignment(-table)
    assert len(set(cols.tolist())) == cols.size
    assert table[rows, cols].sum() == pytest.approx(table[best].sum(), abs=1e-9)


@pytest.mark.parametrize("n", [2, 3, 17, 40])
def test_long_chains(n):
    """Row i competes with row i + 1 for column i + 1: only a path through all gives the most."""
    table = np.zeros((n, n))
    for i in range(n):
        table[i, i] = 1.0
        if i + 1 < n:
            table[i, i + 1] = 1.5
    table[0, 0] = 0.75
    best = linear_sum_assignment(-table)
    rows, cols = matched(table)
    assert table[rows, cols].sum() == pytest.approx(table[best].sum())


def test_no_pairs():
    assert matched(np.zeros((3, 2)))[0].size == 0
