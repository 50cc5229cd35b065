import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import ensemble as naive
from numpy.testing import assert_allclose, assert_array_equal
from strategies_ensemble import instances_of, label_sets, raw_sets, weights_for

from nucfuse.ensemble.nuclei.methods import METHODS, fuse_instances
from nucfuse.ensemble.nuclei.provenance import Outcome
from nucfuse.masks.instances import Instances
from nucfuse.settings import describe

SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.6, 2 / 3])
SIGMAS = st.sampled_from([0.25, 0.5, 2.0])
MIN_SCORES = st.sampled_from([0.0, 0.05, 0.3])
DECAYS = st.sampled_from(["linear", "gaussian"])
VOTES = st.integers(2, 4)
PARAMETERS = {
    "weighted": st.fixed_dictionaries(
        {"iou": SHARES, "threshold": SHARES, "absent": st.sampled_from([0.0, 0.5, 1.0])}
    ),
    "consensus": st.fixed_dictionaries(
        {
            "iou": SHARES, "min_votes": st.integers(1, 4), "min_weight": SHARES,
            "outline": st.sampled_from(["majority", "medoid"]),
        }
    ),
    "revote": st.fixed_dictionaries({"iou": SHARES, "threshold": SHARES, "min_votes": VOTES}),
    "fallback": st.fixed_dictionaries({"overlap": SHARES}),
    # No tie: the posterior comes from logarithms, which the oracle adds in another order.
    "staple": st.fixed_dictionaries(
        {"iou": SHARES, "threshold": SHARES, "min_posterior": st.sampled_from([0.123, 0.456])}
    ),
    "mask_nms": st.fixed_dictionaries(
        {"iou": SHARES, "over": st.sampled_from(["union", "smaller"])}
    ),
    "box_nms": st.fixed_dictionaries({"iou": SHARES}),
    "soft_nms": st.fixed_dictionaries(
        {"iou": SHARES, "decay": DECAYS, "sigma": SIGMAS, "min_score": MIN_SCORES}
    ),
    "matrix_nms": st.fixed_dictionaries(
        {"decay": DECAYS, "sigma": SIGMAS, "min_score": MIN_SCORES}
    ),
    "union": st.just({}),
}  # fmt: skip
NAMES = sorted(METHODS)
WITH_PRIMARY = ("fallback", "revote")


def check_against_naive(sets, method, weights, disjoint, params):
    fusion = fuse_instances(
        [instances_of(s) for s in sets], method, weights, disjoint=disjoint, min_left=0.25, **params
    )
    results, fates = naive.fuse(sets, method, weights, disjoint, 0.25, **params)
    found = fusion.instances
    assert len(found) == len(results)
    for k, expected in enumerate(results):
        assert_array_equal(found[k].to_masks()[0], expected["mask"])
        score = expected["score"]
        assert_allclose(found.scores[k], np.float32(score), rtol=1e-5)
        assert found.classes is None or found.classes[k] == expected["cls"]
        assert found.source_names[found.sources[k]] == expected["source"]
        inputs = fusion.contributors[fusion.offsets[k] : fusion.offsets[k + 1]]
        assert sorted(inputs.tolist()) == sorted(expected["contributors"])
        assert fusion.votes[k] == expected["votes"]
        assert fusion.cut[k] == expected["cut"]
    assert list(zip(fusion.outcomes.tolist(), fusion.by.tolist(), strict=True)) == fates


@pytest.mark.parametrize("method", NAMES)
@given(data=st.data())
def test_matches_naive(method, data):
    sets = data.draw(raw_sets(scored=True if method == "revote" else None))
    weights = data.draw(weights_for(sets))
    params = data.draw(PARAMETERS[method])
    if method in WITH_PRIMARY:
        params["primary"] = data.draw(st.integers(0, len(sets) - 1))
    instances = [instances_of(s) for s in sets]
    agreed = all(i == instances[0] for i in instances) and instances[0].disjoint
    if agreed and METHODS[method].keeps_agreement:
        return  # nothing to decide: see test_sets_that_agree_are_believed
    check_against_naive(sets, method, weights, data.draw(st.booleans()), params)


# -------------------------------------------------------------------------------------------- laws


@pytest.mark.parametrize("method", [name for name in NAMES if name != "union"])
@given(instances=label_sets(), n=st.integers(1, 3))
def test_sets_that_agree_are_believed(method, instances, n):
    fusion = fuse_instances([instances] * n, method)
    assert fusion.instances == instances
    assert_array_equal(fusion.votes, np.full(len(instances), n))
    assert_array_equal(fusion.by, np.tile(np.arange(len(instances)), n))
    assert fusion.made_from(0) == [(m, 0) for m in range(n)] if len(instances) else True


