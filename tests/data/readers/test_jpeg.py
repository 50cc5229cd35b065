"""JPEG images; truncated ones are refused."""

import imagecodecs
import numpy as np
import reading
from hypothesis import given
from hypothesis import strategies as st

from nucfuse.data.readers.headers import image_size
from nucfuse.data.readers.raster import read_image


class TestJpeg:
    COLOURS = (np.add.outer(np.arange(40), np.arange(30))[:, :, None] * [1, 2, 3]).astype(np.uint8)

    def test_image(self):
        data = imagecodecs.jpeg8_encode(self.COLOURS, level=100)
        got = read_image(data)
        assert np.abs(got.astype(int) - self.COLOURS).mean() < 5
        assert image_size(data) == (40, 30)

    def test_labels_are_refused(self):
        reading.refuses(imagecodecs.jpeg8_encode(self.COLOURS), "JPEG blurs ids")

    def test_every_truncation_is_refused(self):
        data = imagecodecs.jpeg8_encode(self.COLOURS)
        for end in range(0, len(data), 7):
            reading.refuses(data[:end], read=read_image)

    @given(st.binary(max_size=80))
    def test_noise(self, noise):
        reading.error_or_labels(b"\xff\xd8" + noise)
