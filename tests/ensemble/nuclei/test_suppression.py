import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import ensemble as naive_ensemble
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as coco
from strategies import instance_sets

from nucfuse.ensemble.kernels.mask_nms import suppress_masks
from nucfuse.ensemble.nuclei.suppression import mask_nms, matrix_nms, nms_indices, soft_nms
from nucfuse.masks.instances import Instances

SHARES = st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 0.6, 1.0])
DECAYS = st.sampled_from(["linear", "gaussian"])
SIGMAS = st.sampled_from([0.25, 0.5, 2.0])


def sizes_of(instances):
    """Masks, classes, scores (1 where there is none) and the order of rank."""
    masks = instances.to_masks()
    n = len(masks)
    classes = [0] * n if instances.classes is None else instances.classes.tolist()
    scores = [1.0 if math.isnan(s) else s for s in instances.scores.tolist()]
    return masks, classes, scores, sorted(range(n), key=lambda i: (-scores[i], i))


def shares_of(masks, classes, over="union"):
    """A function that says how much two masks of one class overlap, from the masks."""

    def share(i, j):
        both, either = (masks[i] & masks[j]).sum(), (masks[i] | masks[j]).sum()
        least = either if over == "union" else min(masks[i].sum(), masks[j].sum())
        return both / least if classes[i] == classes[j] and both else 0.0

    return share


def greedy(order, share, threshold):
    kept = []
    for i in order:
        if not any(share(k, i) > threshold for k in kept):
            kept.append(i)
    return sorted(kept)


@given(instance_sets(), SHARES, st.sampled_from(["union", "smaller"]))
def test_mask_nms_matches_naive(instances, iou, over):
    masks, classes, _, order = sizes_of(instances)
    kept = greedy(order, shares_of(masks, classes, over), iou)
    assert mask_nms(instances, iou, over) == instances[kept]
    indices = nms_indices(instances, iou, over)
    assert indices.dtype == np.int64
    assert indices.tolist() == kept


@given(instance_sets(), SHARES, st.sampled_from(["union", "smaller"]))
def test_the_lowest_in_rank_of_those_kept_suppresses(instances, iou, over):
    masks, classes, _, order = sizes_of(instances)
    share, strengths = shares_of(masks, classes, over), -np.argsort(order).astype(float)
    kept = greedy(order, share, iou)
    by = [
        next((k for k in order if k in kept and share(k, i) > iou), -1) for i in range(len(masks))
    ]
    by = [-1 if i in kept else k for i, k in enumerate(by)]
    groups = np.arange(len(masks), dtype=np.int32)
    found = suppress_masks(
        instances.arrays, groups, np.array(classes, np.int32), strengths, iou, over == "smaller"
    )
    assert found.tolist() == by


@given(instance_sets(), SHARES)
def test_mask_nms_matches_pycocotools(instances, iou):
    masks, classes, _, order = sizes_of(instances)
    if not len(masks):
        return
    rles = coco.encode(np.asfortranarray(masks.transpose(1, 2, 0), dtype=np.uint8))
    shares = coco.iou(rles, rles, [0] * len(masks))
    kept = greedy(order, lambda i, j: shares[i, j] * (classes[i] == classes[j]), iou)
    assert mask_nms(instances, iou) == instances[kept]


@given(instance_sets(), SHARES, DECAYS, SIGMAS, SHARES)
def test_soft_nms_matches_naive(instances, iou, decay, sigma, min_score):
    masks, classes, scores, order = sizes_of(instances)
    share = shares_of(masks, classes)
    lowered, _ = naive_ensemble.soft(
        order, share, scores, [1.0] * len(scores), iou, decay, sigma, min_score
    )
    kept = [i for i, s in enumerate(lowered) if s > min_score]
    result = soft_nms(instances, iou, decay, sigma, min_score)
    assert_allclose(result.scores, np.array(lowered, np.float32)[kept], rtol=1e-6)
    assert result.with_scores(instances.scores[kept]) == instances[kept]