@pytest.mark.parametrize("method", ["weighted", "consensus", "revote", "fallback", "mask_nms"])
@given(instances=label_sets(), n=st.integers(2, 3))
def test_a_set_fused_with_itself_and_nothing_is_itself(method, instances, n):
    """As above, but by way of the method: a set without nuclei makes them differ."""
    empty = Instances.empty(instances.shape)
    scores = np.where(np.isnan(instances.scores), 1, instances.scores)
    params = {"absent": 0.0} if method == "weighted" else {}
    fusion = fuse_instances([instances] * n + [empty], method, **params)
    expected = instances.with_scores(scores)
    assert fusion.instances.with_scores(scores) == expected
    if method in ("weighted", "consensus"):
        assert_allclose(fusion.instances.scores, scores * n / (n + 1), rtol=1e-6)
    else:
        assert_array_equal(fusion.instances.scores, instances.scores)


@pytest.mark.parametrize("method", [name for name in NAMES if name != "fallback"])
@given(data=st.data())
def test_order_of_models_changes_nothing(method, data):
    sets = data.draw(raw_sets(min_sets=2))
    order = data.draw(st.permutations(range(len(sets))))
    params = data.draw(PARAMETERS[method])
    there = dict(params)
    if method == "revote":
        params["primary"], there["primary"] = 0, order.index(0)
    here = fuse_instances([instances_of(s) for s in sets], method, **params)
    moved = fuse_instances([instances_of(sets[k]) for k in order], method, **there)
    assert moved.instances == here.instances
    assert_array_equal(moved.votes, here.votes)
    if len({s["name"] for s in sets}) < len(sets):
        return  # which of two nuclei that nothing tells apart was kept is no difference
    assert_array_equal(moved.counts, here.counts[list(order)])
    for r in range(len(here.instances)):
        assert sorted((order[m], p) for m, p in moved.made_from(r)) == sorted(here.made_from(r))


@pytest.mark.parametrize("method", NAMES)
@given(data=st.data())
def test_model_without_weight_changes_nothing(method, data):
    sets = data.draw(raw_sets(min_sets=2))
    weights = data.draw(weights_for(sets))
    params = data.draw(PARAMETERS[method])
    without = data.draw(st.integers(1, len(sets) - 1))
    weights[without] = 0
    full = fuse_instances([instances_of(s) for s in sets], method, weights, **params)
    del sets[without], weights[without]
    fewer = fuse_instances([instances_of(s) for s in sets], method, weights, **params)
    assert full.instances == fewer.instances
    assert_array_equal(full.votes, fewer.votes)
    n = full.input_sets[without + 1] - full.input_sets[without]
    assert full.counts[without].tolist() == [0, 0, 0, n]
    assert_array_equal(np.delete(full.counts, without, axis=0), fewer.counts)


@pytest.mark.parametrize("method", NAMES)
@given(data=st.data())
def test_only_ratios_of_weights_matter(method, data):
    sets = data.draw(raw_sets())
    weights = data.draw(weights_for(sets))
    instances = [instances_of(s) for s in sets]
    here = fuse_instances(instances, method, weights)
    there = fuse_instances(instances, method, [w * 8 for w in weights])
    assert here.instances == there.instances


@pytest.mark.parametrize("method", NAMES)
@given(data=st.data())
def test_results_are_disjoint_and_all_is_accounted_for(method, data):
    sets = data.draw(raw_sets())
    params = data.draw(PARAMETERS[method])
    instances = [instances_of(s) for s in sets]
    fusion = fuse_instances(instances, method, data.draw(weights_for(sets)), **params)
    result = fusion.instances
    assert result.disjoint
    assert (result.areas > 0).all()
    Instances.from_runs(result.shape, *result.runs)  # checks the runs
    n, n_inputs = len(result), sum(map(len, instances))
    assert fusion.outcomes.size == fusion.by.size == n_inputs
    assert fusion.counts.sum() == n_inputs
    assert fusion.votes.size == fusion.cut.size == fusion.offsets.size - 1 == n
    assert (np.diff(fusion.offsets) >= 1).all()
    assert ((fusion.votes >= 1) & (fusion.votes <= len(sets))).all()
    inside = fusion.outcomes <= Outcome.FUSED
    assert set(fusion.contributors.tolist()) == set(np.flatnonzero(inside).tolist())
    assert (fusion.by[fusion.outcomes == Outcome.DROPPED] == -1).all()
    suppressors = fusion.by[fusion.outcomes == Outcome.SUPPRESSED]
    assert ((suppressors >= 0) & (suppressors < n_inputs)).all()
    for i in np.flatnonzero(inside):
        made_from = fusion.contributors[
            fusion.offsets[fusion.by[i]] : fusion.offsets[fusion.by[i] + 1]
        ]
        assert i in made_from
        assert (fusion.outcomes[i] == Outcome.KEPT) == (made_from.size == 1)
    if method in ("weighted", "consensus", "revote", "staple"):  # one nucleus per model
        for r in range(n):
            models = [m for m, _ in fusion.made_from(r)]
            assert len(models) == len(set(models))


