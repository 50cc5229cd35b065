import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from naive import clean as naive
from numpy.testing import assert_array_equal

from nucfuse.clean import overlaps
from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.masks.instances import Instances

WAYS = ("score", "area", "nearest")
ENDS = ("keep", "largest", "split")
SCORES = st.sampled_from([float("nan"), -1.0, 0.0, 0.25, 0.5, 1.0])


@st.composite
def mask_sets(draw, max_side=7, max_masks=5, distinct=False):
    """Overlapping masks with scores: noise (many pieces) or boxes; some empty, some one pixel."""
    height, width = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    n = draw(st.integers(0, max_masks))
    masks = draw(arrays(bool, (n, height, width)))
    for mask in masks:
        if draw(st.booleans()):
            y0, x0 = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
            mask[:] = False
            mask[y0 : y0 + draw(st.integers(1, 5)), x0 : x0 + draw(st.integers(1, 5))] = True
    if distinct:
        scores = [k / 8 for k in draw(st.permutations(range(n)))]
    else:
        scores = draw(st.lists(SCORES, min_size=n, max_size=n))
    return masks, scores


def instances_of(masks, scores):
    """Mask i has the class i and comes from the source "model i % 2"."""
    if not len(masks):
        return Instances.empty(masks.shape[1:])
    return Instances.concatenate(
        [
            Instances.from_masks([m], scores=[s], classes=[i], source=f"model {i % 2}")
            for i, (m, s) in enumerate(zip(masks, scores, strict=True))
        ]
    )


@given(mask_sets(), st.sampled_from(WAYS), st.sampled_from(ENDS), st.integers(0, 4))
def test_matches_naive(mask_set, by, then, min_area):
    masks, scores = mask_set
    result = remove_overlaps(instances_of(masks, scores), by, then, min_area)
    expected = naive.remove_overlaps(masks, scores, by, then, min_area)
    assert len(result) == len(expected)
    for one, (mask, i) in zip(result, expected, strict=True):
        assert_array_equal(one.to_masks()[0], mask)
        assert_array_equal(one.scores, np.float32([scores[i]]))
        assert one.classes.tolist() == [i]
        assert one.source_names[one.sources[0]] == f"model {i % 2}"


@given(mask_sets(), st.sampled_from(WAYS), st.sampled_from(ENDS), st.integers(0, 4))
def test_result_is_disjoint_and_valid_and_within_the_input(mask_set, by, then, min_area):
    masks, scores = mask_set
    result = remove_overlaps(instances_of(masks, scores), by, then, min_area)
    assert result.disjoint
    assert (result.areas > 0).all()
    again = Instances.from_runs(result.shape, *result.runs)  # checks the runs
    assert_array_equal(again.boxes, result.boxes)
    assert_array_equal(again.areas, result.areas)
    foreground = result.to_labels() > 0
    assert not (foreground & ~masks.any(axis=0)).any()
    if then != "largest" and min_area == 0:
        assert_array_equal(foreground, masks.any(axis=0))


@given(mask_sets(), st.sampled_from(WAYS), st.sampled_from(ENDS), st.integers(0, 4))
def test_twice_is_once(mask_set, by, then, min_area):
    once = remove_overlaps(instances_of(*mask_set), by, then, min_area)
    assert remove_overlaps(once, by, then, min_area) == once


@given(
    arrays(np.int32, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 4)),
    st.sampled_from(WAYS), st.sampled_from(ENDS), st.integers(0, 9),
)  # fmt: skip
def test_disjoint_masks_stay_as_they_are(labels, by, then, min_area):
    masks = Instances.from_labels(labels, source="a")
    assert remove_overlaps(masks, by, then, min_area) == masks


@given(
    mask_sets(distinct=True),
    st.randoms(use_true_random=False),
    st.sampled_from(("score", "nearest")),
)
def test_order_does_not_matter_without_ties(mask_set, random, by):
    masks = instances_of(*mask_set)
    order = list(range(len(masks)))
    random.shuffle(order)
    result = remove_overlaps(masks, by)
    shuffled = remove_overlaps(masks[np.array(order, int)], by)
    assert shuffled[np.argsort(shuffled.scores)] == result[np.argsort(result.scores)]


