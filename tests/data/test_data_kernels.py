"""Painting masks and undoing PNG filters, against plain loops."""

import made_files
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from nucfuse.data._kernels import paint_mask, unfilter_png

shapes = st.tuples(st.integers(1, 12), st.integers(1, 24))


@st.composite
def masks_and_labels(draw):
    shape = draw(shapes)
    mask = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 0, 7, 255])))
    labels = draw(hnp.arrays(np.int32, shape, elements=st.sampled_from([0, 0, 3])))
    return mask, labels


@given(masks_and_labels())
def test_paint_matches_naive(drawn):
    mask, labels = drawn
    before = labels.copy()
    inside = mask != 0
    expected = np.where(inside & (before == 0), 9, before)
    first = mask[inside][:1]
    counts = paint_mask(mask, labels, 9)
    assert_array_equal(labels, expected)
    assert counts == (
        inside.sum(), (inside & (before != 0)).sum(), (mask[inside] != first).sum()
    )  # fmt: skip


def test_paint_finds_single_pixels_around_block_borders():
    for size in (1, 7, 8, 63, 64, 65, 127, 128, 130):
        for at in {0, size // 2, size - 1, min(63, size - 1), min(64, size - 1)}:
            mask, labels = np.zeros((1, size), np.uint8), np.zeros((1, size), np.int32)
            mask[0, at] = 1
            assert paint_mask(mask, labels, 5) == (1, 0, 0)
            assert_array_equal(np.flatnonzero(labels), [at])
            assert labels[0, at] == 5


def test_paint_full_frame_and_nothing():
    labels = np.zeros((3, 70), np.int32)
    assert paint_mask(np.zeros((3, 70), np.uint8), labels, 1) == (0, 0, 0)
    assert not labels.any()
    assert paint_mask(np.full((3, 70), 255, np.uint8), labels, 2) == (210, 0, 0)
    assert paint_mask(np.full((3, 70), 255, np.uint8), labels, 3) == (210, 210, 0)
    assert (labels == 2).all()


@given(st.data(), st.integers(1, 6), st.integers(1, 9), st.sampled_from([1, 2, 3, 4, 6, 8]))
def test_unfilter_undoes_the_filters(data, height, width, step):
    rows = data.draw(hnp.arrays(np.uint8, (height, width)))
    kinds = data.draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    raw = made_files.filtered([row.tobytes() for row in rows], kinds, step)
    got = np.empty((height, width), np.uint8)
    assert unfilter_png(np.frombuffer(raw, np.uint8).reshape(height, -1).copy(), step, got)
    assert_array_equal(got, rows)


def test_unknown_filter():
    raw = np.array([[5, 0, 0]], np.uint8)
    assert not unfilter_png(raw, 1, np.empty((1, 2), np.uint8))
