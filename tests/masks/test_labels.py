"""check_labels and the small rules about ids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import label_images

from nucfuse.masks.labels import check_labels, ranks_of, renumbered, smallest_dtype


@given(label_images())
def test_keeps_every_value(labels):
    checked = check_labels(labels)
    assert_array_equal(checked.astype(object), labels.astype(object))
    assert checked.flags.c_contiguous
    assert checked.dtype.isnative
    assert checked.dtype in (np.uint8, np.uint16, np.int32, np.int64)


@given(label_images(dtypes=("u1", "u2", "i4", "i8")))
def test_leaves_its_input_alone(labels):
    before = labels.copy()
    check_labels(labels)
    assert_array_equal(labels, before)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "i8"])
def test_copies_nothing_without_need(dtype):
    labels = np.ones((3, 4), dtype)
    assert check_labels(labels) is labels


@given(label_images())
def test_twice_is_once(labels):
    once = check_labels(labels)
    assert check_labels(once) is once


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_accepts_floats_that_are_whole(dtype):
    checked = check_labels(np.array([[0, 1], [7, 2]], dtype))
    assert checked.dtype == np.int64
    assert checked.tolist() == [[0, 1], [7, 2]]


def test_accepts_bool_as_one_nucleus():
    assert check_labels(np.array([[True, False]])).tolist() == [[1, 0]]


def test_accepts_a_list():
    assert check_labels([[0, 3]]).tolist() == [[0, 3]]


def test_accepts_a_volume_where_asked():
    assert check_labels(np.zeros((2, 3, 4), np.uint8), ndim=(2, 3)).shape == (2, 3, 4)


def test_accepts_the_largest_id():
    assert check_labels(np.array([[2**62]], np.uint64)).dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros((0, 4), int), "at least one pixel, got shape .0, 4"),
        (np.zeros(5, int), "2-D .*got shape .5,"),
        (np.zeros((2, 3, 3), int), "2-D .*got shape .2, 3, 3"),
        (np.array([[0.0, np.nan]]), "whole numbers, got NaN or infinity"),
        (np.array([[0.0, np.inf]]), "whole numbers, got NaN or infinity"),
        (np.array([[0.0, 0.5]]), "got .*0.5.*probability map.*[Tt]hreshold"),
        (np.array([[0.0, 2.0**63]]), r"largest allowed is 2\*\*62"),
        (np.array([[2**62 + 1]], np.uint64), r"4611686018427387905.*largest allowed is 2\*\*62"),
    ],
)
def test_refuses_with_reason(labels, words):
    with pytest.raises(ValueError, match=words):
        check_labels(labels)


@pytest.mark.parametrize("labels", [np.array([["a"]]), np.array([[1j]]), np.array([[None]])])
def test_refuses_what_is_no_number(labels):
    with pytest.raises(TypeError, match="must hold integers, got dtype"):
        check_labels(labels)


def test_message_names_the_argument():
    with pytest.raises(ValueError, match=r"^true labels must"):
        check_labels(np.zeros(3, int), "true labels")


def test_smallest_dtype_at_its_edges():
    assert smallest_dtype(0) == np.uint16
    assert smallest_dtype(2**16 - 1) == np.uint16
    assert smallest_dtype(2**16) == np.uint32
    assert smallest_dtype(2**32 - 1) == np.uint32
    with pytest.raises(ValueError, match=r"4294967296 does not fit.*relabel"):
        smallest_dtype(2**32)


@given(st.lists(st.integers(0, 5) | st.integers(0, 2**62), max_size=9))
def test_ranks_are_places_among_the_distinct_ids(ids):
    ranks, distinct = ranks_of(np.array(ids, np.int64))
    assert distinct.tolist() == sorted(set(ids) - {0})
    assert ranks.tolist() == [distinct.tolist().index(i) if i else -1 for i in ids]


def test_renumbering():
    labels, ids = renumbered(np.array([[9, 0], [3, 9]], np.uint16))
    assert (labels.tolist(), labels.dtype, ids.tolist()) == ([[2, 0], [1, 2]], np.int32, [3, 9])
    with pytest.raises(ValueError, match="truth holds the negative id -1"):
        renumbered(np.array([[-1]]), "truth")
