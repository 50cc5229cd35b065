import math

import ensemble_boxes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import ensemble as naive
from numpy.testing import assert_allclose, assert_array_equal
from strategies_ensemble import box_sets

from nucfuse.ensemble.boxes.boxes import fuse_boxes, nms_boxes

SHARES = st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 0.6, 1.0])
SCORES = ["mean", "max", "models", "absent"]


def joined(sets):
    boxes, scores, classes, _ = sets
    return (
        np.array([b for part in boxes for b in part], float).reshape(-1, 4),
        np.array([s for part in scores for s in part]),
        np.array([c for part in classes for c in part], int),
    )


def share_of(boxes, classes):
    return lambda i, j: (
        naive.box_iou(boxes[i], boxes[j]) if classes[i] == classes[j] and i != j else 0.0
    )


@given(box_sets(), SHARES)
def test_nms_matches_naive(sets, iou):
    boxes, scores, classes = joined(sets)
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    share = share_of(boxes, classes)
    kept = []
    for i in order:
        if not any(share(k, i) > iou for k in kept):
            kept.append(i)
    assert nms_boxes(boxes, scores, classes, iou).tolist() == kept


@given(box_sets(), SHARES, st.sampled_from([0.0, 0.3]), st.sampled_from(SCORES))
def test_fusion_matches_naive(sets, iou, min_score, score):
    result = fuse_boxes(*sets, iou=iou, min_score=min_score, score=score)
    expected = naive.fuse_boxes(*sets, iou, min_score, score)
    assert_allclose(result.scores, [r[1] for r in expected], rtol=1e-9)
    assert (np.diff(result.scores) <= 0).all()
    members = {tuple(r[4]): r for r in expected}  # equal scores may come in any order
    assert len(members) == len(result.boxes)
    for k in range(len(result.boxes)):
        box, value, cls, models, _ = members[tuple(np.flatnonzero(result.by == k).tolist())]
        assert_allclose(result.boxes[k], box, rtol=1e-9, atol=1e-9)
        assert_allclose(result.scores[k], value, rtol=1e-9)
        assert (result.classes[k], result.votes[k]) == (cls, models)


# As given by ensemble-boxes 1.0.9 for the same boxes (x1, y1, x2, y2 there), iou_thr=0.5:
# weighted_boxes_fusion(boxes, scores, labels, weights=[2, 1], conf_type=...).
BOXES = [[[0.1, 0.1, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]], [[0.1, 0.2, 0.5, 0.5], [0.0, 0.6, 0.2, 0.9]]]
SCORES_GIVEN = [[0.9, 0.5], [0.8, 0.4]]
CLASSES = [[0, 0], [0, 1]]
PUBLISHED = {
    "mean": (
        [[0.1, 0.1307692, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9], [0.0, 0.6, 0.2, 0.9]],
        [0.8666666, 0.3333333, 0.1333333],
        [0, 0, 1],
    ),
    "max": (
        [[0.1, 0.1307692, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9], [0.0, 0.6, 0.2, 0.9]],
        [0.9, 0.5, 0.2],
        [0, 0, 1],
    ),
    "models": (
        [[0.1, 0.1307692, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9], [0.0, 0.6, 0.2, 0.9]],
        [0.8666666, 0.3333333, 0.1333333],
        [0, 0, 1],
    ),
    "absent": (
        [[0.1, 0.1307692, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9], [0.0, 0.6, 0.2, 0.9]],
        [0.8666666, 0.3333333, 0.1333333],
        [0, 0, 1],
    ),
}


@pytest.mark.parametrize("score", SCORES)
def test_fusion_matches_ensemble_boxes(score):
    result = fuse_boxes(BOXES, SCORES_GIVEN, CLASSES, [2, 1], iou=0.5, score=score)
    boxes, scores, classes = PUBLISHED[score]
    assert_allclose(result.boxes, boxes, atol=1e-6)
    assert_allclose(result.scores, scores, atol=1e-6)
    assert result.classes.tolist() == classes


ACROSS = (np.linspace(0, 0.98, 12) + 0.02 * np.sin(np.arange(12) ** 2) ** 2).tolist()
DOWN = (np.linspace(0, 0.98, 12) + 0.02 * np.cos(np.arange(12) ** 2) ** 2).tolist()