@pytest.mark.parametrize("method", NAMES)
@given(data=st.data())
def test_flipping_the_models_flips_the_result(method, data):
    sets = data.draw(raw_sets())
    # No ties: those between nuclei that only their outlines tell apart are broken by these.
    ranks = iter(data.draw(st.permutations(range(1, 1 + sum(len(s["masks"]) for s in sets)))))
    for one in sets:
        one["scores"] = [next(ranks) / 32 for _ in one["masks"]]
    flipped = [one | {"masks": one["masks"][:, ::-1, ::-1]} for one in sets]
    params = data.draw(PARAMETERS[method])
    here = fuse_instances([instances_of(s) for s in sets], method, disjoint=False, **params)
    there = fuse_instances([instances_of(s) for s in flipped], method, disjoint=False, **params)
    ours, theirs = here.instances.to_masks(), there.instances.to_masks()[:, ::-1, ::-1]
    if method == "union":  # pieces are numbered by position
        key = [m.tobytes() for m in ours]
        assert sorted(key) == sorted(np.ascontiguousarray(m).tobytes() for m in theirs)
        return
    assert_array_equal(theirs, ours)
    assert_array_equal(there.instances.scores, here.instances.scores)


@given(sets=raw_sets(), overlap=SHARES)
def test_fallback_never_changes_the_primary(sets, overlap):
    instances = [instances_of(s) for s in sets]
    labels = instances[0].to_labels("first")
    instances[0] = Instances.from_labels(labels, scores=None, classes=None)
    if any(s.classes is not None for s in instances[1:]):
        instances = [
            Instances.from_runs(s.shape, *s.runs, classes=np.zeros(len(s))) for s in instances
        ]
    fusion = fuse_instances(instances, "fallback", overlap=overlap)
    n = len(instances[0])
    assert_array_equal(fusion.instances[:n].to_masks(), instances[0].to_masks())
    assert not fusion.cut[:n].any()


@given(sets=raw_sets(min_sets=2))
def test_revote_keeps_every_nucleus_of_the_primary(sets):
    instances = [instances_of(s) for s in sets]
    fusion = fuse_instances(instances, "revote", disjoint=False, min_votes=2)
    primary = instances[0][instances[0].areas > 0]
    if fusion.counts.shape[0] > 1 and len(fusion.instances) == len(primary):
        assert_array_equal(fusion.instances.scores, primary.scores)
    assert len(fusion.instances) == len(primary)


@given(sets=raw_sets(), iou=SHARES)
def test_weighted_vote_lies_between_all_and_none(sets, iou):
    """More is needed, less is left; and nothing comes from outside the members."""
    instances = [instances_of(s) for s in sets]
    low = fuse_instances(instances, iou=iou, threshold=0.2, absent=0.0, disjoint=False)
    high = fuse_instances(instances, iou=iou, threshold=0.8, absent=0.0, disjoint=False)
    pixels = np.any([s["masks"].any(axis=0) for s in sets], axis=0)
    assert not (low.instances.to_masks() & ~pixels).any()
    covered = low.instances.to_masks().any(axis=0)
    assert not (high.instances.to_masks().any(axis=0) & ~covered).any()


# ------------------------------------------------------------------------------------------- edges


def row(*masks, scores=None, source="", classes=None):
    """Masks of one row of pixels, written as text."""
    stack = [[[c == "x" for c in mask]] for mask in masks]
    return Instances.from_masks(stack, scores=scores, source=source, classes=classes)


def shown(result):
    return ["".join(".x"[int(p)] for p in mask[0]) for mask in result.to_masks()]


