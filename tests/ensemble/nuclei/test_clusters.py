import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from naive import ensemble as naive
from strategies_ensemble import instances_of, raw_sets, weights_for

from nucfuse.ensemble.nuclei.candidates import candidates_of
from nucfuse.ensemble.nuclei.clusters import find_clusters
from nucfuse.masks.instances import Instances

SHARES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.6, 2 / 3, 1.0])


@given(st.data())
def test_matches_naive(data):
    sets = data.draw(raw_sets())
    weights = data.draw(weights_for(sets))
    iou = data.draw(SHARES)
    candidates = candidates_of([instances_of(s) for s in sets], np.array(weights))
    clusters = find_clusters(candidates, iou)
    found = [
        candidates.inputs[clusters.members[a:b]].tolist()
        for a, b in zip(clusters.offsets[:-1], clusters.offsets[1:], strict=True)
    ]
    expected = naive.clusters(naive.pooled(sets, weights)[0], iou)
    assert [sorted(c) for c in found] == [sorted(n.input for n in c) for c in expected]


@given(st.data())
def test_at_most_one_nucleus_of_each_model(data):
    sets = data.draw(raw_sets())
    candidates = candidates_of([instances_of(s) for s in sets], np.ones(len(sets)))
    clusters = find_clusters(candidates, data.draw(SHARES))
    assert sorted(clusters.members.tolist()) == list(range(len(candidates.masks)))
    for a, b in zip(clusters.offsets[:-1], clusters.offsets[1:], strict=True):
        models = candidates.models[clusters.members[a:b]].tolist()
        assert len(models) == len(set(models))
        assert (np.diff(candidates.ranks[clusters.members[a:b]]) > 0).all()


def row(*masks, **kwargs):
    return Instances.from_masks([[[c == "x" for c in mask]] for mask in masks], **kwargs)


def test_the_better_match_is_taken_first():
    """Both halves of a split nucleus match the whole; the larger has the higher IoU."""
    candidates = candidates_of([row("xxx.....", "...xxxxx"), row("xxxxxxxx")], np.ones(2))
    clusters = find_clusters(candidates, 0.3)
    sets = [set(c.tolist()) for c in np.split(clusters.members, clusters.offsets[1:-1])]
    assert sorted(map(sorted, sets)) == [[0], [1, 2]]


def test_of_equal_matches_that_of_the_stronger_nucleus_comes_first():
    halves = row("xxx...", "...xxx", scores=[0.5, 0.75])
    candidates = candidates_of([halves, row("xxxxxx")], np.ones(2))
    clusters = find_clusters(candidates, 0.3)
    assert [2, 1] in [c.tolist() for c in np.split(clusters.members, clusters.offsets[1:-1])]


def test_a_chain_ends_where_it_meets_a_model_again():
    candidates = candidates_of(
        [row("xxxx....", "...xxxx."), row(".xxxx..."), row("..xxxx..")], np.ones(3)
    )
    clusters = find_clusters(candidates, 0.2)
    assert sorted(clusters.votes.tolist()) == [1, 3]
