import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nucfuse.ensemble.nuclei.candidates import candidates_of
from nucfuse.ensemble.nuclei.clusters import Clusters, find_clusters
from nucfuse.ensemble.nuclei.weighted import WHOLE_VOTE, voted, whole_votes
from nucfuse.masks.instances import Instances


def discs(rng, size, n_models, holes):
    """One nucleus as several models see it: a disc, a little elsewhere, perhaps with a hole."""
    y, x = np.mgrid[: size[0], : size[1]]
    for _ in range(n_models):
        centre = np.array(size) / 2 + rng.normal(0, size[0] / 12, 2)
        far = np.hypot(y - centre[0], x - centre[1])
        mask = far < min(size) * rng.uniform(0.35, 0.5)
        if holes:
            mask &= far > rng.uniform(0, 3)
            mask ^= rng.random(size) < 0.02
        yield mask


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("size", [(12, 12), (40, 9), (9, 40), (70, 70)])
@given(seed=st.integers(0, 2**16), threshold=st.sampled_from([0.0, 0.3, 0.5, 0.8]))
def test_vote_is_that_of_counting_pixels(size, holes, seed, threshold):
    """In plain masks and in masks with holes, cut by the edges and not."""
    rng = np.random.default_rng(seed)
    masks = np.array(list(discs(rng, size, 4, holes)))
    scores = rng.integers(1, 9, 4) / 8
    sets = [Instances.from_masks([m], scores=[s]) for m, s in zip(masks, scores, strict=True)]
    candidates = candidates_of(sets, np.ones(4))
    # One cluster, whether they match or not; a disc may lie outside.
    together = Clusters(candidates.order.astype(np.int32), np.array([0, len(candidates.masks)]))
    fused = voted(candidates, together, threshold, absent=0.0)
    counts = (masks * scores[:, np.newaxis, np.newaxis]).sum(axis=0)
    shares = counts / scores[masks.any(axis=(1, 2))].sum()
    assert_array_equal(fused.to_masks()[0], shares > threshold)
    Instances.from_runs(fused.shape, *fused.runs)  # runs that touch are joined


@given(seed=st.integers(0, 2**16), n_models=st.sampled_from([2, 3, 5, 6, 7, 9]))
def test_vote_on_plain_masks_that_lie_apart(seed, n_models):
    """One run in every column, but not all share a row: a column may get several."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((n_models, 12, 20), bool)
    for mask in masks:
        x0, x1 = np.sort(rng.choice(21, 2, replace=False))
        for x in range(x0, x1):
            y0, y1 = np.sort(rng.choice(13, 2, replace=False))
            mask[y0:y1, x] = True
    scores = rng.integers(1, 9, n_models) / 8
    sets = [Instances.from_masks([m], scores=[s]) for m, s in zip(masks, scores, strict=True)]
    candidates = candidates_of(sets, np.ones(n_models))
    together = Clusters(candidates.order.astype(np.int32), np.array([0, n_models]))
    fused = voted(candidates, together, 0.5, absent=0.0)
    counts = (masks * scores[:, np.newaxis, np.newaxis]).sum(axis=0)
    assert_array_equal(fused.to_masks()[0], counts / scores.sum() > 0.5)
    Instances.from_runs(fused.shape, *fused.runs)  # runs that touch are joined


def test_masks_that_fill_columns():
    """A run goes on in the next column; what is voted on is joined there too."""
    masks = np.ones((3, 5, 6), bool)
    masks[1, :, 4:] = False
    masks[2, :2, 0] = False
    sets = [Instances.from_masks([m]) for m in masks]
    candidates = candidates_of(sets, np.ones(3))
    fused = voted(candidates, find_clusters(candidates, 0.0), 0.5, absent=0.0)
    assert fused.to_rle() == ["1 30"]


def test_votes_are_whole_numbers_and_never_none():
    votes = whole_votes(np.array([0.0, 1e-30, 0.5, 1.0]))
    assert votes.tolist() == [1, 1, WHOLE_VOTE / 2, WHOLE_VOTE]


def test_sums_do_not_depend_on_the_order_of_models():
    """0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1 in floats."""
    masks = [[[1, 1, 0]], [[1, 1, 0]], [[0, 1, 1]], [[1, 1, 1]]]
    weights = np.array([0.1, 0.2, 0.3, 0.6])
    sets = [Instances.from_masks([m], source=str(k)) for k, m in enumerate(masks)]
    results = set()
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        candidates = candidates_of([sets[k] for k in order], weights[order])
        fused = voted(candidates, find_clusters(candidates, 0.0), 0.5, absent=0.0)
        results.add((*fused.to_rle(), *fused.scores.tolist()))
    assert len(results) == 1