def test_fused_score_says_how_many_models_agree():
    a, b, c = row("xx.", source="a"), row("xx.", source="b"), row("..x", source="c")
    fusion = fuse_instances([a, b, c], "weighted")
    assert shown(fusion.instances) == ["xx."]
    assert_allclose(fusion.instances.scores, [2 / 3], rtol=1e-6)
    assert fusion.votes.tolist() == [2]
    assert fusion.instances.source_names[fusion.instances.sources[0]] == "a+b"
    assert fusion.counts.tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    assert fusion.made_from(0) == [(0, 0), (1, 0)]


def test_a_pixel_with_half_of_the_votes_is_out():
    sets = [row("xxx."), row(".xxx")]
    assert shown(fuse_instances(sets, iou=0.4).instances) == [".xx."]
    assert shown(fuse_instances(sets, iou=0.4, threshold=0.49).instances) == ["xxxx"]


def test_iou_must_exceed_the_threshold():
    sets = [row("xxx."), row(".xxx")]  # IoU 1/2
    assert fuse_instances(sets, "mask_nms", iou=0.5, disjoint=False).outcomes.tolist() == [0, 0]
    assert fuse_instances(sets, "mask_nms", iou=0.49).outcomes.tolist() == [0, 2]
    assert fuse_instances(sets, "consensus", iou=0.5).instances.areas.tolist() == []
    assert fuse_instances(sets, "consensus", iou=0.49).votes.tolist() == [2]


def test_heavier_model_wins_the_vote():
    sets = [row("xxx."), row(".xxx")]
    fusion = fuse_instances(sets, iou=0.4, weights=[1, 3])
    assert shown(fusion.instances) == [".xxx"]


def test_consensus_asks_all_models_if_there_are_fewer_than_votes_wanted():
    sets = [row("xx."), row("xx.", "..x")]
    assert shown(fuse_instances(sets, "consensus", min_votes=5).instances) == ["xx."]


def test_medoid_is_a_member():
    sets = [row("xxxx.."), row("xxxxx."), row("xxxxxx")]
    fusion = fuse_instances(sets, "consensus", outline="medoid")
    assert shown(fusion.instances) == ["xxxxx."]


def test_revote_takes_the_outline_of_the_majority_where_three_agree():
    sets = [row("xxxx...", "......x"), row(".xxxx..", "......x"), row(".xxx...")]
    fusion = fuse_instances(sets, "revote", iou=0.3)
    assert shown(fusion.instances) == [".xxx...", "......x"]
    assert fusion.outcomes.tolist() == [
        Outcome.FUSED,
        Outcome.KEPT,
        Outcome.FUSED,
        Outcome.SUPPRESSED,
        Outcome.FUSED,
    ]
    assert fusion.by.tolist() == [0, 1, 0, 1, 0]
    assert fusion.votes.tolist() == [3, 2]


def test_fallback_fills_in_order_and_cuts_what_it_adds():
    sets = [row("xxx......"), row("..xxxx..."), row("...xxxx..", ".......xx")]
    fusion = fuse_instances(sets, "fallback", overlap=0.34)
    assert shown(fusion.instances) == ["xxx......", "...xxx...", ".......xx"]
    assert fusion.cut.tolist() == [False, True, False]
    assert fusion.by.tolist() == [0, 1, 1, 2]
    last_first = fuse_instances(sets, "fallback", overlap=0.34, primary=2)
    assert shown(last_first.instances)[0] == "...xxxx.."


def test_what_is_mostly_covered_is_dropped():
    sets = [row("xxxx.", scores=[0.9]), row(".xxxx", scores=[0.8])]
    parameters = {"method": "mask_nms", "iou": 0.9}
    assert shown(fuse_instances(sets, **parameters).instances) == ["xxxx."]
    assert fuse_instances(sets, **parameters).outcomes.tolist() == [Outcome.KEPT, Outcome.DROPPED]
    assert shown(fuse_instances(sets, **parameters, min_left=0.25).instances) == ["xxxx.", "....x"]
    both = fuse_instances(sets, **parameters, disjoint=False)
    assert shown(both.instances) == ["xxxx.", ".xxxx"]


def test_classes_are_fused_apart():
    sets = [row("xx.", classes=[1]), row("xx.", classes=[2])]
    fusion = fuse_instances(sets, "weighted", absent=0.0, disjoint=False)
    assert fusion.instances.classes.tolist() == [1, 2]
    for method in ("mask_nms", "box_nms", "soft_nms", "union"):
        assert len(fuse_instances(sets, method, disjoint=False).instances) == 2


