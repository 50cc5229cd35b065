import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import instance_sets

from nucfuse.ensemble.kernels.vote import swept_runs, voted_runs


@given(instance_sets(min_size=1, max_size=8), st.data())
def test_both_kernels_find_the_same_winners(masks, data):
    """Members of a cluster may have holes, several pieces, and columns they do not share."""
    clusters = data.draw(st.lists(st.integers(0, 2), min_size=len(masks), max_size=len(masks)))
    members = np.argsort(clusters, kind="stable").astype(np.int64)
    groups = np.cumsum([0, *np.unique(clusters, return_counts=True)[1]])
    votes = np.array(data.draw(st.lists(st.integers(1, 3), min_size=8, max_size=8)), np.int64)
    needed = np.array([data.draw(st.integers(0, 4)) for _ in groups[1:]], np.int64)
    given_ = masks.arrays, members, groups, votes[: len(masks)], needed
    for swept, voted in zip(swept_runs(*given_), voted_runs(*given_), strict=True):
        assert_array_equal(swept, voted)
