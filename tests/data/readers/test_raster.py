"""Reading one image of any kind, and writing label images."""

import contextlib
import io
import tracemalloc
import zlib

import imagecodecs
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
from nucfuse.data.readers.raster import (
    read_image,
    read_labels,
    write_label_png,
    write_label_tiff,
)
from nucfuse.errors import DataError


class TestColours:
    """A mask saved as RGB(A) is accepted if it is grey in truth."""

    @pytest.mark.parametrize("channels", [3, 4])
    def test_equal_channels(self, channels):
        grey = LABELS.astype(np.uint8)
        colours = np.repeat(grey[:, :, None], channels, axis=2)
        colours[:, :, 3:] = 255
        colour = made.RGB if channels == 3 else made.RGBA
        assert_array_equal(read_labels(made.make_png(colours, 8, colour)), grey)
        tiff = made.make_tiff(colours, photometric="rgb")
        assert_array_equal(read_labels(tiff), grey)
        assert_array_equal(read_labels(made.make_bmp(colours[:, :, :3])), grey)

    def test_planes_of_a_tiff(self):
        planes = np.repeat(LABELS[None].astype(np.uint8), 3, axis=0)
        data = made.make_tiff(planes, photometric="rgb", planarconfig="separate")
        assert_array_equal(read_labels(data), planes[0])

    def test_grey_and_alpha(self):
        pair = np.stack([LABELS, np.full_like(LABELS, 65535)], axis=2)
        assert_array_equal(read_labels(made.make_png(pair, 16, made.GREY_ALPHA)), LABELS)

    @pytest.mark.parametrize("make", [
        lambda c: made.make_png(c, 8, made.RGB), lambda c: made.make_tiff(c, photometric="rgb"),
        made.make_bmp,
    ])  # fmt: skip
    def test_different_channels(self, make):
        colours = np.zeros((4, 5, 3), np.uint8)
        colours[2, 3, 1] = 1
        reading.refuses(make(colours), "3 colour channels differ")


def huge_files():
    """Small files whose headers claim up to terabytes."""
    shape = f"({2**21}, {2**21})"
    yield (
        "npy",
        made.npy_with_header(
            f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}", bytes(100)
        ),
    )
    packed = made.chunk(b"IDAT", zlib.compress(bytes(10**5))) + made.chunk(b"IEND", b"")
    yield "png", made.png_header(2**31 - 1, 2**31 - 1, 16) + packed
    yield "png less huge", made.png_header(10**5, 10**5) + packed
    for options in ({}, {"compression": "zlib"}):
        data = made.make_tiff(LABELS, metadata=None, **options)
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            width, height = (tiff.pages[0].tags[name].valueoffset for name in (256, 257))
            is_short = tiff.pages[0].tags[256].dtype == 3
        broken = bytearray(data)
        for at in (width, height):
            broken[at : at + 2 + 2 * (not is_short)] = b"\xff\xff" if is_short else b"\0\0\x10\0"
        yield f"tiff {options}", bytes(broken)
        text = made.make_tiff(
            LABELS, description='{"shape": [900000, 900000, 9, 7]}', metadata=None
        )
        yield f"tiff by its description {options}", text
    bmp = bytearray(made.make_bmp(LABELS))
    bmp[18:26] = (2**30).to_bytes(4, "little") * 2
    yield "bmp", bytes(bmp)
    jpeg = bytearray(imagecodecs.jpeg8_encode(LABELS.astype(np.uint8)))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff" * 4
    yield "jpeg", bytes(jpeg)


@pytest.mark.parametrize("data", [pytest.param(d, id=name) for name, d in huge_files()])
def test_headers_that_claim_terabytes(data):
    tracemalloc.start()
    try:
        for read in (read_labels, read_image):
            with contextlib.suppress(DataError):
                assert read(data, "x").size < 10**4
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**24


def packed_tiff(levels, bits):
    """A TIFF of 1 or 4 bits per value, 8 pixels a row."""
    rows = b"".join(made.pack_rows(levels, bits))
    data = bytearray(made.make_tiff(levels, metadata=None, photometric="minisblack"))
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages[0]
        at, bits_at = page.dataoffsets[0], page.tags["BitsPerSample"].valueoffset
        count_at = page.tags["StripByteCounts"].valueoffset
    data[at : at + len(rows)] = rows
    data[bits_at : bits_at + 2] = bits.to_bytes(2, "little")
    data[count_at : count_at + 2] = len(rows).to_bytes(2, "little")
    return bytes(data)


