"""Who is whose: equals the slow definition and stardist, and keeps the conventions."""

import naive_metrics as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import label_pairs, stack_pairs

from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import overlaps
from nucfuse.metrics.matching import DSB_PERCENTS, as_percents, match, percent_array

RULES = st.sampled_from([">", ">="])
LEVELS = (0, 5, 20, 34, 49, 50, 51, 67, 80, 100)


@given(label_pairs(), RULES)
def test_hits_of_labels_match_naive(pair, rule):
    true, pred = map(naive.stack_of, pair)
    found = match(overlaps(*pair), LEVELS, rule)
    assert found.tp.tolist() == [naive.hits_and_iou(true, pred, p, rule)[0] for p in LEVELS]
    assert (found.fp == len(pred) - found.tp).all() and (found.fn == len(true) - found.tp).all()


@given(stack_pairs(), RULES)
def test_hits_of_overlapping_masks_match_naive(stacks, rule):
    true, pred = stacks
    found = match(overlaps(*map(Instances.from_masks, stacks)), LEVELS, rule)
    assert found.tp.tolist() == [naive.hits_and_iou(true, pred, p, rule)[0] for p in LEVELS]


@given(stack_pairs(), RULES)
def test_overlapping_hits_have_the_largest_total_iou(stacks, rule):
    true, pred = stacks
    found = match(overlaps(*map(Instances.from_masks, stacks)), rule=rule)
    hits, total = naive.hits_and_iou(true, pred, 50, rule)
    assert (found.true_match >= 0).sum() == (found.pred_match >= 0).sum() == hits
    assert found.true_iou.sum() == pytest.approx(float(total), abs=1e-8)


@given(label_pairs() | stack_pairs(), RULES)
def test_matches_agree_from_both_sides(pair, rule):
    if pair[0].ndim == 3:
        pair = tuple(map(Instances.from_masks, pair))
    found = match(overlaps(*pair), rule=rule)
    for t, p in enumerate(found.true_match):
        if p >= 0:
            assert found.pred_match[p] == t and found.pred_iou[p] == found.true_iou[t] >= 0.5
            assert found.true_best_iou[t] >= found.true_iou[t]
    assert len(set(found.true_match[found.true_match >= 0])) == (found.pred_match >= 0).sum()


@given(label_pairs())
def test_best_partners_match_naive(pair):
    true, pred = map(naive.stack_of, pair)
    found = match(overlaps(*pair))
    for own, other, best in ((true, pred, found.true_best), (pred, true, found.pred_best)):
        expected = [naive.best_partner(mask, other) for mask in own]
        assert best.tolist() == [-1 if b is None else b for b in expected]


def test_same_hits_as_stardist():
    """Its IoU are float32, which lie on either side of a threshold: it gets one just below."""
    from stardist.matching import matching

    percents = (10, 25, 40, 50, 55, 70, 90)
    rng = np.random.default_rng(0)
    for _ in range(1500):
        height, width, n_true, n_pred = rng.integers(1, 9, 4)
        true = rng.integers(0, n_true, (height, width))
        pred = rng.integers(0, n_pred, (height, width))
        if rng.random() < 0.7:
            pred = np.where(rng.random(pred.shape) < 0.8, true, pred)
        theirs = matching(true, pred, thresh=[p / 100 - 1e-6 for p in percents])
        ours = match(overlaps(true, pred), percents, ">=")
        assert ours.tp.tolist() == [m.tp for m in theirs]
        assert ours.fp.tolist() == [m.fp for m in theirs]
        assert ours.fn.tolist() == [m.fn for m in theirs]


def test_two_predictions_never_hit_one_truth():
    twice = Instances.from_masks(np.ones((2, 2, 2), bool))
    assert match(overlaps(np.ones((2, 2), int), twice)).tp.tolist() == [1] * 10


def test_more_hits_come_before_a_better_one():
    """The middle prediction fits the left truth best, but then the right one would get none."""
    true = Instances.from_masks(np.array([[[1, 1, 1, 1, 0, 0]], [[0, 0, 1, 1, 1, 1]]], bool))
    pred = Instances.from_masks(np.array([[[1, 1, 1, 1, 1, 0]], [[1, 1, 1, 0, 0, 0]]], bool))
    found = match(overlaps(true, pred), (50,), ">=")
    assert found.tp.tolist() == [2] and found.true_match.tolist() == [1, 0]


@pytest.mark.parametrize(("rule", "tp"), [(">", 0), (">=", 1)])
def test_iou_on_the_threshold(rule, tp):
    pair = overlaps(np.array([[1, 1, 1, 1, 1]]), np.array([[1, 1, 1, 0, 0]]))  # IoU 0.6
    assert match(pair, (60,), rule).tp.tolist() == [tp]


def test_masks_that_share_no_pixel_never_hit():
    pair = overlaps(np.array([[1, 0]]), np.array([[0, 1]]))
    assert match(pair, (0,), ">=").tp.tolist() == [0]


def test_thresholds_as_fractions():
    assert as_percents([0.75, 0.5, 1]) == (50, 75, 100)
    assert as_percents(np.arange(0.5, 1, 0.05)) == tuple(DSB_PERCENTS)


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ([50], "got 50"),
        ([0.555], "whole percents"),
        ([-0.1], "from 0 to 1"),
        ([float("nan")], "whole percents"),
        ([0.5, 0.5], "different"),
        ([], "one or more"),
    ],
)
def test_bad_fractions(thresholds, message):
    with pytest.raises(ValueError, match=message):
        as_percents(thresholds)


def test_percents_are_made_once():
    assert percent_array([50, 75]) is percent_array((50, 75))