def test_union_joins_what_touches():
    fusion = fuse_instances([row("xx...", "..x.."), row("....x")], "union")
    assert shown(fusion.instances) == ["xxx..", "....x"]
    assert fusion.outcomes.tolist() == [Outcome.FUSED, Outcome.FUSED, Outcome.KEPT]


def test_staple_trusts_the_models_that_agree():
    """Two agree on nine nuclei; the third sees nine others."""
    good = np.zeros((9, 9, 9), bool)
    bad = np.zeros((9, 9, 9), bool)
    for k in range(9):
        good[k, k, :4] = True
        bad[k, k, 5:] = True
    sets = [Instances.from_masks(m) for m in (good, good, bad)]
    fusion = fuse_instances(sets, "staple")
    assert_array_equal(fusion.instances.to_masks(), good)
    assert (fusion.instances.scores > 0.9).all()


@pytest.mark.parametrize("method", NAMES)
def test_nothing_in_nothing_out(method):
    empty = Instances.empty((4, 5))
    assert len(fuse_instances([empty, empty], method).instances) == 0
    one_empty = fuse_instances([Instances.empty((1, 3)), row("xx.")], method)
    assert one_empty.outcomes.size == 1
    without_pixels = row("...", "xx.")
    fusion = fuse_instances([without_pixels, row("xx.")], method)
    assert fusion.outcomes[0] == Outcome.DROPPED
    assert shown(fusion.instances) == ["xx."]


def test_a_set_without_nuclei_needs_no_classes():
    sets = [row("xx.", classes=[3]), Instances.empty((1, 3))]
    assert fuse_instances(sets, absent=0.0).instances.classes.tolist() == [3]


def test_inputs_are_left_alone():
    sets = [row("xxx.", ".xxx", scores=[0.5, 0.25]), row("xx..", scores=[0.5])]
    before = [s.to_rle() for s in sets], [s.scores.copy() for s in sets]
    for method in NAMES:
        fuse_instances(sets, method, [1, 2])
    assert [s.to_rle() for s in sets] == before[0]
    for one, scores in zip(sets, before[1], strict=True):
        assert_array_equal(one.scores, scores)


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sets": []}, "at least one set"),
        ({"sets": [row("x"), row("xx")]}, r"set 0 has shape \(1, 1\) and set 1 \(1, 2\)"),
        ({"sets": [row("x", scores=[1.5])]}, r"scores must lie in \[0, 1\]"),
        ({"sets": [row("x", scores=[math.inf])]}, r"scores must lie in \[0, 1\]"),
        ({"sets": [row("x"), row("x", classes=[1])]}, "classes or none"),
        ({"weights": [1]}, "each of 2"),
        ({"weights": [1, -1]}, "finite"),
        ({"weights": [1, math.nan]}, "finite"),
        ({"weights": [0, 0]}, "all 0"),
        ({"method": "magic"}, "unknown method 'magic'; there are: weighted, consensus"),
        ({"iou": 1.5}, r"iou must be a number in \[0, 1\], got 1.5"),
        ({"iou": math.nan}, "iou must be"),
        (
            {"min_votes": 2},
            "has no setting 'min_votes'; there are: min_left, iou, threshold, absent",
        ),
        ({"method": "consensus", "min_votes": 2.5}, "a whole number"),
        ({"method": "consensus", "outline": "round"}, "one of majority, medoid"),
        ({"method": "union", "iou": 0.5}, "there are: min_left"),
        ({"method": "fallback", "primary": 2}, "primary must be"),
        ({"method": "revote", "primary": 0, "weights": [0, 1]}, "primary must be"),
        ({"min_left": -1}, "min_left must be"),
    ],
)
def test_bad_input(arguments, words):
    given = {"sets": [row("x"), row(".")], **arguments}
    with pytest.raises(ValueError, match=words):
        fuse_instances(**given)


def test_sets_must_be_instances():
    with pytest.raises(TypeError, match="set 1 must be Instances, got ndarray"):
        fuse_instances([row("x"), np.ones((1, 1))])


# ------------------------------------------------------------------------------------------- table


@pytest.mark.parametrize("method", NAMES)
def test_every_setting_has_a_range_and_is_explained(method):
    assert METHODS[method].summary
    for setting in describe(METHODS[method].settings):
        assert setting.what
        assert setting.range