class TestImages:
    def test_grey_becomes_rgb_and_alpha_is_dropped(self):
        grey = LABELS.astype(np.uint8)
        assert_array_equal(read_image(made.make_png(grey)), np.stack([grey] * 3, axis=2))
        colours = np.arange(4 * 3 * 4, dtype=np.uint8).reshape(4, 3, 4)
        assert_array_equal(read_image(made.make_png(colours, 8, made.RGBA)), colours[:, :, :3])
        assert_array_equal(read_image(made.make_npy(colours)), colours[:, :, :3])
        pair = colours[:, :, :2]
        got = read_image(made.make_png(pair, 8, made.GREY_ALPHA))
        assert_array_equal(got, np.repeat(pair[:, :, :1], 3, axis=2))

    def test_palette_becomes_colours(self):
        palette = np.arange(21, dtype=np.uint8).reshape(7, 3)
        data = made.make_png(LABELS, 4, made.PALETTE, palette=palette)
        assert_array_equal(read_image(data), palette[LABELS])

    def test_sixteen_bits_are_stretched_between_percentiles(self):
        ramp = np.arange(4000, dtype=np.uint16).reshape(40, 100) + 1000
        ramp[0, 0] = 65535  # a hot pixel
        for data in (made.make_png(ramp, 16), made.make_tiff(ramp), made.make_npy(ramp / 7)):
            got = read_image(data)[:, :, 0]
            assert got.min() == 0
            assert got.max() == 255
            assert abs(int(got[20, 0]) - 128) <= 1
            assert got[0, 0] == 255

    def test_few_bright_pixels_are_seen(self):
        """Less than 0.1 % of them, so that both percentiles are the ground."""
        dark = np.full((100, 100), 300, np.uint16)
        dark[40:42, 40:43] = 9000
        got = read_image(made.make_png(dark, 16))[..., 0]
        assert_array_equal(got, np.where(dark > 300, 255, 0))

    @pytest.mark.parametrize("bits", [1, 4])
    def test_tiffs_of_few_bits_are_scaled(self, bits):
        levels = np.arange(64, dtype=np.uint8).reshape(8, 8) % 2**bits
        data = packed_tiff(levels, bits)
        assert_array_equal(read_image(data)[..., 0], levels * (255 // (2**bits - 1)))
        assert_array_equal(read_labels(data), levels)

    def test_constant_images(self):
        assert not read_image(made.make_npy(np.full((3, 4), 900, np.uint16))).any()
        assert (read_image(made.make_npy(np.ones((3, 4), bool))) == 255).all()

    def test_nan(self):
        reading.refuses(made.make_npy(np.full((3, 4), np.nan)), "NaN", read_image)

    @pytest.mark.parametrize("shape", [(5,), (3, 4, 5), (3, 4, 2), (2, 3, 4, 3), (0, 4)])
    def test_other_shapes(self, shape):
        reading.refuses(made.make_npy(np.zeros(shape, np.uint8)), "shape", read_image)


class TestFiles:
    @pytest.mark.parametrize("read", [read_labels, read_image, image_size])
    def test_what_is_no_image(self, tmp_path, read):
        for name, data, match in [
            ("empty.png", b"", "empty"), ("text.png", b"hello world", "no PNG, TIFF"),
            ("page.tif", b"<html>", "no PNG, TIFF"),
        ]:  # fmt: skip
            (tmp_path / name).write_bytes(data)
            with pytest.raises(DataError, match=match) as caught:
                read(tmp_path / name)
            assert str(tmp_path / name) in str(caught.value)
        for path in (tmp_path, tmp_path / "missing.png"):
            with pytest.raises(DataError, match=path.name):
                read(path)

    def test_content_counts_not_the_ending(self, tmp_path):
        (tmp_path / "a.tif").write_bytes(made.make_png(LABELS, 16))
        assert_array_equal(read_labels(tmp_path / "a.tif"), LABELS)
        assert image_size(tmp_path / "a.tif") == LABELS.shape

    def test_files_of_several_blocks(self, tmp_path):
        labels = np.random.default_rng(0).integers(0, 9, (300, 400), np.int64)
        (tmp_path / "a.npy").write_bytes(made.make_npy(labels))
        assert_array_equal(read_labels(tmp_path / "a.npy"), labels)

    @pytest.mark.parametrize("make", [
        lambda a: made.make_png(a, 16), made.make_tiff, made.make_npy, made.make_bmp,
        lambda a: imagecodecs.jpeg8_encode(a.astype(np.uint8)),
    ])  # fmt: skip
    def test_sizes(self, tmp_path, make):
        (tmp_path / "a").write_bytes(make(LABELS))
        assert image_size(tmp_path / "a") == LABELS.shape

    @given(st.binary(max_size=60))
    def test_noise(self, noise):
        reading.error_or_labels(noise)

    @given(st.data())
    def test_changed_png(self, data):
        broken = bytearray(made.make_png(LABELS, 16))
        for _ in range(data.draw(st.integers(1, 3))):
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
        reading.error_or_labels(bytes(broken))


class TestWriting:
    @pytest.mark.parametrize("write", [write_label_png, write_label_tiff])
    @pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "i8", "f4", ">i4"])
    def test_round_trip(self, tmp_path, write, dtype):
        write(tmp_path / "a", LABELS.astype(dtype))
        assert_array_equal(read_labels(tmp_path / "a"), LABELS)
        assert image_size(tmp_path / "a") == LABELS.shape

    @pytest.mark.parametrize("largest", [65535, 65536, 2**31, 2**32 - 1])
    @pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (3, 3, 3), (4, 5, 3), (1, 3, 4)])
    def test_large_ids_and_volumes(self, tmp_path, largest, shape):
        labels = np.zeros(shape, np.int64)
        labels[..., 1, 2] = largest
        write_label_tiff(tmp_path / "a.tif", labels)
        got = read_labels(tmp_path / "a.tif")
        assert_array_equal(got.reshape(shape), labels)
        stored = tifffile.imread(tmp_path / "a.tif").dtype
        assert stored == (np.uint16 if largest == 65535 else np.uint32)

    def test_png_refuses_what_does_not_fit(self, tmp_path):
        labels = np.array([[0, 65536]])
        with pytest.raises(DataError, match="write a TIFF"):
            write_label_png(tmp_path / "a.png", labels)
        assert not (tmp_path / "a.png").exists()

    @pytest.mark.parametrize("write", [write_label_png, write_label_tiff])
    @pytest.mark.parametrize("labels", [[[0, -1]], [[0.5]], [[2**33]], [1, 2], [["a"]]])
    def test_bad_labels(self, tmp_path, write, labels):
        with pytest.raises(DataError):
            write(tmp_path / "a", np.array(labels))
        assert not (tmp_path / "a").exists()

    def test_tiff_is_compressed(self, tmp_path):
        write_label_tiff(tmp_path / "a.tif", np.full((500, 500), 70_000))
        assert (tmp_path / "a.tif").stat().st_size < 20_000