@given(mask_sets(distinct=True), st.sampled_from(WAYS))
def test_flipping_changes_nothing(mask_set, by):
    masks, scores = mask_set
    here = remove_overlaps(instances_of(masks, scores), by)
    there = remove_overlaps(instances_of(masks[:, ::-1, ::-1], scores), by)
    assert_array_equal(there.to_masks()[:, ::-1, ::-1], here.to_masks())
    turned = remove_overlaps(instances_of(masks.transpose(0, 2, 1), scores), by)
    assert_array_equal(turned.to_masks().transpose(0, 2, 1), here.to_masks())


@given(mask_sets(), st.sampled_from(("score", "area")), st.integers(1, 4))
def test_bands_of_columns_change_nothing(mask_set, by, band):
    masks = instances_of(*mask_set)
    whole = remove_overlaps(masks, by)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlaps, "_LEAST_BAND", band)
        patch.setattr(overlaps, "_RUNS_OF_BAND", 1)
        assert remove_overlaps(masks, by) == whole


@given(mask_sets())
def test_label_image_by_score_is_that_of_disjoint_masks(mask_set):
    masks = instances_of(*mask_set)
    result = remove_overlaps(masks, "score")
    numbers = np.concatenate([[0], result.classes + 1]) if len(masks) else np.zeros(1)
    assert_array_equal(masks.to_labels("score"), numbers[result.to_labels()])


@pytest.mark.parametrize("by", ["score", "area"])
def test_large_sparse_images_with_runs_over_words_and_columns(by):
    # 64 pixels are treated at a time, and blocks of 4,096 apart from each other.
    rng = np.random.default_rng(3)
    size, shape = 700 * 500, (700, 500)
    first = np.sort(rng.integers(0, size - 9000, 40))
    lengths = rng.choice([1, 63, 64, 65, 500, 9000], 40)
    masks = Instances.from_runs(shape, first, lengths, np.arange(41), scores=rng.random(40))
    strength = masks.scores if by == "score" else masks.areas + masks.scores / 2
    owner = np.full(size, -1)
    for k in np.argsort(strength):
        owner[first[k] : first[k] + lengths[k]] = k
    result = remove_overlaps(masks, by)
    left = [np.flatnonzero(owner == k) for k in range(40)]
    left = [pixels for pixels in left if pixels.size]
    assert result.areas.tolist() == [pixels.size for pixels in left]
    for one, pixels in zip(result, left, strict=True):
        covered = [np.arange(s, s + n) for s, n in zip(one.starts, one.lengths, strict=True)]
        assert_array_equal(np.concatenate(covered), pixels)


def row(*masks, scores=None):
    """Masks of one row of pixels, written as text."""
    stack = [[[c == "x" for c in mask]] for mask in masks]
    return Instances.from_masks(stack, scores=scores)


def shown(result):
    return ["".join(".x"[int(p)] for p in mask[0]) for mask in result.to_masks()]


def test_score_decides():
    masks = row("xxx..", "..xxx", scores=[0.3, 0.9])
    assert shown(remove_overlaps(masks, "score")) == ["xx...", "..xxx"]


def test_no_score_ranks_below_any():
    masks = row("xxx..", "..xxx", scores=[float("nan"), -np.inf])
    assert shown(remove_overlaps(masks, "score")) == ["xx...", "..xxx"]


def test_ties_of_score_go_to_the_larger_then_to_the_first():
    assert shown(remove_overlaps(row("xx...", ".xxxx"), "score")) == ["x....", ".xxxx"]
    assert shown(remove_overlaps(row("xxx..", "..xxx"), "score")) == ["xxx..", "...xx"]


def test_the_larger_swallows_a_speck_inside_whatever_its_score():
    masks = row("..x..", "xxxxx", scores=[1.0, 0.1])
    assert shown(remove_overlaps(masks, "area")) == ["xxxxx"]


