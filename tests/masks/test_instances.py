"""Instances: from and to every in-memory form, indexing, concatenation, equality."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import masks as naive
from numpy.testing import assert_array_equal
from strategies import instance_sets, label_images, mask_stacks

from nucfuse.masks.instances import Instances


def masks_equal(instances, stack):
    """Whether the masks are those of a stack, in order, with runs in canonical form."""
    found = [list(zip(one.starts.tolist(), one.lengths.tolist(), strict=True)) for one in instances]
    return found == [naive.runs(mask) for mask in stack]


# ------------------------------------------------------------------------------------ equals naive


@given(mask_stacks())
def test_from_masks_matches_naive(stack):
    x = Instances.from_masks(stack)
    assert masks_equal(x, stack)
    assert x.shape == stack.shape[1:]
    assert [tuple(box) for box in x.boxes.tolist()] == [naive.box(mask) for mask in stack]
    assert x.areas.tolist() == [mask.sum() for mask in stack]
    assert x.disjoint == (stack.sum(axis=0) <= 1).all()


@given(label_images())
def test_from_labels_matches_naive(labels):
    x = Instances.from_labels(labels)
    assert masks_equal(x, naive.masks_of(labels))
    assert x == Instances.from_masks(naive.masks_of(labels))
    assert x.areas.tolist() == [naive.label_areas(labels)[i] for i in naive.label_ids(labels)]
    assert x.disjoint


@given(mask_stacks(), st.sampled_from(["first", "last"]))
def test_to_labels_matches_naive(stack, on_overlap):
    labels = Instances.from_masks(stack).to_labels(on_overlap)
    assert labels.dtype == np.int32
    assert_array_equal(labels, naive.painted(stack, stack.shape[1:], on_overlap))


@given(mask_stacks(), st.lists(st.sampled_from([0.1, 0.5, np.nan]), min_size=6, max_size=6))
def test_to_labels_by_score_matches_naive(stack, some_scores):
    scores = some_scores[: len(stack)]
    labels = Instances.from_masks(stack, scores=scores).to_labels("score")
    weakest_first = sorted(
        range(len(stack)),
        key=lambda k: (not np.isnan(scores[k]), np.nan_to_num(scores[k]), stack[k].sum(), -k),
    )
    expected = np.zeros(stack.shape[1:], np.int32)
    for k in weakest_first:
        expected[stack[k]] = k + 1
    assert_array_equal(labels, expected)


@pytest.mark.compiled
@given(st.integers(1, 150), st.integers(1, 150), st.integers(0, 99))
def test_to_labels_of_wide_and_tall_masks(height, width, seed):
    # Wider than the strips that are painted together; with holes, gaps and far away pieces.
    rng = np.random.default_rng(seed)
    stack = rng.random((3, height, width)) < np.array([0.02, 0.6, 0.97]).reshape(3, 1, 1)
    labels = Instances.from_masks(stack).to_labels("last")
    expected = np.zeros((height, width), np.int32)
    for k, mask in enumerate(stack):
        expected[mask] = k + 1
    assert_array_equal(labels, expected)


# -------------------------------------------------------------------------------------------- laws


@given(label_images())
def test_to_labels_after_from_labels_is_relabelling(labels):
    once = Instances.from_labels(labels).to_labels()
    assert_array_equal(once, naive.relabelled(labels))
    assert_array_equal(Instances.from_labels(once).to_labels(), once)


@given(label_images())
def test_transposing_swaps_the_axes_of_boxes(labels):
    x, transposed = Instances.from_labels(labels), Instances.from_labels(labels.T)
    assert_array_equal(x.boxes, transposed.boxes[:, [1, 0, 3, 2]])
    assert_array_equal(x.areas, transposed.areas)
    assert_array_equal(x.to_labels(), transposed.to_labels().T)


@given(mask_stacks())
def test_to_masks_after_from_masks_is_identity(stack):
    masks = Instances.from_masks(stack).to_masks()
    assert masks.dtype == bool
    assert_array_equal(masks, stack)
    assert_array_equal(Instances.from_masks(stack.astype(np.float32)).to_masks(), stack)


@given(instance_sets())
def test_crops_and_back(x):
    crops, corners = x.to_crops()
    assert all(
        crop.shape == tuple(box[2:] - box[:2]) for crop, box in zip(crops, x.boxes, strict=True)
    )
    back = Instances.from_crops(
        crops, corners, x.shape, scores=x.scores, source=x.source_names[0], classes=x.classes
    )
    assert back == x


@given(instance_sets())
def test_counts_runs_and_back(x):
    fields = {"scores": x.scores, "source": x.source_names[0], "classes": x.classes}
    assert Instances.from_counts(x.to_counts(), x.shape, **fields) == x
    assert Instances.from_runs(x.shape, *x.runs, **fields) == x


@given(instance_sets())
def test_operations_leave_the_instances_alone(x):
    copy = Instances.from_masks(
        x.to_masks(), scores=x.scores, source=x.source_names[0], classes=x.classes
    )
    x.to_labels("first")
    x.to_rle()
    x.union()
    x[::-1].with_scores([0.25] * len(x))
    assert x == copy


# ------------------------------------------------------------------------------------------- edges


def test_no_masks():
    x = Instances.empty((3, 4), source="unet")
    assert (len(x), x.shape, list(x)) == (0, (3, 4), [])
    assert (x.boxes.shape, x.areas.shape, x.to_masks().shape) == ((0, 4), (0,), (0, 3, 4))
    assert x.to_labels().tolist() == [[0] * 4] * 3
    assert x.to_rle() == x.to_rle("coco") == x.to_counts() == []
    assert x.disjoint and x.has_scores
    assert x == Instances.from_masks(np.zeros((0, 3, 4), bool), source="unet")
    assert Instances.concatenate([x, x]) == x
    assert x[np.zeros(0, int)] == x


def test_runs_go_on_from_column_to_column():
    """The box of a run that crosses columns spans the whole height."""
    x = Instances.from_rle(["2 3"], (3, 2))
    assert (x.starts.tolist(), x.lengths.tolist()) == ([1], [3])
    assert x.boxes.tolist() == [[0, 0, 3, 2]]
    assert x == Instances.from_labels([[0, 1], [1, 0], [1, 0]])


def test_full_frame_is_one_run():
    x = Instances.from_labels(np.full((70, 3), 9))
    assert (x.starts.tolist(), x.lengths.tolist()) == ([0], [210])
    assert x.boxes.tolist() == [[0, 0, 70, 3]]


def test_ids_come_in_ascending_order():
    x = Instances.from_labels([[2**62, 5, 0]], scores=[0.1, 0.9])
    assert x.to_rle() == ["2 1", "1 1"]
    assert x.to_labels().tolist() == [[2, 1, 0]]
    assert x.scores.tolist() == pytest.approx([0.1, 0.9])


def test_scores_are_nan_unless_given():
    x = Instances.from_labels([[1, 2]])
    assert np.isnan(x.scores).all() and not x.has_scores
    assert x.with_scores([0.5, 0.25]).has_scores
    assert not x.has_scores


def test_a_stack_of_bytes_and_lists_are_masks():
    x = Instances.from_masks([[[1, 0], [0, 0]], [[0, 0], [0, 1]]])
    assert x.to_rle() == ["1 1", "4 1"]


# ------------------------------------------------------------------------------------------ errors


def test_overlapping_masks_do_not_become_labels_silently():
    x = Instances.from_masks(np.ones((2, 2, 3), bool))
    with pytest.raises(ValueError, match=r"6 pixels lie in more than one mask.*on_overlap='first'"):
        x.to_labels()
    with pytest.raises(ValueError, match=r"on_overlap must be .*, got 'random'"):
        x.to_labels("random")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([[0, -2]], "labels holds the negative id -2"),
        ([[0.5, 1]], "labels must hold whole numbers"),
        (np.zeros((2, 3, 4), int), r"2-D label image .* got shape \(2, 3, 4\)"),
    ],
)
def test_bad_labels_are_refused(labels, words):
    with pytest.raises(ValueError, match=words):
        Instances.from_labels(labels)


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        (np.zeros((3, 4), bool), r"stack \(N, H, W\), got shape \(3, 4\)"),
        (np.full((1, 2, 2), 255), "mask 0 .*0 and 1 only; threshold"),
        (np.full((1, 2, 2), 0.5), "mask 0 .*0 and 1 only; threshold"),
        (np.full((1, 2, 2), np.nan), "mask 0 .*0 and 1 only; threshold"),
    ],
)
def test_bad_masks_are_refused(masks, words):
    with pytest.raises(ValueError, match=words):
        Instances.from_masks(masks)


@pytest.mark.parametrize("corner", [(-1, 0), (0, -1), (2, 0), (0, 3)])
def test_crops_must_lie_in_the_image(corner):
    with pytest.raises(
        ValueError, match=r"crop 0 of shape \(2, 2\) at .* leaves the image \(3, 4\)"
    ):
        Instances.from_crops([np.ones((2, 2), bool)], [corner], (3, 4))


def test_crops_need_corners():
    with pytest.raises(ValueError, match="1 crops need as many corners, got 0"):
        Instances.from_crops([np.ones((2, 2), bool)], [], (3, 4))
    with pytest.raises(ValueError, match="mask 0 must be 2-D"):
        Instances.from_crops([np.ones(2, bool)], [(0, 0)], (3, 4))


@pytest.mark.parametrize(
    ("starts", "lengths", "offsets", "words"),
    [
        ([0], [0], [0, 1], "run 0 of mask 0"),
        ([3, 1], [1, 1], [0, 2], "run 1 of mask 0"),
        ([1, 2], [2, 1], [0, 2], "run 1 of mask 0"),
        ([1, 11], [2, 2], [0, 1, 2], "run 0 of mask 1"),
        ([-1], [2], [0, 1], "run 0 of mask 0"),
        ([1], [2], [0], "offsets must begin with 0 and end with"),
        ([1], [2], [1, 1], "offsets must begin with 0"),
        ([1], [2], [], "offsets must begin with 0"),
        ([1, 3], [2], [0, 2], "offsets must begin with 0 and end with"),
        ([1, 4], [2, 2], [0, 2, 1, 2], "offsets must not decrease"),
        ([0, 2], [2, 2], [0, 2], "run 1 of mask 0 .*touches"),  # equal masks, equal arrays
        ([1], [2**32 + 1], [0, 1], "run 0 of mask 0"),
        ([1], [2**63 - 1], [0, 1], "run 0 of mask 0"),
    ],
)
def test_bad_runs_are_refused(starts, lengths, offsets, words):
    with pytest.raises(ValueError, match=words):
        Instances.from_runs((3, 4), np.array(starts), np.array(lengths), np.array(offsets))


@pytest.mark.parametrize("field", ["scores", "classes"])
def test_one_value_for_each_mask(field):
    with pytest.raises(ValueError, match=f"{field} must have one value for each of the 2 masks"):
        Instances.from_labels([[1, 2]], **{field: [1]})
    if field == "scores":
        with pytest.raises(ValueError, match="scores must have one value"):
            Instances.from_labels([[1, 2]]).with_scores([1, 2, 3])