@given(instance_sets(), DECAYS, SIGMAS, SHARES)
def test_matrix_nms_matches_naive(instances, decay, sigma, min_score):
    masks, classes, scores, order = sizes_of(instances)
    lowered, _ = naive_ensemble.matrix(order, shares_of(masks, classes), scores, decay, sigma)
    kept = [i for i, s in enumerate(lowered) if s > min_score]
    result = matrix_nms(instances, decay, sigma, min_score)
    assert_allclose(result.scores, np.array(lowered, np.float32)[kept], rtol=1e-6)
    assert result.with_scores(instances.scores[kept]) == instances[kept]


# -------------------------------------------------------------------------------------------- laws


@given(instance_sets(), SHARES, st.sampled_from(["union", "smaller"]))
def test_twice_is_once(instances, iou, over):
    once = mask_nms(instances, iou, over)
    assert mask_nms(once, iou, over) == once


@given(instance_sets(), SHARES)
def test_nothing_that_is_kept_overlaps_too_much(instances, iou):
    kept = mask_nms(instances, iou)
    masks, classes, _, _ = sizes_of(kept)
    share = shares_of(masks, classes)
    n = len(kept)
    assert all(share(i, j) <= iou for i in range(n) for j in range(i))


@given(instance_sets(), DECAYS, SIGMAS)
def test_soft_scores_never_rise(instances, decay, sigma):
    numbered = Instances.from_runs(
        instances.shape, *instances.runs, scores=instances.scores, classes=np.arange(len(instances))
    )
    result = soft_nms(numbered, decay=decay, sigma=sigma)
    before = np.where(np.isnan(instances.scores), 1, instances.scores)
    assert (result.scores <= before[result.classes]).all()


@given(instance_sets(with_classes=False))
def test_soft_nms_with_a_class_each_changes_no_score(instances):
    apart = Instances.from_runs(
        instances.shape, *instances.runs, scores=instances.scores, classes=np.arange(len(instances))
    )
    before = np.where(np.isnan(apart.scores), 1, apart.scores)
    assert_array_equal(soft_nms(apart, iou=0, min_score=0).scores, before[before > 0])


# ------------------------------------------------------------------------------------------- edges


def row(*masks, scores=None):
    return Instances.from_masks([[[c == "x" for c in mask]] for mask in masks], scores=scores)


def test_lower_index_wins_a_tie_and_no_score_counts_as_one():
    x = row("xx.", "xx.", "xxx", scores=[0.5, 0.5, np.nan])
    assert mask_nms(x, 0.7).areas.tolist() == [2, 3]
    assert mask_nms(x[:2]).scores.tolist() == [0.5]
    assert mask_nms(x, 0.5).areas.tolist() == [3]


def test_soft_nms_sorts_anew():
    """The second falls behind the third, and is lowered by it as well."""
    x = row("xxxx......", ".xxxx.....", "..xxxx....", scores=[0.9, 0.8, 0.7])
    result = soft_nms(x, iou=0.3, decay="linear", min_score=0)
    third = np.float32(0.7) * (1 - 2 / 6)
    assert_allclose(result.scores, [0.9, 0.8 * (1 - 3 / 5) * (1 - 3 / 5), third], rtol=1e-6)


def test_a_fragment_is_found_by_the_smaller_area():
    x = row("xxxxxx", "xx....", scores=[0.5, 0.4])
    assert len(mask_nms(x)) == 2
    assert len(mask_nms(x, over="smaller")) == 1


def test_matrix_nms_of_copies():
    x = row("xx.", "xx.", "xx.", ".xx", scores=[0.9, 0.8, 0.7, 0.6])
    result = matrix_nms(x, "linear", min_score=0.0)
    assert result.areas.tolist() == [2, 2]
    assert_allclose(result.scores, [0.9, 0.6 * (1 - 1 / 3)], rtol=1e-6)


