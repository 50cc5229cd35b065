"""TIFF: all kinds of storage; truncated anywhere, it is refused."""

import io
import warnings

import made_files as made
import numpy as np
import pytest
import reading
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from reading import LABELS

from nucfuse.data.readers.headers import image_size
from nucfuse.data.readers.raster import read_image, read_labels
from nucfuse.errors import DataError

TIFF_OPTIONS = (
    {}, {"compression": "zlib"}, {"compression": "lzw", "rowsperstrip": 2},
    {"tile": (16, 16)}, {"tile": (16, 16), "compression": "zlib"},
    {"compression": "zlib", "predictor": True}, {"byteorder": ">"}, {"bigtiff": True},
    {"imagej": True},
)  # fmt: skip


class TestTiff:
    @pytest.mark.parametrize("options", TIFF_OPTIONS)
    @pytest.mark.parametrize("shape", [(9, 7), (4, 9, 7)])
    def test_kinds(self, options, shape):
        labels = np.arange(np.prod(shape)).reshape(shape).astype(np.uint16)
        data = made.make_tiff(labels, photometric="minisblack", **options)
        got = read_labels(data, stack="volume")
        assert_array_equal(got, labels)
        assert got.dtype == np.uint16
        assert image_size(data) == (shape if len(shape) == 2 else None)

    @pytest.mark.parametrize("options", TIFF_OPTIONS)
    @pytest.mark.parametrize("shape", [(9, 7), (3, 9, 7)])
    def test_truncated(self, options, shape):
        """Cut anywhere: refused, or nothing but trailing bytes were lost."""
        labels = np.arange(np.prod(shape)).reshape(shape).astype(np.uint16)
        data = made.make_tiff(labels, photometric="minisblack", **options)
        n_read = 0
        for end in range(len(data)):
            try:
                assert_array_equal(read_labels(data[:end], "x", "volume"), labels)
                n_read += 1
            except DataError:
                pass
        assert n_read <= 16

    @pytest.mark.parametrize("shape", [(1, 9, 7), (9, 7, 1)])
    def test_axes_of_length_one(self, shape):
        data = made.make_tiff(LABELS.reshape(shape), photometric="minisblack")
        assert_array_equal(read_labels(data), LABELS)

    def test_four_axes(self):
        data = made.make_tiff(np.zeros((2, 3, 4, 5), np.uint8), photometric="minisblack")
        reading.refuses(data, "axes")

    def test_pages_in_a_circle(self):
        data = bytearray(made.make_tiff(LABELS, metadata=None))
        page = int.from_bytes(data[4:8], "little")
        n = int.from_bytes(data[page : page + 2], "little")
        end = page + 2 + 12 * n
        data[end : end + 4] = page.to_bytes(4, "little")
        for read in (read_labels, read_image, image_size):
            reading.refuses(bytes(data), "circle", read)

    def test_planes_that_lie_in_other_files(self):
        """tifffile would fill them with zeros."""
        stack = np.stack([LABELS] * 5)
        data = made.make_tiff(stack, ome=True, photometric="minisblack", metadata={"axes": "ZYX"})
        assert_array_equal(read_labels(data), stack)
        reading.refuses(data.replace(b'SizeZ="5"', b'SizeZ="9"'), "in other files")

    def test_damaged_lzw_does_not_crash(self):
        """The first code must be a byte; the decoder of imagecodecs crashes on others."""
        data = made.make_tiff(LABELS, compression="lzw")
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            at = tiff.pages[0].dataoffsets[0]
        reading.refuses(data[:at] + b"\x80I P" + data[at + 4 :], "no valid LZW stream")

    def test_unusual_compression(self):
        data = made.make_tiff(LABELS.astype(np.uint8), compression="png")
        reading.refuses(data, "has compression 34933; save it with one of these: none, LZW")

    def test_no_pages(self):
        reading.refuses(b"II*\0" + bytes(8), "no pages")

    def test_palette_gives_indices(self):
        colours = np.zeros((3, 256), np.uint16)
        labels = LABELS.astype(np.uint8)
        data = made.make_tiff(labels, photometric="palette", colormap=colours)
        assert_array_equal(read_labels(data), labels)

    @given(st.binary(max_size=200), st.sampled_from([b"II*\0", b"MM\0*", b"II+\0"]))
    def test_noise(self, noise, magic):
        reading.refuses(magic + noise)

    @given(st.data())
    def test_changed_bytes(self, data):
        options = data.draw(st.sampled_from(TIFF_OPTIONS))
        broken = bytearray(made.make_tiff(LABELS, **options))
        for _ in range(data.draw(st.integers(1, 3))):
            broken[data.draw(st.integers(4, len(broken) - 1))] = data.draw(st.integers(0, 255))
        reading.error_or_labels(bytes(broken))


def test_broken_tiffs_print_nothing(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reading.refuses(made.make_tiff(LABELS, compression="zlib")[:150])
    assert capfd.readouterr() == ("", "")
