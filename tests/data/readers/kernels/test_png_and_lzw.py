"""Painting masks, PNG filters and LZW sizes, against plain loops and other programs."""

import imagecodecs
import made_files
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from nucfuse.data.readers.kernels.png_and_lzw import lzw_size, paint_mask, unfilter_png

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


def size_of_lzw(data):
    return lzw_size(np.frombuffer(data, np.uint8))


@given(st.binary(max_size=300), st.integers(1, 20))
def test_lzw_size_of_what_an_encoder_writes(content, times):
    packed = imagecodecs.lzw_encode(content * times)
    assert size_of_lzw(packed) == len(content) * times
    assert size_of_lzw(packed + b"more") == len(content) * times


def test_lzw_with_a_full_table():
    content = np.random.default_rng(0).integers(0, 256, 6000, np.uint8).tobytes()
    assert size_of_lzw(imagecodecs.lzw_encode(content)) == len(content)


def codes(*numbers):
    """9-bit LZW codes as bytes."""
    bits = "".join(format(n, "09b") for n in numbers)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def test_lzw_codes():
    assert size_of_lzw(codes(256, 7, 258, 257)) == 3  # 7, then 7 7
    assert size_of_lzw(codes(256, 7, 8, 258, 257)) == 4
    assert size_of_lzw(codes(256, 7, 256, 8, 257)) == 2
    assert size_of_lzw(codes(256, 7, 8)) == 2  # no end code
    assert size_of_lzw(b"") == 0


def test_lzw_codes_that_are_none():
    assert size_of_lzw(codes(7, 8, 257)) == -1  # no reset first
    assert size_of_lzw(codes(256, 258, 257)) == -1
    assert size_of_lzw(codes(256, 7, 259, 257)) == -1
    assert size_of_lzw(codes(256, 7, 8, 256, 258, 257)) == -1
