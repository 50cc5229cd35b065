from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.ensemble.routing.kmeans import kmeans, squared_distances


@st.composite
def blobs(draw):
    """(points, blob of each): two to four tight groups, far apart, in any order."""
    k = draw(st.integers(2, 4))
    sizes = draw(st.lists(st.integers(1, 9), min_size=k, max_size=k))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centres = rng.permutation(k)[:, np.newaxis] * [100.0, -50.0] + rng.uniform(-5, 5, (k, 2))
    blob = rng.permutation(np.repeat(np.arange(k), sizes))
    return centres[blob] + rng.uniform(-1, 1, (blob.size, 2)), blob


def cost_of(points, members, k):
    """Sum of squared distances to the means of the clusters."""
    groups = [points[np.array(members) == c] for c in range(k)]
    return sum(((g - g.mean(axis=0)) ** 2).sum() for g in groups if len(g))


@given(blobs(), st.integers(0, 9))
def test_groups_that_are_far_apart_are_found_by_every_seed(case, seed):
    points, blob = case
    k = blob.max() + 1
    centres, members = kmeans(points, k, seed)
    assert len(set(zip(members.tolist(), blob.tolist(), strict=True))) == k
    assert_allclose(centres, [points[members == c].mean(axis=0) for c in range(k)])
    sizes = np.bincount(members)
    assert_array_equal(sizes, np.sort(sizes)[::-1])


@given(st.lists(st.integers(0, 20), min_size=3, max_size=7, unique=True), st.integers(1, 3))
def test_no_split_of_a_few_points_is_better(values, k):
    points = np.array(values, float)[:, np.newaxis]
    centres, members = kmeans(points, k)
    best = min(cost_of(points, split, k) for split in product(range(k), repeat=len(values)))
    assert_allclose(cost_of(points, members, k), best, atol=1e-9)
    assert_array_equal(squared_distances(points, centres).argmin(axis=1), members)


@given(blobs(), st.integers(0, 9))
def test_the_same_seed_gives_the_same(case, seed):
    first, second = (kmeans(case[0], 2, seed) for _ in range(2))
    assert_array_equal(first[0], second[0])
    assert_array_equal(first[1], second[1])


def test_as_many_clusters_as_points():
    points = np.array([[3.0], [1.0], [2.0], [1.0]])
    centres, members = kmeans(points, 3)
    assert_array_equal(centres, [[1], [2], [3]])
    assert_array_equal(members, [2, 0, 1, 0])


@pytest.mark.parametrize("k", [0, -1, 3])
def test_k_beyond_the_different_points(k):
    with pytest.raises(ValueError, match=rf"k must be in 1\.\.2, the number of .*; got {k}"):
        kmeans(np.array([[1.0], [1.0], [2.0]]), k)