@st.composite
def boxes_in_the_unit_square(draw, max_sets=3):
    """Boxes with an area, scores, classes and weights as ensemble-boxes takes them, without ties.

    Scores are odd and weights powers of two: no two boxes have the same score x weight. Corners are
    on uneven grids, or a box would lie between two others with the same IoU, and rounding would
    choose.
    """
    odd = iter(draw(st.permutations(range(1, 64, 2))))
    sets = []
    for _ in range(draw(st.integers(1, max_sets))):
        corners = st.tuples(*[st.integers(0, 5)] * 2, *[st.integers(1, 6)] * 2)
        found = draw(st.lists(corners, max_size=6))
        boxes = [[ACROSS[x], DOWN[y], ACROSS[x + w], DOWN[y + h]] for x, y, w, h in found]
        classes = draw(st.lists(st.integers(0, 1), min_size=len(boxes), max_size=len(boxes)))
        weight = draw(st.sampled_from([0.5, 1.0, 2.0]))
        sets.append((boxes, [next(odd) / 64 for _ in boxes], classes, weight))
    return tuple(map(list, zip(*sets, strict=True)))


LIMITS = st.sampled_from([0.2371, 0.4143, 0.5507])
CONF_TYPES = {
    "mean": "avg", "max": "max", "models": "box_and_model_avg", "absent": "absent_model_aware_avg",
}  # fmt: skip


@pytest.mark.parametrize("score", SCORES)
@given(sets=boxes_in_the_unit_square(), iou=LIMITS)
def test_fusion_matches_the_installed_ensemble_boxes(score, sets, iou):
    result = fuse_boxes(*sets, iou=iou, score=score)
    theirs = ensemble_boxes.weighted_boxes_fusion(
        *sets[:3], weights=sets[3], iou_thr=iou, conf_type=CONF_TYPES[score]
    )
    expected = np.column_stack(theirs)
    found = np.column_stack([result.boxes, result.scores, result.classes])
    assert len(found) == len(expected)
    for row in found:  # equal scores may come in any order
        away = np.abs(expected - row).max(axis=1)
        assert away.min() < 1e-5  # they add up in float32
        expected = np.delete(expected, away.argmin(), axis=0)


@given(sets=boxes_in_the_unit_square(), iou=LIMITS)
def test_nms_matches_the_installed_ensemble_boxes(sets, iou):
    boxes, scores, classes = joined(sets)
    if not len(boxes):
        return
    theirs = ensemble_boxes.nms([boxes], [scores], [classes], iou_thr=iou)
    kept = nms_boxes(boxes, scores, classes, iou)
    assert sorted(map(tuple, boxes[kept].tolist())) == sorted(map(tuple, theirs[0].tolist()))
    assert_array_equal(np.sort(scores[kept]), np.sort(theirs[1]))


def test_nms_keeps_to_the_rule_that_torchvision_documents():
    """ "Removes lower scoring boxes which have an IoU greater than iou_threshold with another
    (higher scoring) box"; returns the indices kept, "sorted in decreasing order of scores"."""
    boxes = [[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 30, 30], [0, 0, 10, 9], [0, 1, 10, 10]]
    scores = [0.5, 0.9, 0.7, 0.6, 0.4]
    # IoU with the box of 0.9: 0.5 and 5 / 9, and 0.4; the box of 0.5 has 0.9 with that of 0.4.
    assert nms_boxes(boxes, scores, iou=0.5).tolist() == [1, 2, 0]
    assert nms_boxes(boxes, scores, iou=0.49).tolist() == [1, 2, 4]
    assert nms_boxes(boxes, scores, iou=0.95).tolist() == [1, 2, 3, 0, 4]


# -------------------------------------------------------------------------------------------- laws


@given(box_sets(), SHARES)
def test_suppression_twice_is_once(sets, iou):
    boxes, scores, classes = joined(sets)
    kept = nms_boxes(boxes, scores, classes, iou)
    again = nms_boxes(boxes[kept], scores[kept], classes[kept], iou)
    assert_array_equal(again, np.arange(kept.size))


@given(box_sets(), SHARES, st.data())
def test_many_images_in_one_call_are_as_many_calls(sets, iou, data):
    boxes, scores, classes = joined(sets)
    numbers = st.lists(st.sampled_from([-3, 0, 7]), min_size=len(boxes), max_size=len(boxes))
    images = np.array(data.draw(numbers), int)
    expected = []
    for image in (-3, 0, 7):
        here = np.flatnonzero(images == image)
        expected += here[nms_boxes(boxes[here], scores[here], classes[here], iou)].tolist()
    assert nms_boxes(boxes, scores, classes, iou, images).tolist() == expected


