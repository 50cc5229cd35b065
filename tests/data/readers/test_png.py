"""The strict PNG reader: equal to libpng on good files, an error on all bad ones."""

import zlib

import imagecodecs
import made_files as made
import numpy as np
import pytest
import reading
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from reading import LABELS

from nucfuse.data.readers.headers import image_size
from nucfuse.data.readers.png import read_png
from nucfuse.data.readers.raster import read_image, read_labels


@st.composite
def pngs(draw, formats):
    """(values, depth, colour type, filter of each row)."""
    colour, depth = draw(st.sampled_from(formats))
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 11))
    channels = made.CHANNELS[colour]
    shape = (height, width, channels) if channels > 1 else (height, width)
    values = draw(
        hnp.arrays(np.uint16 if depth == 16 else np.uint8, shape,
                   elements=st.integers(0, 2**depth - 1))
    )  # fmt: skip
    filters = draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    return values, depth, colour, filters


# First row and column, and steps, of the seven passes of interlacing.
ADAM7 = [
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
    (1, 0, 2, 1),
]  # fmt: skip
GREYS = [(made.GREY, d) for d in (1, 2, 4, 8, 16)]
PALETTES = [(made.PALETTE, d) for d in (1, 2, 4, 8)]
COLOURS = [(c, d) for c in (made.RGB, made.GREY_ALPHA, made.RGBA) for d in (8, 16)]


def interlaced(values, depth, colour, filters, with_trns=False):
    """The same PNG with its pixels in seven parts."""
    step = max(1, made.CHANNELS[colour] * depth // 8)
    raw = b""
    for y, x, dy, dx in ADAM7:
        part = values[y::dy, x::dx]
        if part.size:
            rows = made.pack_rows(part.reshape(len(part), -1), depth)
            raw += made.filtered(rows, filters[y::dy], step)
    data = made.png_header(*values.shape[:2], depth, colour, interlace=1)
    if colour == made.PALETTE:
        data += made.chunk(b"PLTE", bytes(3 * 2**depth))
    if with_trns:
        data += made.chunk(b"tRNS", bytes(2 * (1 if colour == made.GREY else 3)))
    return data + made.chunk(b"IDAT", zlib.compress(raw)) + made.chunk(b"IEND", b"")


class TestPng:
    @given(pngs(GREYS + PALETTES), st.integers(1, 3))
    def test_values_and_indices_are_read_as_stored(self, png, parts):
        values, depth, colour, filters = png
        palette = np.zeros((2**depth, 3)) if colour == made.PALETTE else None
        data = made.make_png(values, depth, colour, filters, palette, parts)
        got = read_labels(data)
        assert_array_equal(got, values)
        assert got.dtype == values.dtype
        assert image_size(data) == values.shape

    @given(pngs([*COLOURS, (made.GREY, 8), (made.GREY, 16)]))
    def test_equals_libpng(self, png):
        values, depth, colour, filters = png
        data = made.make_png(values, depth, colour, filters)
        assert_array_equal(read_png(data).values, values)
        assert_array_equal(imagecodecs.png_decode(data), values)

    @given(pngs(GREYS + PALETTES + COLOURS), st.booleans())
    def test_interlaced(self, png, says_what_is_transparent):
        values, depth, colour, filters = png
        data = interlaced(values, depth, colour, filters, says_what_is_transparent)
        found = read_png(data)
        assert_array_equal(found.values, values)
        assert found.has_alpha == (colour in (made.GREY_ALPHA, made.RGBA))
        reading.refuses(data[:-20])

    @pytest.mark.parametrize("colour", [made.GREY, made.RGB])
    def test_interlaced_with_a_transparent_colour(self, colour):
        """The colour that is transparent makes no channel more."""
        values = np.arange(9 * 17 * made.CHANNELS[colour]).reshape(9, 17, -1).squeeze() % 256
        data = interlaced(values.astype(np.uint8), 8, colour, [0] * 9, True)
        expected = values if colour == made.RGB else np.stack([values] * 3, axis=2)
        assert_array_equal(read_image(data), expected)

    @pytest.mark.parametrize("depth", [1, 2, 4])
    def test_few_bits_are_scaled_in_images_alone(self, depth):
        most = 2**depth - 1
        levels = np.arange(12).reshape(3, 4) % (most + 1)
        data = made.make_png(levels, depth)
        assert_array_equal(read_labels(data), levels)
        assert_array_equal(read_image(data)[..., 0], levels * (255 // most))

    def test_every_truncation_is_refused(self):
        data = made.make_png(LABELS, 16)
        for end in range(len(data)):
            reading.refuses(data[:end])

    def test_every_changed_bit_is_refused(self):
        data = made.make_png(LABELS, 16)
        for bit in range(8 * len(data)):
            broken = bytearray(data)
            broken[bit // 8] ^= 1 << bit % 8
            reading.refuses(bytes(broken))

    def test_fewer_rows_than_the_header_says(self):
        packed = zlib.compress(bytes(8 * 5))
        data = made.png_header(6, 7) + made.chunk(b"IDAT", packed) + made.chunk(b"IEND", b"")
        reading.refuses(data, "fewer rows")

    def test_more_rows_than_the_header_says(self):
        packed = zlib.compress(bytes(8 * 7))
        data = made.png_header(6, 7) + made.chunk(b"IDAT", packed) + made.chunk(b"IEND", b"")
        reading.refuses(data, "no valid stream")

    def test_unknown_filter_and_part(self):
        packed = zlib.compress(bytes([9]) + bytes(7))
        pixels = made.chunk(b"IDAT", packed)
        reading.refuses(made.png_header(1, 7) + pixels + made.chunk(b"IEND", b""), "unknown filter")
        unknown = made.chunk(b"ABCD", b"")
        reading.refuses(made.png_header(1, 7) + unknown + made.chunk(b"IEND", b""), "unknown part")

    def test_parts_that_may_be_skipped_are(self):
        data = made.make_png(LABELS, 16)
        text = made.chunk(b"tEXt", b"Comment\0x")
        assert_array_equal(read_labels(data[:33] + text + data[33:]), LABELS)

    @pytest.mark.parametrize(("depth", "colour"), [(3, 0), (16, 3), (4, 2), (8, 5), (8, 1)])
    def test_impossible_pixel_format(self, depth, colour):
        reading.refuses(made.png_header(1, 1, depth, colour), "does not exist")

    def test_palette_without_colours(self):
        data = made.make_png(LABELS, 8, made.PALETTE)
        reading.refuses(data, "no palette")

    def test_index_outside_of_the_palette(self):
        data = made.make_png(LABELS, 8, made.PALETTE, palette=np.zeros((2, 3)))
        assert_array_equal(read_labels(data), LABELS)
        reading.refuses(data, "not in its palette", read_image)
