"""Sparse overlaps of label images and of Instances."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import masks as naive
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as pycoco
from strategies import (
    instance_sets,
    label_pairs,
    label_volumes_pairs,
    mask_stacks,
    shapes,
    stack_pairs,
)

from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import overlaps, self_overlaps


def as_dict(rows, cols, pixels):
    """{(row, column): pixels} of three arrays."""
    keys = zip(rows.tolist(), cols.tolist(), strict=True)
    return dict(zip(keys, pixels.tolist(), strict=True))


def by_ids(pairs):
    """{(true id, pred id): pixels} of Overlaps."""
    true_ids, pred_ids = pairs.true_ids[pairs.true_index], pairs.pred_ids[pairs.pred_index]
    return as_dict(true_ids, pred_ids, pairs.pixels)


def areas_by_id(ids, areas):
    return dict(zip(ids.tolist(), areas.tolist(), strict=True))


def assert_same(a, b):
    """Overlaps that agree in everything but the ids."""
    for name in ("true_index", "pred_index", "pixels", "true_areas", "pred_areas"):
        assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("true", "pred", "shared"):
        assert getattr(a, f"{name}_foreground") == getattr(b, f"{name}_foreground")
    assert (a.true_disjoint, a.pred_disjoint, a.size) == (b.true_disjoint, b.pred_disjoint, b.size)


def assert_sorted(rows, cols):
    order = list(zip(rows.tolist(), cols.tolist(), strict=True))
    assert order == sorted(set(order))


# ------------------------------------------------------------------------------------ equals naive


@given(label_pairs() | label_volumes_pairs())
def test_labels_match_naive(pair):
    true, pred = pair
    pairs = overlaps(true, pred)
    assert by_ids(pairs) == naive.label_overlaps(true, pred)
    assert areas_by_id(pairs.true_ids, pairs.true_areas) == naive.label_areas(true)
    assert areas_by_id(pairs.pred_ids, pairs.pred_areas) == naive.label_areas(pred)
    assert pairs.true_ids.tolist() == naive.label_ids(true)
    assert pairs.pred_ids.tolist() == naive.label_ids(pred)
    assert pairs.true_foreground == np.count_nonzero(true)
    assert pairs.pred_foreground == np.count_nonzero(pred)
    assert pairs.shared_foreground == np.count_nonzero((true != 0) & (pred != 0))
    assert pairs.true_disjoint and pairs.pred_disjoint
    assert pairs.size == true.size
    assert_sorted(pairs.true_index, pairs.pred_index)


@given(stack_pairs())
def test_instances_match_naive(stacks):
    true, pred = stacks
    pairs = overlaps(Instances.from_masks(true), Instances.from_masks(pred))
    found = as_dict(pairs.true_index, pairs.pred_index, pairs.pixels)
    assert found == naive.stack_overlaps(true, pred)
    assert pairs.true_areas.tolist() == [mask.sum() for mask in true]
    assert pairs.pred_areas.tolist() == [mask.sum() for mask in pred]
    in_true, in_pred = true.any(axis=0), pred.any(axis=0)
    assert pairs.true_foreground == in_true.sum()
    assert pairs.pred_foreground == in_pred.sum()
    assert pairs.shared_foreground == (in_true & in_pred).sum()
    assert pairs.true_disjoint == (true.sum(axis=0) <= 1).all()
    assert pairs.pred_disjoint == (pred.sum(axis=0) <= 1).all()
    assert pairs.size == in_true.size
    assert_sorted(pairs.true_index, pairs.pred_index)


@given(mask_stacks())
def test_self_overlaps_match_naive(stack):
    first, second, pixels = self_overlaps(Instances.from_masks(stack))
    assert as_dict(first, second, pixels) == naive.stack_self_overlaps(stack)
    assert_sorted(first, second)


@given(stack_pairs())
def test_iou_matches_naive(stacks):
    true, pred = stacks
    pairs = overlaps(Instances.from_masks(true), Instances.from_masks(pred))
    expected = [
        float(naive.iou(true[t], pred[p]))
        for t, p in zip(pairs.true_index, pairs.pred_index, strict=True)
    ]
    assert pairs.iou.tolist() == expected


# --------------------------------------------------------------------------- equals pycocotools


def dense_iou(pairs):
    """IoU of every true mask with every predicted one, for the comparison only."""
    table = np.zeros((pairs.true_areas.size, pairs.pred_areas.size))
    table[pairs.true_index, pairs.pred_index] = pairs.iou
    return table


def test_iou_equals_pycocotools_on_overlapping_masks():
    """Thousands of pairs of boxes with noise, some without pixels, some the whole frame."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        height, width = rng.integers(1, 50, 2).tolist()
        sets = []
        for n in rng.integers(1, 15, 2).tolist():
            stack = np.zeros((n, height, width), bool)
            for mask in stack:
                (y0, y1), (x0, x1) = (np.sort(rng.integers(0, s + 1, 2)) for s in (height, width))
                mask[y0:y1, x0:x1] = rng.random((y1 - y0, x1 - x0)) < rng.choice([0.3, 1.0])
            sets.append(Instances.from_masks(stack))
        true, pred = sets
        as_coco = [
            [{"size": [height, width], "counts": text.encode()} for text in part.to_rle("coco")]
            for part in (true, pred)
        ]
        expected = pycoco.iou(as_coco[0], as_coco[1], [0] * len(pred))
        assert_allclose(dense_iou(overlaps(true, pred)), expected, rtol=1e-15)


