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

    @pytest.mark.parametrize("shape", [(1, 1), (3, 5), (9, 17)])
    def test_interlaced(self, shape):
        values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        passes = [values[y::dy, x::dx] for y, x, dy, dx in ADAM7]
        rows = [b"\0" + row.tobytes() for part in passes for row in part if part.size]
        pixels = made.chunk(b"IDAT", zlib.compress(b"".join(rows)))
        data = made.png_header(*shape, interlace=1) + pixels + made.chunk(b"IEND", b"")
        assert_array_equal(read_labels(data), values)
        reading.refuses(data[:-20])

    def test_interlaced_palettes_are_refused(self):
        header = made.png_header(9, 7, 8, made.PALETTE, interlace=1)
        body = made.chunk(b"PLTE", bytes(3)) + made.chunk(b"IDAT", zlib.compress(bytes(100)))
        reading.refuses(header + body + made.chunk(b"IEND", b""), "not interlaced")

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
