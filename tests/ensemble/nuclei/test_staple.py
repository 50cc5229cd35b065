import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from naive import ensemble as naive
from numpy.testing import assert_allclose

from nucfuse.ensemble.nuclei.candidates import candidates_of
from nucfuse.ensemble.nuclei.clusters import find_clusters
from nucfuse.ensemble.nuclei.staple import rated
from nucfuse.masks.instances import Instances


def sets_of(decisions):
    """Sets whose clusters are given: row c says which models have the nucleus in column c."""
    sets = []
    for column in decisions.T:
        masks = np.zeros((int(column.sum()), 1, len(decisions)), bool)
        masks[np.arange(len(masks)), 0, np.flatnonzero(column)] = True
        sets.append(Instances.from_masks(masks))
    return sets


@given(st.integers(0, 2**16), st.integers(1, 4), st.integers(1, 12))
def test_ratings_match_naive(seed, n_models, n_nuclei):
    rng = np.random.default_rng(seed)
    decisions = rng.random((n_nuclei, n_models)) < rng.uniform(0.2, 0.9, n_models)
    decisions[np.arange(n_nuclei), rng.integers(0, n_models, n_nuclei)] = True
    weights = rng.integers(1, 5, n_models) / 4
    weights /= weights.max()
    candidates = candidates_of(sets_of(decisions), weights)
    clusters = find_clusters(candidates, 0.5)
    ratings = rated(candidates, clusters)
    found = [
        set(candidates.models[c].tolist())
        for c in np.split(clusters.members, clusters.offsets[1:-1])
    ]
    p, q, real = naive.staple_ratings(found, weights)
    assert_allclose(ratings.sensitivity, p, rtol=1e-6)
    assert_allclose(ratings.specificity, q, rtol=1e-6)
    assert_allclose(ratings.posterior, real, rtol=1e-5, atol=1e-9)


def test_a_model_that_errs_is_rated_lower():
    """Three models of 40 nuclei: one finds all, one half, one all and 30 that nobody else sees."""
    decisions = np.zeros((70, 3), bool)
    decisions[:40, 0] = decisions[:, 2] = True
    decisions[:20, 1] = True
    candidates = candidates_of(sets_of(decisions), np.ones(3))
    ratings = rated(candidates, find_clusters(candidates, 0.5))
    assert ratings.sensitivity[0] > 0.9 > ratings.sensitivity[1]
    assert ratings.precision[0] > ratings.precision[2]
    assert ratings.weights[0] > ratings.weights[1]
    assert ratings.weights[0] > ratings.weights[2]
    assert ((ratings.posterior >= 0) & (ratings.posterior <= 1)).all()
    assert ratings.posterior[:20].min() > ratings.posterior[40:].max()


def test_no_nuclei():
    candidates = candidates_of([Instances.empty((2, 2))] * 2, np.ones(2))
    ratings = rated(candidates, find_clusters(candidates, 0.5))
    assert ratings.posterior.size == 0
    assert_allclose(ratings.sensitivity, 0.9)