def test_ties_of_area_go_to_the_higher_score():
    masks = row("xxx..", "..xxx", scores=[0.1, 0.2])
    assert shown(remove_overlaps(masks, "area")) == ["xx...", "..xxx"]


def test_nearest_shares_the_overlap_in_the_middle():
    masks = row("xxxxxxx.", ".xxxxxxx", scores=[0.1, 0.9])
    assert shown(remove_overlaps(masks, "nearest")) == ["xxxx....", "....xxxx"]


def test_nearest_gives_the_middle_pixel_to_the_higher_score():
    masks = row("xxxx..", ".xxxxx", scores=[0.1, 0.9])
    assert shown(remove_overlaps(masks, "nearest")) == ["xx....", "..xxxx"]


def test_nearest_without_uncontested_pixels_loses():
    masks = row(".xxx.", "xxxxx", scores=[1.0, 0.1])
    assert shown(remove_overlaps(masks, "nearest")) == ["xxxxx"]


def test_nearest_of_two_equal_masks_is_the_higher_score():
    masks = row(".xxx.", ".xxx.", scores=[0.1, 1.0])
    result = remove_overlaps(masks, "nearest")
    assert shown(result) == [".xxx."]
    assert_array_equal(result.scores, np.float32([1.0]))


@pytest.mark.parametrize(
    ("then", "min_area", "expected"),
    [
        ("keep", 0, ["xx..xxx", "..xx..."]),
        ("largest", 0, ["....xxx", "..xx..."]),
        ("split", 0, ["xx.....", "....xxx", "..xx..."]),
        ("split", 3, ["....xxx", "..xx..."]),  # the untouched one may be small
        ("keep", 6, ["..xx..."]),
        ("largest", 4, ["..xx..."]),
    ],
)
def test_what_is_cut_to_pieces(then, min_area, expected):
    masks = row("xxxxxxx", "..xx...", scores=[0.1, 0.9])
    assert shown(remove_overlaps(masks, "score", then, min_area)) == expected


def test_equal_pieces_keep_the_first():
    masks = row("xxxxx", "..x..", scores=[0.1, 0.9])
    assert shown(remove_overlaps(masks, "score", "largest")) == ["xx...", "..x.."]


def test_diagonal_pixels_are_one_piece_and_a_run_over_a_column_end_is_two():
    diagonal = np.eye(3, dtype=bool)
    diagonal[0, 1] = True
    cutter = np.zeros((3, 3), bool)
    cutter[0, 1] = True
    masks = Instances.from_masks([diagonal, cutter], scores=[0, 1])
    assert len(remove_overlaps(masks, "score", "split")) == 2
    # Bottom of column 0 and top of column 1 follow each other in a run but do not touch.
    tall = Instances.from_runs((4, 2), [2, 2], [3, 1], [0, 1, 2], scores=[0, 1])
    result = remove_overlaps(tall, "score", "split")
    assert result.to_labels().T.tolist() == [[0, 0, 3, 1], [2, 0, 0, 0]]


def test_masks_that_were_not_cut_are_not_cleaned():
    masks = row("x.x.x.x", ".......", ".x.....", scores=[0.5, 0.9, 0.1])
    assert shown(remove_overlaps(masks, "score", "largest", min_area=9)) == ["x.x.x.x", ".x....."]


def test_no_masks():
    empty = Instances.empty((3, 4))
    for by in WAYS:
        for then in ENDS:
            assert remove_overlaps(empty, by, then) == empty


def test_many_masks_on_one_place():
    n = 300
    masks = Instances.from_runs((40, 40), np.full(n, 50), np.full(n, 200), np.arange(n + 1),
                                scores=np.linspace(0, 1, n))  # fmt: skip
    for by in WAYS:
        result = remove_overlaps(masks, by)
        assert len(result) == 1
        assert result.areas.tolist() == [200]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "size"}, "by must be 'score', 'area' or 'nearest', got 'size'"),
        ({"then": "drop"}, "then must be 'keep', 'largest' or 'split', got 'drop'"),
        ({"min_area": -1}, "min_area must be 0 or more pixels, got -1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        remove_overlaps(row("xx"), **options)
