"""Plain BMP files."""

import imagecodecs
import made_files as made
import numpy as np
import pytest
import reading
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from reading import LABELS

from nucfuse.data.readers.headers import image_size
from nucfuse.data.readers.raster import read_image, read_labels


class TestBmp:
    @pytest.mark.parametrize("upwards", [True, False])
    @pytest.mark.parametrize("width", [5, 6, 7, 8])
    def test_labels(self, upwards, width):
        labels = np.arange(3 * width, dtype=np.uint8).reshape(3, width)
        data = made.make_bmp(labels, upwards)
        assert_array_equal(read_labels(data), labels)
        assert image_size(data) == (3, width)

    @pytest.mark.parametrize("channels", [3, 4])
    def test_images(self, channels):
        colours = np.arange(3 * 5 * channels, dtype=np.uint8).reshape(3, 5, channels)
        assert_array_equal(read_image(made.make_bmp(colours)), colours[:, :, :3])
        assert_array_equal(
            imagecodecs.bmp_decode(made.make_bmp(colours[:, :, :3])), colours[:, :, :3]
        )

    def test_every_truncation_is_refused(self):
        data = made.make_bmp(LABELS)
        for end in range(len(data)):
            reading.refuses(data[:end])

    @given(st.binary(max_size=80))
    def test_noise(self, noise):
        reading.error_or_labels(b"BM" + noise)

    @given(st.data())
    def test_changed_bytes(self, data):
        broken = bytearray(made.make_bmp(LABELS))
        for _ in range(data.draw(st.integers(1, 3))):
            broken[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
        reading.error_or_labels(bytes(broken))