# -------------------------------------------------------------------------------------------- laws


@given(label_pairs())
def test_swapping_sides_transposes(pair):
    forth, back = overlaps(*pair), overlaps(*pair[::-1])
    assert by_ids(forth) == {(t, p): n for (p, t), n in by_ids(back).items()}
    assert_array_equal(forth.true_areas, back.pred_areas)
    assert forth.shared_foreground == back.shared_foreground


@given(stack_pairs())
def test_swapping_instances_transposes(stacks):
    a, b = (Instances.from_masks(stack) for stack in stacks)
    forth, back = overlaps(a, b), overlaps(b, a)
    order = np.lexsort((back.true_index, back.pred_index))
    assert_array_equal(forth.true_index, back.pred_index[order])
    assert_array_equal(forth.pred_index, back.true_index[order])
    assert_array_equal(forth.pixels, back.pixels[order])


@given(label_pairs())
def test_transposing_the_images_changes_nothing(pair):
    true, pred = pair
    assert_same(overlaps(true, pred), overlaps(true.T, pred.T))


@given(label_pairs())
def test_flipping_the_images_changes_nothing(pair):
    true, pred = pair
    assert_same(overlaps(true, pred), overlaps(true[::-1, ::-1], pred[::-1, ::-1]))


@given(label_pairs())
def test_relabelling_changes_nothing_but_ids(pair):
    true, pred = pair
    assert_same(overlaps(true, pred), overlaps(naive.relabelled(true), naive.relabelled(pred)))


@given(label_pairs())
def test_instances_of_labels_overlap_as_the_labels(pair):
    true, pred = pair
    of_labels = overlaps(true, pred)
    a, b = Instances.from_labels(true), Instances.from_labels(pred)
    assert_same(of_labels, overlaps(a, b))
    assert_same(of_labels, overlaps(true, b))
    assert_same(of_labels, overlaps(a, pred))


@given(label_pairs(), st.data())
def test_tiles_sum_up_to_the_image(pair, data):
    true, pred = pair
    cuts = [data.draw(st.lists(st.integers(0, n), max_size=3)) for n in true.shape]
    rows, cols = (sorted({0, n, *cut}) for n, cut in zip(true.shape, cuts, strict=True))
    summed = {}
    for y0, y1 in pairwise(rows):
        for x0, x1 in pairwise(cols):
            tile = overlaps(true[y0:y1, x0:x1], pred[y0:y1, x0:x1])
            for ids, pixels in by_ids(tile).items():
                summed[ids] = summed.get(ids, 0) + pixels
    assert summed == by_ids(overlaps(true, pred))


@given(label_pairs())
def test_an_image_with_itself_gives_the_identity(pair):
    labels = pair[0]
    pairs = overlaps(labels, labels)
    n = pairs.true_ids.size
    assert_array_equal(pairs.true_index, np.arange(n))
    assert_array_equal(pairs.pred_index, np.arange(n))
    assert_array_equal(pairs.pixels, pairs.true_areas)
    assert_array_equal(pairs.iou, np.ones(n))


@given(shapes().flatmap(lambda shape: st.tuples(instance_sets(shape), instance_sets(shape))))
def test_self_overlaps_of_both_are_self_overlaps_and_overlaps(parts):
    a, b = parts
    first, second, pixels = self_overlaps(
        Instances.concatenate([a.with_scores([0.5] * len(a)), b.with_scores([0.5] * len(b))])
        if (a.classes is None) == (b.classes is None)
        else Instances.from_masks(np.concatenate([a.to_masks(), b.to_masks()]))
    )
    across = (first < len(a)) & (second >= len(a))
    pairs = overlaps(a, b)
    assert_array_equal(first[across], pairs.true_index)
    assert_array_equal(second[across] - len(a), pairs.pred_index)
    assert_array_equal(pixels[across], pairs.pixels)
    inside_a = second < len(a)
    for found, expected in zip(
        (first[inside_a], second[inside_a], pixels[inside_a]), self_overlaps(a), strict=True
    ):
        assert_array_equal(found, expected)


@given(label_pairs())
def test_inputs_are_left_alone(pair):
    before = [labels.copy() for labels in pair]
    overlaps(*pair)
    assert_array_equal(pair[0], before[0])
    assert_array_equal(pair[1], before[1])


# ------------------------------------------------------------------------------------------- edges