@given(box_sets(), st.sampled_from(SCORES))
def test_model_without_weight_changes_nothing(sets, score):
    boxes, scores, classes, weights = sets
    here = fuse_boxes(*sets, score=score)
    there = fuse_boxes(
        [*boxes, [[0, 0, 5, 5]]], [*scores, [0.5]], [*classes, [0]], [*weights, 0.0], score=score
    )
    assert_array_equal(here.boxes, there.boxes)
    assert_array_equal(here.scores, there.scores)
    assert there.by.tolist() == [*here.by.tolist(), -1]


@given(box_sets(), st.sampled_from([2.0**-10, 1.0, 2.0**20]), st.sampled_from([0.0, -50.0, 1e3]))
def test_unit_and_origin_do_not_matter(sets, scale, origin):
    boxes, scores, classes = joined(sets)
    moved = boxes * scale + origin
    by_share = nms_boxes(boxes, scores, classes, 0.45), nms_boxes(moved, scores, classes, 0.45)
    assert_array_equal(*by_share)


@given(box_sets())
def test_x_first_or_y_first_does_not_matter(sets):
    boxes, scores, classes, weights = sets
    swapped = [[[b[1], b[0], b[3], b[2]] for b in part] for part in boxes]
    here, there = fuse_boxes(*sets), fuse_boxes(swapped, scores, classes, weights)
    assert_allclose(here.boxes[:, [1, 0, 3, 2]], there.boxes)
    assert_array_equal(here.by, there.by)


# ------------------------------------------------------------------------------------------- edges


def test_many_boxes_in_one_place_and_far_away():
    """The cells of the grid are of no account."""
    boxes = [[0, 0, 10, 10]] * 50 + [[1e6, 1e6, 1e6 + 10, 1e6 + 10]] * 50
    assert nms_boxes(boxes).tolist() == [0, 50]
    result = fuse_boxes([boxes[:50], boxes[50:]], iou=0.5)
    assert_allclose(result.boxes, [boxes[0], boxes[50]])
    assert result.by.tolist() == [0] * 50 + [1] * 50


def test_a_fused_box_may_move_into_other_cells():
    """Each box pulls the fused one a little; it must be found where it is by then."""
    steps = [[0.0, float(k), 10.0, 10.0 + k] for k in range(4)] + [[0.0, 200.0, 10.0, 210.0]]
    result = fuse_boxes([steps], [[0.5, 0.6, 0.7, 0.8, 0.1]], iou=0.5)
    assert result.by.tolist() == [0, 0, 0, 0, 1]


def test_boxes_without_area_match_nothing():
    assert nms_boxes([[1, 1, 1, 5], [1, 1, 1, 5], [0, 0, 9, 9]]).tolist() == [0, 1, 2]


def test_scores_of_zero_are_no_division_by_zero():
    result = fuse_boxes([[[0, 0, 4, 4]], [[0, 0, 4, 4]]], [[0.0], [0.0]])
    assert_array_equal(result.boxes, [[0, 0, 4, 4]])
    assert result.scores.tolist() == [0]


def test_small_and_large_boxes_share_a_grid():
    """More boxes than a property draws, of sizes from 1 to 100, against comparing all of them."""
    rng = np.random.default_rng(3)
    corners, sizes = rng.integers(0, 200, (300, 2)), 100 ** rng.random((300, 2))
    boxes = np.hstack([corners, corners + sizes])
    scores = rng.integers(0, 50, 300) / 50
    for iou in (0.2, 0.5):
        kept = []
        for i in sorted(range(300), key=lambda i: (-scores[i], i)):
            if not any(naive.box_iou(boxes[k], boxes[i]) > iou for k in kept):
                kept.append(i)
        assert nms_boxes(boxes, scores, iou=iou).tolist() == kept


def test_no_boxes():
    assert nms_boxes([], images=[]).size == 0
    assert nms_boxes([]).size == 0
    assert fuse_boxes([[], []]).boxes.shape == (0, 4)


