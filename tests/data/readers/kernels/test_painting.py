"""Painting masks, against plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from nucfuse.data.readers.kernels.painting import paint_mask

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
