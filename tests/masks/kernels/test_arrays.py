"""Counting sort, ranks and union-find."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nucfuse.masks.kernels.arrays import dense_ranks, grouped, grown, pairs_by_row, root_of, unite

GROUPS = st.lists(st.integers(-1, 5), max_size=12)


@given(GROUPS)
def test_grouped_is_a_stable_sort_without_those_in_no_group(groups):
    entries, offsets = grouped(np.array(groups, np.int32), 6)
    for g in range(6):
        found = entries[offsets[g] : offsets[g + 1]].tolist()
        assert found == [k for k, group in enumerate(groups) if group == g]
    assert offsets[6] == entries.size == sum(g >= 0 for g in groups)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(1, 99)), max_size=9))
def test_pairs_by_row_is_a_stable_sort(pairs):
    rows, cols, pixels = np.array(pairs, np.int64).reshape(-1, 3).T
    found = pairs_by_row(rows.astype(np.int32), cols.astype(np.int32), pixels.copy(), 4)
    assert list(zip(*(part.tolist() for part in found), strict=True)) == sorted(
        pairs, key=lambda pair: pair[0]
    )


@given(st.lists(st.integers(0, 20), max_size=12))
def test_dense_ranks_are_places_among_the_distinct(ids):
    ranks, distinct = dense_ranks(np.array(ids, np.int64), max(ids, default=0))
    assert distinct.tolist() == sorted(set(ids) - {0})
    assert ranks.tolist() == [distinct.tolist().index(i) if i else -1 for i in ids]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=9))
def test_union_find(pairs):
    parents = np.arange(8)
    sets = [{i} for i in range(8)]
    for i, j in pairs:
        unite(parents, i, j)
        sets[i] |= sets[j]
        for k in sets[i]:
            sets[k] = sets[i]
    assert [root_of(parents, i) for i in range(8)] == [min(s) for s in sets]


def test_grown_keeps_the_front():
    larger = grown(np.array([3, 1], np.int32), 4)
    assert (larger.size, larger.dtype, larger[:2].tolist()) == (4, np.int32, [3, 1])
