from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import agreement as naive
from numpy.testing import assert_allclose, assert_array_equal
from strategies import mask_stacks, shapes

from nucfuse.ensemble.agreement import agreement_map, equivocal, nucleus_agreement
from nucfuse.masks.instances import Instances

LIMITS = st.sampled_from([0.0, 0.3, 0.5, 0.75])


@st.composite
def scenes(draw):
    """(result, stacks of one to three models, weights): one shape; masks may overlap."""
    shape = draw(shapes(7))
    stacks = [draw(mask_stacks(shape, max_size=4)) for _ in range(draw(st.integers(2, 4)))]
    # A model that saw the very same, so that there are matches.
    result = draw(st.sampled_from([stacks[0], stacks[1], stacks[1][::-1]]))
    n = len(stacks) - 1
    weights = draw(st.lists(st.sampled_from([0, 0.25, 1, 3]), min_size=n, max_size=n))
    return result, stacks[1:], [weights[0] or 1, *weights[1:]]


def instances(stacks):
    return [Instances.from_masks(stack) for stack in stacks]


def labels(*rows):
    return Instances.from_labels(np.array(rows))


# -------------------------------------------------------------------------------------- the map


@given(scenes())
def test_map_is_the_naive_one(scene):
    _, stacks, weights = scene
    found = agreement_map(instances(stacks), weights)
    assert found.dtype == np.float32
    assert_allclose(found, naive.agreement_map(stacks, weights), rtol=1e-6)


@given(scenes())
def test_map_does_not_depend_on_the_order_of_models(scene):
    _, stacks, weights = scene
    sets = instances(stacks)
    assert_array_equal(agreement_map(sets, weights), agreement_map(sets[::-1], weights[::-1]))


@given(scenes())
def test_map_of_one_model_is_its_foreground(scene):
    stack = scene[1][0]
    assert_array_equal(agreement_map(instances([stack])), stack.any(axis=0))


def test_map_by_hand():
    a, b, c = labels([1, 1, 0, 2], [0, 1, 0, 2]), labels([0, 3, 3, 0], [0, 0, 0, 0]), labels(
        [0, 0, 0, 0], [0, 0, 0, 1]
    )  # fmt: skip
    assert_array_equal(agreement_map([a, b, c], [2, 1, 1]),
                       [[0.5, 0.75, 0.25, 0.5], [0, 0.5, 0, 0.75]])  # fmt: skip


# ---------------------------------------------------------------------------------- per nucleus


@given(scenes(), LIMITS)
def test_nuclei_are_judged_as_by_hand(scene, limit):
    result, stacks, weights = scene
    fused = Instances.from_masks(result)
    found = nucleus_agreement(fused, instances(stacks), weights, limit)
    for r, nucleus in enumerate(result):
        for m, stack in enumerate(stacks):
            assert found.ious[r, m] == np.float32(naive.matched_iou(nucleus, stack, limit))
            assert found.splits[r, m] == naive.is_split(nucleus, result, stack, limit)
            assert found.merges[r, m] == naive.is_merged(nucleus, result, stack, limit)
        expected = naive.confidence(nucleus, stacks, weights, limit)
        assert_allclose(found.confidence[r], expected, rtol=1e-6)
        with_weight = [s for s, w in zip(stacks, weights, strict=True) if w > 0]
        assert found.n_models == len(with_weight)
        matches = [naive.matched_iou(nucleus, s, limit) > 0 for s in with_weight]
        assert found.votes[r] == sum(matches)


@given(scenes())
def test_order_of_models_does_not_change_confidence(scene):
    result, stacks, weights = scene
    fused, sets = Instances.from_masks(result), instances(stacks)
    there = nucleus_agreement(fused, sets, weights)
    back = nucleus_agreement(fused, sets[::-1], weights[::-1])
    assert_array_equal(there.confidence, back.confidence)
    assert_array_equal(there.ious, back.ious[:, ::-1])


@given(scenes())
def test_models_that_all_say_the_same_are_sure(scene):
    fused = Instances.from_masks(scene[0])
    found = nucleus_agreement(fused, [fused, fused])
    assert_array_equal(found.confidence, fused.areas > 0)
    assert not found.splits.any()
    assert not found.merges.any()
    assert equivocal("a", fused[fused.areas > 0], nucleus_agreement(
        fused[fused.areas > 0], [fused]), ["m"]) == []  # fmt: skip


def test_a_model_without_weight_has_no_say():
    fused = labels([1, 1, 1, 1, 0])
    same, other = fused, labels([1, 1, 2, 2, 0])
    found = nucleus_agreement(fused, [same, other], [1, 0])
    assert found.confidence == [1]
    assert (found.votes[0], found.n_models) == (1, 1)
    assert found.splits[0, 1]
    assert equivocal("a", fused, found, ["same", "other"]) == []


