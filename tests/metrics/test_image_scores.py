"""Every number of one image: equals the slow definitions, obeys the laws, keeps the conventions."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import metrics as naive
from naive.masks import iou as naive_iou
from naive.masks import masks_of
from strategies import label_pairs, label_volumes_pairs, stack_pairs

from nucfuse.masks.instances import Instances
from nucfuse.metrics.anatomy import CORRECTABLE, KINDS
from nucfuse.metrics.columns import image_columns
from nucfuse.metrics.names import ERRORS, SCORES
from nucfuse.metrics.request import DSB_PERCENTS, ScoreRequest
from nucfuse.metrics.scoring import score_image

LEVELS = (0, 5, 20, 34, 49, 50, 51, 67, 80, 100)
RULES = st.sampled_from([">", ">="])
PERCENTS = st.sets(st.sampled_from([1, 10, 25, 33, 50, 55, 75, 100]), min_size=1).map(sorted)


def scored(true, pred, percents=DSB_PERCENTS, rule=">"):
    return score_image(true, pred, ScoreRequest(tuple(percents), rule, allow_overlap=True))


def named(image, percents=DSB_PERCENTS):
    return {name: column[0] for name, column in image_columns([image], percents).items()}


def numbers_of(true, pred, percents=DSB_PERCENTS, rule=">"):
    return named(scored(true, pred, percents, rule), percents)


def naive_scores(true, pred, shape):
    pq, sq, rq = naive.panoptic(true, pred)
    return {
        "pq": pq, "sq": sq, "rq": rq,
        "aji": naive.aji(true, pred), "aji_plus": naive.aji_plus(true, pred),
        "dice": naive.dice(true, pred, shape), "pixel_iou": naive.pixel_iou(true, pred, shape),
        "object_dice": naive.object_dice(true, pred),
    }  # fmt: skip


def kinds_of(image):
    names = [KINDS[k] for k in image.kinds]
    return names[: image.n_true], names[image.n_true :]


# ------------------------------------------------------------------------------------ equals naive


@given(label_pairs())
def test_scores_of_labels_match_naive(pair):
    true, pred = map(masks_of, pair)
    found = numbers_of(*pair)
    expected = naive_scores(true, pred, pair[0].shape)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@given(stack_pairs())
def test_scores_of_overlapping_masks_match_naive(stacks):
    true, pred = stacks
    found = numbers_of(Instances.from_masks(true), Instances.from_masks(pred))
    expected = naive_scores(true, pred, true.shape[1:])
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


@given(label_volumes_pairs())
def test_scores_of_volumes_match_naive(pair):
    true, pred = map(masks_of, pair)
    found = numbers_of(*pair)
    expected = naive_scores(true, pred, pair[0].shape)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@given(label_pairs(), PERCENTS, RULES)
def test_dsb_ap_of_labels_matches_naive(pair, percents, rule):
    true, pred = map(masks_of, pair)
    image = scored(*pair, percents, rule)
    assert image.tp.tolist() == [naive.hits_and_iou(true, pred, p, rule)[0] for p in percents]
    expected = naive.dsb_ap(true, pred, percents, rule)
    assert named(image, percents)["dsb_ap"] == pytest.approx(expected, abs=1e-12)


@given(label_pairs(), RULES)
def test_hits_of_labels_match_naive(pair, rule):
    true, pred = map(masks_of, pair)
    tp = scored(*pair, LEVELS, rule).tp
    assert tp.tolist() == [naive.hits_and_iou(true, pred, p, rule)[0] for p in LEVELS]


@given(stack_pairs(), RULES)
def test_hits_of_overlapping_masks_match_naive(stacks, rule):
    tp = scored(*map(Instances.from_masks, stacks), LEVELS, rule).tp
    assert tp.tolist() == [naive.hits_and_iou(*stacks, p, rule)[0] for p in LEVELS]


@given(stack_pairs(), RULES)
def test_overlapping_hits_have_the_largest_total_iou(stacks, rule):
    image = scored(*map(Instances.from_masks, stacks), rule=rule)
    hits, total = naive.hits_and_iou(*stacks, 50, rule)
    of_true = image.hit_pairs[: image.n_true]
    assert (of_true >= 0).sum() == (image.hit_pairs[image.n_true :] >= 0).sum() == hits
    assert image.ious(image.hit_pairs)[: image.n_true].sum() == pytest.approx(
        float(total), abs=1e-8
    )


@pytest.mark.compiled
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
        image = scored(true, pred, percents, ">=")
        assert image.tp.tolist() == [m.tp for m in theirs]
        assert (image.n_pred - image.tp).tolist() == [m.fp for m in theirs]
        assert (image.n_true - image.tp).tolist() == [m.fn for m in theirs]


@given(label_pairs(), RULES)
def test_kinds_match_naive(pair, rule):
    true, pred = map(masks_of, pair)
    image = scored(*pair, rule=rule)
    hits = naive.first_hits(true, pred, rule)
    true_kinds, pred_kinds, *_, cut, swallows = naive.anatomy(true, pred, hits)
    assert kinds_of(image) == (true_kinds, pred_kinds)
    found = named(image)
    assert found["missed"] == true_kinds.count("missed")
    assert found["spurious"] == pred_kinds.count("spurious")
    assert found["poor_boundary"] == true_kinds.count("poor_boundary")
    assert (found["split"], found["merged"]) == (len(cut), len(swallows))


@given(label_pairs(), RULES, st.sampled_from(CORRECTABLE))
def test_mending_is_what_a_mended_prediction_scores(pair, rule, what):
    true, pred = map(masks_of, pair)
    better = naive.mended(true, pred, naive.first_hits(true, pred, rule), what)
    found = numbers_of(*pair, percents=(50, 60, 75, 90), rule=rule)[f"mended_{what}"]
    assert found == pytest.approx(naive.dsb_ap(true, better, (50, 60, 75, 90), rule), abs=1e-12)


@given(stack_pairs(), RULES)
def test_kinds_of_overlapping_masks_match_naive(stacks, rule):
    true, pred = stacks
    image = scored(Instances.from_masks(true), Instances.from_masks(pred), rule=rule)
    hits = {
        t: int(image.pairs.cols[k]) for t, k in enumerate(image.hit_pairs[: len(true)]) if k >= 0
    }
    assert kinds_of(image) == naive.anatomy(true, pred, hits)[:2]


@given(label_pairs() | stack_pairs(), RULES)
def test_hits_agree_from_both_sides(pair, rule):
    if pair[0].ndim == 3:
        pair = tuple(map(Instances.from_masks, pair))
    image = scored(*pair, rule=rule)
    of_true, of_pred = image.hit_pairs[: image.n_true], image.hit_pairs[image.n_true :]
    hits = of_true[of_true >= 0]
    assert sorted(hits) == sorted(of_pred[of_pred >= 0])
    assert (image.pairs.rows[hits] == np.flatnonzero(of_true >= 0)).all()
    assert (2 * image.pairs.pixels[hits] >= image.pairs.unions[hits]).all()
    assert (image.ious(image.best_pairs) >= image.ious(image.hit_pairs)).all()


@given(label_pairs())
def test_partners_and_ious_of_every_nucleus(pair):
    image = scored(*pair)
    true_ids, pred_ids = np.split(image.ids, [image.n_true])
    sides = [(true_ids, pred_ids, *pair), (pred_ids, true_ids, *pair[::-1])]
    best, ious = image.partners(image.best_pairs), image.ious(image.best_pairs)
    i = 0
    for ids, other_ids, own, other in sides:
        for label in ids:
            partner = naive.best_partner(own == label, [other == o for o in other_ids])
            assert best[i] == (0 if partner is None else other_ids[partner])
            expected = 0 if partner is None else naive_iou(own == label, other == best[i])
            assert ious[i] == float(expected)
            i += 1
    assert i == image.kinds.size


# -------------------------------------------------------------------------------------------- laws


@given(label_pairs())
def test_a_perfect_prediction_scores_one(pair):
    true = pair[0]
    image = scored(true, true.copy())
    numbers = named(image)
    assert {numbers[name] for name in SCORES} == {1.0}
    assert all(numbers[f"mended_{what}"] == 1.0 for what in CORRECTABLE)
    assert (image.tp == image.n_true).all() and not image.kinds.any()


@given(label_pairs(), RULES)
def test_swapping_sides_swaps_false_hits(pair, rule):
    one, two = scored(*pair, rule=rule), scored(*pair[::-1], rule=rule)
    assert (one.tp == two.tp).all() and one.n_true == two.n_pred
    a, b = named(one), named(two)
    for same in ("dsb_ap", "pq", "sq", "rq", "aji_plus", "dice", "pixel_iou", "object_dice"):
        assert a[same] == pytest.approx(b[same], abs=1e-12)


@given(label_pairs())
def test_swapping_sides_swaps_errors(pair):
    """By ">" only: at exactly 0.5 the first of two is the hit, and first is another one then."""
    a, b = numbers_of(*pair), numbers_of(*pair[::-1])
    assert (a["split"], a["merged"]) == (b["merged"], b["split"])


@given(label_pairs(), st.sampled_from(["flip", "mirror", "transpose"]))
def test_turning_the_image_changes_nothing(pair, how):
    turn = {"flip": np.flipud, "mirror": np.fliplr, "transpose": np.transpose}[how]
    one, two = scored(*pair), scored(*map(turn, pair))
    assert named(one) == named(two) and (one.kinds == two.kinds).all()


@given(label_pairs(), st.randoms(use_true_random=False))
def test_relabelling_changes_no_score(pair, random):
    """All but `aji`, whose ties in IoU go to the lower label."""

    def shuffled(labels):
        ids = [int(i) for i in np.unique(labels) if i != 0]
        new = dict(zip(ids, random.sample(range(1, 1000), len(ids)), strict=True))
        return np.array([new.get(int(i), 0) for i in labels.ravel()]).reshape(labels.shape)

    one = numbers_of(*pair)
    two = numbers_of(*map(shuffled, pair))
    for name in set(SCORES) - {"aji"}:
        assert one[name] == pytest.approx(two[name], abs=1e-12)


@given(label_pairs(), RULES)
def test_hits_do_not_grow_with_the_threshold(pair, rule):
    tp = scored(*pair, range(0, 101, 5), rule).tp
    assert (np.diff(tp) <= 0).all()


@given(label_pairs() | stack_pairs(), PERCENTS, RULES)
def test_mending_never_lowers_a_score(pair, percents, rule):
    if pair[0].ndim == 3:
        pair = tuple(map(Instances.from_masks, pair))
    numbers = numbers_of(*pair, percents=percents, rule=rule)
    for what in CORRECTABLE:
        assert numbers[f"mended_{what}"] >= numbers["dsb_ap"] - 1e-12


@given(label_pairs())
def test_numbers_are_finite_and_scores_are_shares(pair):
    numbers = numbers_of(*pair)
    assert set(numbers) >= {*SCORES, *ERRORS, *(f"mended_{what}" for what in CORRECTABLE)}
    assert all(0 <= numbers[name] <= 1 for name in SCORES)
    assert np.isfinite(list(numbers.values())).all()


# ------------------------------------------------------------------------------------------- edges

FULL = np.array([[1, 1, 2, 2]])
NONE = np.zeros((1, 4), int)


def test_both_sides_empty_scores_one_and_is_flagged():
    image = scored(NONE, NONE)
    numbers = named(image)
    assert image.n_true == image.n_pred == 0 and {numbers[name] for name in SCORES} == {1.0}
    assert {numbers[f"mended_{what}"] for what in CORRECTABLE} == {1.0}


@pytest.mark.parametrize("pair", [(FULL, NONE), (NONE, FULL)])
def test_one_side_empty_scores_zero(pair):
    image = scored(*pair)
    assert not image.n_true == image.n_pred == 0 and {named(image)[name] for name in SCORES} == {
        0.0
    }


def test_an_empty_image_mended_of_spurious_nuclei_scores_one():
    numbers = numbers_of(NONE, FULL)
    assert numbers["mended_spurious"] == 1.0 and numbers["mended_missed"] == 0.0


def test_masks_without_pixels_score_zero():
    nothing = Instances.from_masks(np.zeros((2, 3, 3), bool))
    numbers = numbers_of(nothing, nothing)
    assert {numbers[name] for name in SCORES} == {0.0}
    assert numbers["missed"] == numbers["spurious"] == 2


def test_more_hits_come_before_a_better_one():
    """The middle prediction fits the left truth best, but then the right one would get none."""
    true = Instances.from_masks(np.array([[[1, 1, 1, 1, 0, 0]], [[0, 0, 1, 1, 1, 1]]], bool))
    pred = Instances.from_masks(np.array([[[1, 1, 1, 1, 1, 0]], [[1, 1, 1, 0, 0, 0]]], bool))
    image = scored(true, pred, (50,), ">=")
    assert image.tp.tolist() == [2]
    assert image.partners(image.hit_pairs).tolist() == [2, 1, 2, 1]


@pytest.mark.parametrize(("rule", "tp"), [(">", 0), (">=", 1)])
def test_iou_on_the_threshold(rule, tp):
    true, pred = np.array([[1, 1, 1, 1, 1]]), np.array([[1, 1, 1, 0, 0]])  # IoU 0.6
    assert scored(true, pred, (60,), rule).tp.tolist() == [tp]


def test_masks_that_share_no_pixel_never_hit():
    assert scored(np.array([[1, 0]]), np.array([[0, 1]]), (0,), ">=").tp.tolist() == [0]


def test_a_prediction_serves_two_truths_in_one_reading_of_aji_only():
    numbers = numbers_of(np.array([[1, 1, 1, 2, 2, 2]]), np.array([[1, 1, 1, 1, 1, 1]]))
    assert numbers["aji"] == 6 / 12 and numbers["aji_plus"] == 3 / 9


def test_an_assignment_may_leave_the_best_pair():
    """IoU 5/11 in the middle gives way to 3/11 on either side of it."""
    true = np.array([[0] * 4 + [1] * 8 + [2] * 6])
    pred = np.array([[0] + [2] * 6 + [1] * 8 + [0] * 3])
    assert numbers_of(true, pred)["aji_plus"] == 6 / 22


def test_a_truth_that_nothing_touches_joins_the_unions_of_aji():
    numbers = numbers_of(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 0]]))
    assert numbers["aji"] == numbers["aji_plus"] == 2 / 3


def test_foreground_does_not_ask_whose_it_is():
    numbers = numbers_of(np.array([[1, 1, 2, 2]]), np.array([[5, 6, 6, 5]]))
    assert numbers["dice"] == numbers["pixel_iou"] == 1.0 and numbers["object_dice"] == 0.5


def test_iou_of_one_half_is_no_hit_but_by_rule():
    true, pred = np.array([[1, 1]]), np.array([[3, 0]])
    assert scored(true, pred).tp[0] == 0
    assert scored(true, pred, rule=">=").tp[0] == 1
    assert numbers_of(true, pred, rule=">=")["pq"] == 0.0  # PQ keeps to >


def test_two_halves_hit_one_truth_once():
    image = scored(np.array([[1, 1]]), np.array([[1, 2]]), rule=">=")
    assert image.tp[0] == 1
    assert kinds_of(image) == (["hit"], ["hit", "split"])


def test_a_cut_nucleus():
    image = scored(np.array([[1] * 6]), np.array([[1, 1, 2, 2, 3, 3]]))
    assert kinds_of(image) == (["split"], ["split"] * 3)
    numbers = named(image)
    assert numbers["split"] == 1 and numbers["missed"] == numbers["spurious"] == 0
    assert numbers["mended_split"] == 1.0


def test_a_cut_nucleus_that_is_hit_as_well():
    image = scored(np.array([[1] * 6]), np.array([[1, 1, 1, 1, 3, 3]]))
    assert kinds_of(image) == (["hit"], ["hit", "split"])
    assert named(image)["split"] == 1 and named(image)["mended_split"] == 1.0


def test_merged_nuclei():
    image = scored(np.array([[1, 1, 2, 2, 0, 3]]), np.array([[1, 1, 1, 1, 0, 2]]))
    assert kinds_of(image) == (["merged", "merged", "hit"], ["merged", "hit"])
    assert named(image)["merged"] == 1 and named(image)["mended_merged"] == 1.0


def test_a_poor_boundary_and_how_poor():
    image = scored(np.array([[1, 1, 1, 0, 0]]), np.array([[0, 0, 1, 1, 1]]))
    assert kinds_of(image) == (["poor_boundary"], ["poor_boundary"])
    assert named(image)["poor_boundary"] == 1
    assert image.ious(image.best_pairs).tolist() == [0.2, 0.2]


def test_an_iou_below_a_tenth_is_missed_and_spurious():
    true, pred = np.array([[1] * 6 + [0] * 5]), np.array([[0] * 5 + [1] * 6])
    assert kinds_of(scored(true, pred)) == (["missed"], ["spurious"])
    assert kinds_of(scored(true[:, :-1], pred[:, :-1])) == (
        ["poor_boundary"], ["poor_boundary"],
    )  # fmt: skip  # 1 of 10 pixels


def test_imprecise_hits_are_mended_to_all_thresholds():
    numbers = numbers_of(np.array([[1, 1, 1, 1, 1]]), np.array([[1, 1, 1, 0, 0]]))
    assert numbers["dsb_ap"] == pytest.approx(0.2) and numbers["mended_imprecise"] == 1.0


def test_a_duplicate_prediction_hits_nothing():
    masks = np.ones((2, 2, 2), bool)
    image = scored(np.ones((2, 2), int), Instances.from_masks(masks))
    assert image.tp.max() == 1 and named(image)["dsb_ap"] == 0.5


def test_scores_survive_a_pickle():
    image = scored(FULL, FULL)
    again = pickle.loads(pickle.dumps(image))
    assert named(again) == named(image) and again.n_true == image.n_true


@pytest.mark.parametrize(
    ("percents", "rule", "message"),
    [
        ((), ">", "percents must be one or more"),
        ((50, 50), ">", "percents must be one or more different"),
        ((60, 50), ">", "ascending"),
        ((0.5,), ">", "integers"),
        ((50, 101), ">", "0..100"),
        ((50,), "=>", "rule must be"),
    ],
)
def test_bad_thresholds_and_rules(percents, rule, message):
    with pytest.raises(ValueError, match=message):
        scored(FULL, FULL, percents, rule)
