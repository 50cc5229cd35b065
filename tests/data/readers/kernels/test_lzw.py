"""Sizes of LZW streams, against what an encoder writes."""

import imagecodecs
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nucfuse.data.readers.kernels.lzw import lzw_size


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