# -------------------------------------------------------------------------------- equivocal nuclei


def test_a_table_by_hand():
    fused = labels(
        [1, 1, 1, 1, 0, 2, 2, 3, 3, 0, 4, 4],
        [1, 1, 1, 1, 0, 2, 2, 3, 3, 0, 4, 4],
    )  # fmt: skip
    cuts = labels(
        [1, 1, 5, 5, 0, 2, 2, 3, 3, 0, 4, 4],
        [1, 1, 5, 5, 0, 2, 2, 3, 3, 0, 4, 4],
    )
    joins = labels(
        [1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 0, 0],
        [1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 0, 0],
    )
    found = nucleus_agreement(fused, [fused, cuts, joins])
    assert_array_equal(found.votes, [2, 2, 2, 2])
    rows = equivocal("img", fused, found, ["whole", "cuts", "joins"])
    assert [(row.nucleus, row.reason) for row in rows] == [
        (1, "split by cuts"), (2, "merged by joins"), (3, "merged by joins")
    ]  # fmt: skip
    assert rows[0] == ("img", 1, 0.5, 1.5, 8, 2, 3, pytest.approx(2 / 3), "split by cuts")
    rows = equivocal("img", fused, found, ["whole", "cuts", "joins"], bounds=(0, 0.7))
    assert [row.reason for row in rows] == [
        "low confidence; split by cuts", "low confidence; merged by joins",
        "low confidence; merged by joins", "low confidence",
    ]  # fmt: skip
    assert rows[0]._fields == ("image_id", "nucleus", "y", "x", "area", "votes", "n_models",
                               "confidence", "reason")  # fmt: skip


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [((0, 0.5), []), ((0, 0.51), [1]), ((0.5, 1), [1]), ((0.51, 1), []), ((0.5, 0.5), [])],
)
def test_the_lower_bound_belongs_to_it_and_the_upper_does_not(bounds, expected):
    fused = labels([1, 1, 0])
    found = nucleus_agreement(fused, [fused, Instances.empty((1, 3))])
    assert [row.nucleus for row in equivocal("a", fused, found, "ab", bounds)] == expected


def test_a_piece_that_matches_is_no_cut():
    """As in the error anatomy: a nucleus with a hit is a hit, whatever else lies in it."""
    fused = labels([1, 1, 1, 1, 1])
    found = nucleus_agreement(fused, [labels([1, 1, 1, 1, 2])])
    assert_allclose(found.ious, [[0.8]])
    assert not found.splits.any()


def test_no_nuclei():
    nothing = Instances.empty((3, 4))
    found = nucleus_agreement(nothing, [nothing, labels(*[[1] * 4] * 3)])
    assert found.confidence.shape == (0,)
    assert equivocal("a", nothing, found, ["x", "y"]) == []
    assert not agreement_map([nothing]).any()


# ------------------------------------------------------------------------------------------ errors

ONE = labels([1, 0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: agreement_map([]), "there are no models to compare"),
        (lambda: nucleus_agreement(ONE, []), "there are no models to compare"),
        (lambda: agreement_map([ONE, labels([1], [0])]), "set 0 has shape .* set 1"),
        (lambda: nucleus_agreement(ONE, [ONE, labels([1])]), "set 0 has shape .* set 1"),
        (lambda: nucleus_agreement(labels([1, 1, 1]), [ONE]), r"result has shape \(1, 3\)"),
        (lambda: agreement_map([ONE], [1, 2]), "weights must"),
        (lambda: agreement_map([ONE], [-1]), "weights"),
        (lambda: agreement_map([ONE], [np.nan]), "weights"),
        (lambda: agreement_map([ONE], [0]), "weights"),
        (lambda: nucleus_agreement(ONE, [ONE], iou=1), r"iou must be in \[0, 1\), got 1"),
        (lambda: nucleus_agreement(ONE, [ONE], iou=np.nan), r"iou must be in \[0, 1\), got nan"),
        (lambda: equivocal("a", ONE, nucleus_agreement(ONE, [ONE]), "xy"), "1 nuclei and 2 names"),
        (lambda: equivocal("a", ONE[:0], nucleus_agreement(ONE, [ONE]), "x"), "there are 0 nuclei"),
        (lambda: equivocal("a", ONE, nucleus_agreement(ONE, [ONE]), "x", (1, 0)), "low <= high"),
    ],
)
def test_what_does_not_fit_is_said(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_inputs_are_left_alone():
    before = replace(ONE, starts=ONE.starts.copy())
    nucleus_agreement(ONE, [ONE])
    agreement_map([ONE])
    assert before == ONE