def test_dense_field_of_many_masks():
    """Shifted copies of a grid of squares: one of each place is kept, whatever the grid's cells."""
    crops = [np.ones((5, 5), bool)] * 300
    corners = [(6 * (k % 10), 6 * (k // 10 % 10)) for k in range(300)]
    x = Instances.from_crops(crops, corners, (60, 60), scores=np.linspace(1, 0, 300))
    assert mask_nms(x) == x[:100]
    assert soft_nms(x, min_score=0.0) == x[:100].with_scores(x.scores[:100])


@pytest.mark.parametrize("rising", [True, False])
def test_a_long_chain_of_masks_that_wait_for_each_other(rising):
    """Each is suppressed by its neighbour of higher score, unless that is suppressed itself."""
    n = 200
    scores = np.linspace(0.1, 0.9, n) if rising else np.linspace(0.9, 0.1, n)
    corners = [(0, k) for k in range(n)]
    x = Instances.from_crops([np.ones((1, 4), bool)] * n, corners, (1, n + 3), scores=scores)
    masks, classes, _, order = sizes_of(x)
    assert mask_nms(x, 0.5) == x[greedy(order, shares_of(masks, classes), 0.5)]
    assert len(mask_nms(x, 0.5)) == n // 2


def test_zero_has_two_signs_and_scores_may_be_negative():
    x = row("xx.", "xx.", "xx.", scores=[-0.0, 0.0, -1.0])
    assert mask_nms(x) == x[:1]
    assert mask_nms(x[[2, 1]]).scores.tolist() == [0.0]


def test_many_copies_in_one_place_and_a_run_that_reaches_in():
    n = 60
    scores = np.linspace(0.1, 0.9, n)
    x = Instances.from_crops([np.ones((3, 3), bool)] * n, [(0, 0)] * n, (9, 9), scores=scores)
    assert mask_nms(x) == x[n - 1 :]
    # As many runs as columns, but two in the first one and none in the second.
    holed = Instances.from_masks([[[1, 0], [0, 0], [1, 0]], [[1, 0], [1, 0], [1, 0]]])
    assert len(mask_nms(holed, 0.6)) == 1
    assert len(mask_nms(holed, 0.7)) == 2


@pytest.mark.parametrize("gap", range(21))
def test_counting_ends_early_only_where_enough_is_shared(gap):
    """20 columns, of which the first, the last or some in the middle are not shared."""
    full, part = np.ones((2, 20), bool), np.ones((2, 20), bool)
    part[0, 20 - gap :] = False
    for other in (part, part[:, ::-1], np.roll(part, 7, axis=1)):
        x = Instances.from_masks([full, other], scores=[0.9, 0.8])
        iou = other.sum() / 40
        assert nms_indices(x, iou).tolist() == [0, 1]
        assert nms_indices(x, np.nextafter(iou, 0)).tolist() == [0]


@pytest.mark.parametrize("function", [mask_nms, nms_indices, soft_nms, matrix_nms])
def test_no_masks_and_masks_without_pixels(function):
    assert len(function(Instances.empty((3, 4)))) == 0
    assert len(function(row("...", "xx.", "..."))) == 3


@pytest.mark.parametrize(
    ("function", "given", "words"),
    [
        (mask_nms, {"iou": -0.1}, r"iou must be a number in \[0, 1\]"),
        (nms_indices, {"iou": 1.5}, r"iou must be a number in \[0, 1\]"),
        (nms_indices, {"over": "area"}, "over must be one of union, smaller"),
        (mask_nms, {"over": "both"}, "over must be one of union, smaller"),
        (mask_nms, {"iou": math.nan}, "iou must be"),
        (soft_nms, {"iou": 2}, "iou must be"),
        (soft_nms, {"sigma": 0}, "sigma must be"),
        (soft_nms, {"decay": "cubic"}, "decay must be"),
        (soft_nms, {"min_score": -1}, "min_score must be"),
        (matrix_nms, {"sigma": math.inf}, "sigma must be"),
        (matrix_nms, {"decay": 1}, "decay must be"),
    ],
)
def test_bad_input(function, given, words):
    with pytest.raises(ValueError, match=words):
        function(row("x"), **given)
