"""Boundary scores: equal the slow definitions, obey the laws, keep the conventions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import metrics as naive
from naive.masks import masks_of
from strategies import label_pairs, stack_pairs

from nucfuse.masks.instances import Instances
from nucfuse.metrics.boundary import score_boundaries
from nucfuse.metrics.names import BOUNDARY_SCORES
from nucfuse.metrics.request import ScoreRequest
from nucfuse.metrics.scoring import score_image

RULES = st.sampled_from([">", ">="])
PERCENTS = (30, 50, 75, 95)
DISTANCES = st.integers(1, 3)


def labels_or_masks():
    return label_pairs() | stack_pairs()


def named(found):
    return dict(zip(BOUNDARY_SCORES, found.numbers, strict=True))


def prepared(pair):
    """The pair as scored, and as lists of masks."""
    if pair[0].ndim == 3:
        return tuple(map(Instances.from_masks, pair)), pair, pair[0].shape[1:]
    return pair, tuple(map(masks_of, pair)), pair[0].shape


@given(labels_or_masks(), DISTANCES, RULES)
def test_boundary_iou_and_hits_match_naive(pair, distance, rule):
    sides, (true, pred), _ = prepared(pair)
    request = ScoreRequest(PERCENTS, rule, allow_overlap=True)
    found = score_boundaries(*sides, request=request, distance=distance)
    expected = [naive.boundary_hits(true, pred, p, rule, distance) for p in PERCENTS]
    assert found.tp.tolist() == expected
    ap = np.mean([naive.precision(tp, len(true), len(pred)) for tp in expected])
    assert named(found)["boundary_ap"] == pytest.approx(ap)
    image = score_image(*sides, request)
    hits = image.hit_pairs[: len(true)]
    pairs = zip(image.pairs.rows[hits[hits >= 0]], image.pairs.cols[hits[hits >= 0]], strict=True)
    ious = [float(naive.boundary_iou(true[t], pred[p], distance)) for t, p in pairs]
    mean = np.mean(ious) if ious else float(len(true) == len(pred) == 0)
    assert named(found)["boundary_iou"] == pytest.approx(mean)


@given(labels_or_masks(), st.sampled_from([0, 1, 1.5, 2, 3]))
def test_contour_scores_match_naive(pair, tolerance):
    sides, (true, pred), shape = prepared(pair)
    found = score_boundaries(*sides, tolerance=tolerance)
    names = ("boundary_precision", "boundary_recall", "boundary_f")
    expected = naive.contour_scores(true, pred, shape, tolerance)
    assert [named(found)[name] for name in names] == pytest.approx(expected)


@given(label_pairs())
def test_a_perfect_prediction_scores_one(pair):
    found = score_boundaries(pair[0], pair[0].copy(), tolerance=0)
    assert found.numbers.tolist() == [1.0] * len(BOUNDARY_SCORES)


@given(label_pairs())
def test_swapping_sides_swaps_precision_and_recall(pair):
    one = score_boundaries(*pair)
    two = score_boundaries(*pair[::-1])
    assert named(one)["boundary_precision"] == named(two)["boundary_recall"]
    for same in ("boundary_iou", "boundary_ap", "boundary_f"):
        assert named(one)[same] == pytest.approx(named(two)[same])


@given(label_pairs())
def test_boundary_hits_are_no_more_than_hits(pair):
    found = score_boundaries(*pair, distance=1)
    assert (found.tp <= score_image(*pair).tp).all()


@given(label_pairs())
def test_a_wide_boundary_is_the_whole_mask(pair):
    found = score_boundaries(*pair, distance=200)
    assert (found.tp == score_image(*pair).tp).all()


SQUARE = np.pad(np.ones((6, 6), int), 2)
NONE = np.zeros_like(SQUARE)


def test_the_image_edge_is_outside():
    full = np.ones((5, 5), int)
    hole = full.copy()
    hole[1:4, 1:4] = 0
    found = score_boundaries(full, hole, distance=1)
    assert named(found)["boundary_iou"] == 1.0  # 16 of 25 pixels hit at 0.5; the rims are the same


def test_distance_defaults_to_two_percent_of_the_diagonal():
    big = np.zeros((90, 120), int)  # diagonal 150, 3 pixels
    big[20:70, 30:80] = 1
    moved = np.roll(big, 1, axis=0)
    default = score_boundaries(big, moved)
    assert (default.numbers == score_boundaries(big, moved, distance=3).numbers).all()
    assert default.numbers[0] != score_boundaries(big, moved, distance=2).numbers[0]


def test_both_sides_empty_score_one():
    assert score_boundaries(NONE, NONE).numbers.tolist() == [1.0] * 5


@pytest.mark.parametrize("pair", [(SQUARE, NONE), (NONE, SQUARE)])
def test_one_side_empty_scores_zero(pair):
    assert score_boundaries(*pair).numbers.tolist() == [0.0] * 5


def test_masks_without_pixels_score_zero():
    nothing = Instances.from_masks(np.zeros((2, 10, 10), bool))
    assert score_boundaries(nothing, nothing).numbers.tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"distance": 0}, "at least 1"), ({"tolerance": -1}, "at least 0"),
     ({"tolerance": float("nan")}, "at least 0")],
)  # fmt: skip
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        score_boundaries(SQUARE, SQUARE, **kwargs)


def test_volumes_have_no_boundary_scores():
    with pytest.raises(ValueError, match="2-D for boundary scores"):
        score_boundaries(SQUARE[None], SQUARE[None])


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="shape"):
        score_boundaries(SQUARE, SQUARE[:-1])