def test_no_score_counts_as_one():
    boxes = [[0, 0, 4, 4], [0, 0, 4, 4]]
    assert nms_boxes(boxes, [0.9, math.nan]).tolist() == [1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"boxes": []}, "at least one model"),
        ({"boxes": [[[0, 0, 1]]]}, r"boxes of model 0 must have shape \(N, 4\), got \(1, 3\)"),
        ({"boxes": [[[0, 2, 1, 1]]]}, "the lower one first; box 0"),
        ({"boxes": [[[0, 0, math.nan, 1]]]}, "finite"),
        ({"scores": [[0.5, 0.5]]}, "1 boxes need as many scores"),
        ({"scores": [[0.5], [0.5]]}, "scores must be given for each of the 1 models, got 2"),
        ({"scores": [[-0.5]]}, "not negative"),
        ({"classes": [[1, 2]]}, "as many classes"),
        ({"weights": [1, 2]}, "each of 1"),
        ({"weights": [-1]}, "weights"),
        ({"iou": 2}, "iou must be"),
        ({"min_score": -1}, "min_score must be"),
        ({"score": "best"}, "score must be one of mean"),
    ],
)
def test_bad_input(given, words):
    with pytest.raises(ValueError, match=words):
        fuse_boxes(**{"boxes": [[[0, 0, 1, 1]]], **given})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"boxes": [[0, 0, 1, 1], [0, 2, 1, 1]]}, "the lower one first; box 1"),
        ({"boxes": [[0, 0, 1, 1], [0, math.inf, 1, math.inf]]}, "finite"),
        ({"boxes": [[0, 2, 1, 1], [0, 0, 1, 1]], "images": [1, 0]}, "box 0 is .0.0, 2.0"),
        ({"images": [0]}, "2 boxes need as many images"),
        ({"images": [0.5, 1]}, "images must be whole numbers"),
        ({"iou": -1}, "iou must be"),
    ],
)
def test_bad_input_of_nms(given, words):
    with pytest.raises(ValueError, match=words):
        nms_boxes(**{"boxes": [[0, 0, 1, 1], [0, 0, 1, 2]], **given})


def test_nms_of_boxes_at_the_threshold_or_just_above_it():
    """Also in a large image, where the boxes are small in their frame."""
    far = [1e6, 1e6, 1e6 + 1, 1e6 + 1]
    boxes = np.array([[0, 0, 1, 2], [0, 0, 1, 1], far])
    assert nms_boxes(boxes, [0.9, 0.8, 0.7], iou=0.5).tolist() == [0, 1, 2]
    boxes[1, 3] += 1e-12
    assert nms_boxes(boxes, [0.9, 0.8, 0.7], iou=0.5).tolist() == [0, 2]
    assert nms_boxes(boxes, [0.9, 0.8, 0.7], [0, 1, 0], iou=0.5).tolist() == [0, 1, 2]


# The last is crowded: many boxes are in the strips near a box.
@pytest.mark.parametrize(("n", "side"), [(16, 40), (17, 40), (256, 40), (257, 40), (600, 6)])
@pytest.mark.parametrize("iou", [0.05, 0.1, 0.4, 0.5, 0.7])
def test_nms_of_images_of_any_size_matches_naive(n, side, iou):
    rng = np.random.default_rng(n)
    corners = rng.integers(0, side, (n, 2))
    boxes = np.hstack([corners, corners + rng.integers(1, 12, (n, 2))]).astype(float)
    classes = rng.integers(0, 2, n)
    assert nms_boxes(boxes, None, classes, iou).tolist() == kept_by_naive(boxes, classes, iou)


@pytest.mark.parametrize("flat", [[30, 1], [1, 30], [0, 1], [1, 0]])
@pytest.mark.parametrize("iou", [0.3, 0.6])
def test_nms_of_long_boxes_and_of_those_without_a_side_matches_naive(flat, iou):
    """Strips lie along the axis in which boxes are small; a frame may have no height at all."""
    rng = np.random.default_rng(2)
    corners = rng.integers(0, 60, (120, 2)) * np.minimum(flat, 1)
    boxes = np.hstack([corners, corners + rng.integers(1, 9, (120, 2)) * flat]).astype(float)
    kept = kept_by_naive(boxes, np.zeros(120, int), iou)
    assert nms_boxes(boxes, iou=iou).tolist() == kept


@pytest.mark.parametrize("apart", [1e5, 1e8, 1e12])
@pytest.mark.parametrize("iou", [0.2, 0.5])
def test_nms_of_small_boxes_far_apart_matches_naive(apart, iou):
    """In units of the frame the boxes are lost in rounding; some IoU are at 1 / 2."""
    rng = np.random.default_rng(4)
    corners = rng.integers(0, 4, (200, 2)) * apart
    boxes = np.hstack([corners, corners + rng.integers(1, 3, (200, 2))])
    assert nms_boxes(boxes, iou=iou).tolist() == kept_by_naive(boxes, np.zeros(200, int), iou)


def kept_by_naive(boxes, classes, iou):
    share, kept = share_of(boxes, classes), []
    for i in range(len(boxes)):
        if not any(share(k, i) > iou for k in kept):
            kept.append(i)
    return kept