def test_empty_against_empty():
    pairs = overlaps(np.zeros((3, 4), int), np.zeros((3, 4), int))
    assert pairs.pixels.size == pairs.true_ids.size == pairs.pred_ids.size == 0
    assert (pairs.true_foreground, pairs.pred_foreground, pairs.shared_foreground) == (0, 0, 0)
    assert_same(pairs, overlaps(Instances.empty((3, 4)), Instances.empty((3, 4))))


def test_one_side_empty():
    pairs = overlaps([[1, 2]], [[0, 0]])
    assert (pairs.pixels.size, pairs.true_areas.tolist(), pairs.pred_areas.size) == (0, [1, 1], 0)
    x = Instances.from_labels([[1, 2]])
    assert_same(pairs, overlaps(x, Instances.empty((1, 2))))


def test_ids_up_to_2_62_on_both_sides():
    true = np.array([[2**62, 2**62 - 1, 1]])
    pred = np.array([[1, 2**62, 2**62]], np.uint64)
    assert by_ids(overlaps(true, pred)) == {
        (2**62, 1): 1,
        (2**62 - 1, 2**62): 1,
        (1, 2**62): 1,
    }


@pytest.mark.compiled
def test_more_pairs_than_any_table_starts_with():
    rng = np.random.default_rng(2)
    true, pred = rng.integers(0, 60, (2, 64, 65))
    pairs = overlaps(true, pred)
    assert pairs.pixels.size > 2_000
    assert by_ids(pairs) == naive.label_overlaps(true, pred)
    assert_same(pairs, overlaps(Instances.from_labels(true), Instances.from_labels(pred)))


def test_scattered_ids_as_many_as_pixels():
    true = np.arange(1, 601).reshape(20, 30) * 7_919_000_003
    pairs = overlaps(true, true.T.reshape(20, 30))
    assert by_ids(pairs) == naive.label_overlaps(true, true.T.reshape(20, 30))


def test_many_masks_on_one_pixel():
    stack = np.zeros((60, 3, 3), bool)
    stack[:, 1, 1] = True
    x = Instances.from_masks(stack)
    assert self_overlaps(x)[2].size == 60 * 59 // 2
    assert overlaps(x, x).pixels.size == 60 * 60


def test_boxes_that_meet_without_shared_pixels_are_no_pair():
    ring = np.ones((5, 5), bool)
    ring[1:4, 1:4] = False
    core = np.zeros((5, 5), bool)
    core[2, 2] = True
    assert self_overlaps(Instances.from_masks([ring, core]))[0].size == 0


def test_image_too_large_for_any_dense_array():
    shape = (200_000, 200_000)
    x = Instances.from_rle(["1 5", "4 5", "39999999990 11"], shape)
    first, second, pixels = self_overlaps(x)
    assert (first.tolist(), second.tolist(), pixels.tolist()) == ([0], [1], [2])
    assert overlaps(x, x).size == 4 * 10**10


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("dtype", ["i1", "i4", "i8", "f8"])
def test_negative_ids_are_refused(dtype):
    good, bad = np.array([[0, 1]], dtype), np.array([[0, -3]], dtype)
    with pytest.raises(ValueError, match=r"true labels holds the negative id -3.*0 is background"):
        overlaps(bad, good)
    with pytest.raises(ValueError, match="predicted labels holds the negative id -3"):
        overlaps(good, bad)


def test_negative_ids_are_refused_wherever_they_hide():
    """Also where the other side has background, and in the last block of pixels."""
    labels = np.zeros((10, 70), np.int32)
    labels[-1, -1] = -1
    with pytest.raises(ValueError, match="negative id -1"):
        overlaps(labels, np.zeros_like(labels))
    with pytest.raises(ValueError, match="negative id -1"):
        overlaps(np.zeros_like(labels), labels)


@pytest.mark.parametrize("bad", [np.array([[0.5, 1]]), np.array([[np.nan, 1]])])
def test_floats_that_are_no_labels_are_refused(bad):
    with pytest.raises(ValueError, match=r"^predicted labels must hold whole numbers"):
        overlaps(np.array([[1, 1]]), bad)


def test_shape_mismatch_is_refused():
    with pytest.raises(ValueError, match=r"truth has shape \(3, 4\), prediction \(3, 5\)$"):
        overlaps(np.zeros((3, 4), int), np.zeros((3, 5), int))


@pytest.mark.parametrize("wrap", [np.asarray, Instances.from_labels])
def test_shape_mismatch_says_so_if_transposing_fits(wrap):
    true, pred = wrap(np.zeros((3, 4), int)), wrap(np.zeros((4, 3), int))
    with pytest.raises(ValueError, match=r"\(3, 4\), prediction \(4, 3\); transposing.*would fit"):
        overlaps(true, pred)


def test_a_single_row_is_no_label_image():
    with pytest.raises(ValueError, match="true labels must be a 2-D or 3-D label image"):
        overlaps(np.zeros(4, int), np.zeros(4, int))


def test_volumes_have_no_instances():
    with pytest.raises(ValueError, match="2-D"):
        overlaps(np.zeros((2, 3, 4), int), Instances.empty((3, 4)))
