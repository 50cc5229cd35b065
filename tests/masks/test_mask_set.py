"""Masks chosen, joined and compared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import masks as naive
from numpy.testing import assert_array_equal
from strategies import instance_lists, instance_sets, mask_stacks

from nucfuse.masks.instances import Instances


@given(mask_stacks())
def test_union_matches_naive(stack):
    starts, lengths = Instances.from_masks(stack).union()
    assert list(zip(starts.tolist(), lengths.tolist(), strict=True)) == naive.runs(
        stack.any(axis=0)
    )


@given(instance_lists())
def test_concatenation_keeps_every_mask_and_field(parts):
    whole = Instances.concatenate(parts)
    assert len(whole) == sum(len(part) for part in parts)
    assert_array_equal(whole.to_masks(), np.concatenate([part.to_masks() for part in parts]))
    begin = 0
    for part in parts:
        assert whole[begin : begin + len(part)] == part
        begin += len(part)


@given(instance_lists())
def test_concatenation_is_associative(parts):
    left = parts[0]
    for part in parts[1:]:
        left = Instances.concatenate([left, part])
    assert left == Instances.concatenate(parts)
    assert Instances.concatenate([parts[0]]) == parts[0]


@given(instance_sets(), st.data())
def test_indexing_acts_on_every_field(x, data):
    indices = st.lists(st.integers(0, len(x) - 1), max_size=8) if len(x) else st.just([])
    index = np.array(data.draw(indices), np.int64)
    picked = x[index]
    assert_array_equal(picked.to_masks(), x.to_masks()[index])
    assert_array_equal(picked.boxes, x.boxes[index])
    assert_array_equal(picked.areas, x.areas[index])
    assert_array_equal(picked.scores, x.scores[index])
    assert (picked.classes is None) == (x.classes is None)
    if x.classes is not None and picked.classes is not None:
        assert_array_equal(picked.classes, x.classes[index])


@given(instance_sets(), st.data())
def test_a_flag_per_mask_is_the_same_as_their_positions(x, data):
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=len(x), max_size=len(x))), bool)
    assert x[flags] == x[np.flatnonzero(flags)]
    assert (
        Instances.concatenate([x[flags], x[~flags]])[
            np.argsort(np.argsort(~flags, kind="stable"), kind="stable")
        ]
        == x
    )


@given(instance_sets())
def test_slices_and_single_masks(x):
    assert x[:] == x
    assert x[::-1][::-1] == x
    assert len(x[:0]) == 0
    assert [len(one) for one in x] == [1] * len(x)
    for i, one in enumerate(x):
        assert one == x[i] == x[i - len(x)] == x[i : i + 1]


@given(instance_sets(), instance_sets())
def test_equality_is_that_of_the_contents(x, y):
    fields = ("scores", "classes", "starts", "lengths", "offsets")
    same = x.shape == y.shape and all(
        np.array_equal(a, b, equal_nan=True) if a is not None and b is not None else a is b
        for a, b in ((getattr(x, name), getattr(y, name)) for name in fields)
    )
    equal = same and (not len(x) or x.source_names == y.source_names)
    assert (x == y) is equal
    assert (x != y) is not equal


def test_sources_keep_their_names():
    a = Instances.from_labels([[1, 2]], source="unet")
    b = Instances.from_labels([[1, 1]], source="mask_rcnn")
    both = Instances.concatenate([a, b, a])
    assert both.source_names == ("unet", "mask_rcnn")
    assert both.sources.tolist() == [0, 0, 1, 0, 0]
    assert both[2] == b
    assert Instances.concatenate([b, a])[1:] == a


def test_sources_are_part_of_equality():
    a = Instances.from_labels([[1, 2]], source="unet")
    assert a != Instances.from_labels([[1, 2]], source="mask_rcnn")
    assert a != "unet"


def test_arrays_cannot_be_hashed():
    with pytest.raises(TypeError, match="unhashable"):
        hash(Instances.empty((1, 1)))


def test_repr_is_short():
    x = Instances.from_labels(np.arange(10_000).reshape(100, 100))
    assert repr(x) == "Instances(9999 masks, 9999 runs, shape (100, 100))"


def test_concatenation_refuses_what_does_not_fit():
    x = Instances.from_labels([[1, 2]])
    with pytest.raises(ValueError, match="at least one"):
        Instances.concatenate([])
    with pytest.raises(ValueError, match=r"shapes differ: \(1, 2\) and \(2, 1\)"):
        Instances.concatenate([x, Instances.empty((2, 1))])
    with pytest.raises(ValueError, match="either all parts have classes or none"):
        Instances.concatenate([x, Instances.from_labels([[1, 2]], classes=[0, 1])])


def test_index_outside_is_an_error():
    with pytest.raises(IndexError):
        Instances.from_labels([[1, 2]])[2]
    with pytest.raises(IndexError):
        Instances.from_labels([[1, 2]])[np.array([True, False, True])]
