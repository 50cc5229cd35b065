"""The npy reader: numbers only, strict, nothing unpickled."""

import made_files as made
import numpy as np
import pytest
import reading
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from reading import LABELS

from nucfuse.data.readers.raster import read_labels


class TestNpy:
    @given(
        hnp.arrays(
            st.sampled_from(["<u1", "<u2", ">u2", "<i4", ">i4", "<i8", "<u4", ">u8", "<i2"]),
            st.one_of(st.tuples(*[st.integers(1, 4)] * 2), st.tuples(*[st.integers(1, 3)] * 3)),
            elements=st.integers(0, 127),
        ),
        st.booleans(),
    )
    def test_kinds(self, labels, fortran):
        stored = np.asfortranarray(labels) if fortran else labels
        got = read_labels(made.make_npy(stored), stack="volume")
        assert_array_equal(got, labels)
        assert got.dtype.isnative
        assert got.flags.c_contiguous
        assert got.flags.writeable

    def test_bool(self):
        assert_array_equal(read_labels(made.make_npy(LABELS > 2)), LABELS > 2)

    def test_whole_floats(self):
        assert_array_equal(read_labels(made.make_npy(LABELS.astype(np.float32))), LABELS)

    @pytest.mark.parametrize(
        ("value", "match"),
        [
            (0.5, "whole numbers"),
            (np.nan, "NaN"),
            (np.inf, "NaN or infinity"),
            (-3, "negative id -3"),
            (1e300, "2\\*\\*62"),
        ],
    )
    def test_bad_values(self, value, match):
        labels = np.zeros((3, 4))
        labels[1, 2] = value
        reading.refuses(made.make_npy(labels), match)

    @pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8"])
    def test_negative_ids(self, dtype):
        reading.refuses(made.make_npy(np.array([[0, 1], [-2, 3]], dtype)), "negative id -2")

    def test_ids_beyond_2_to_62(self):
        reading.refuses(made.make_npy(np.array([[2**63]], np.uint64)), "largest allowed")

    def test_uint32_becomes_int32_where_it_can(self):
        assert read_labels(made.make_npy(np.array([[70_000]], np.uint32))).dtype == np.int32
        big = read_labels(made.make_npy(np.array([[2**32 - 1]], np.uint32)))
        assert_array_equal(big, [[2**32 - 1]])

    def test_objects_are_never_unpickled(self):
        class Bomb:
            def __reduce__(self):
                return exec, ("raise SystemExit('unpickled')",)

        data = made.make_npy(np.array([[Bomb()]], object))
        reading.refuses(data, "never unpickles")

    @pytest.mark.parametrize("array", [
        np.zeros((2, 2), [("a", "i4")]), np.zeros((2, 2), complex), np.zeros((2, 2), "U3"),
        np.zeros((2, 2), "M8[s]"),
    ])  # fmt: skip
    def test_other_types(self, array):
        reading.refuses(made.make_npy(array), "records|type")

    @pytest.mark.parametrize("shape", [(), (4,), (1, 2, 3, 4), (0, 3), (3, 0), (0, 0, 0)])
    def test_other_shapes(self, shape):
        reading.refuses(made.make_npy(np.zeros(shape, np.uint8)), "axes|at least one pixel")

    def test_every_truncation_is_refused(self):
        data = made.make_npy(LABELS)
        for end in range(len(data)):
            reading.refuses(data[:end])

    @pytest.mark.parametrize(
        "text",
        [
            "{'descr': '<u2', 'fortran_order': False, 'shape': (-1, 4), }",
            "{'descr': '<u2', 'fortran_order': False, 'shape': (" + "9" * 5000 + ", 4), }",
            "{'descr': '<u2', 'fortran_order': False, 'shape': (1 2, 4), }",
            "{'descr': '<u2', 'fortran_order': False}",
            "{'descr': '<u2', 'shape': (1, 4)}",
            "{'descr': '<u99', 'fortran_order': False, 'shape': (1, 4), }",
            "__import__('os').abort()",
            "(" * 3000,
        ],
    )
    def test_bad_headers(self, text):
        reading.refuses(made.npy_with_header(text, bytes(8)))
        reading.refuses(made.npy_with_header(text, bytes(8), version=2))

    def test_other_order_and_quotes_in_the_header(self):
        text = '{"shape": (1, 4), "fortran_order": False, "descr": "<u2"}'
        data = made.npy_with_header(text, np.arange(4, dtype="<u2").tobytes(), version=3)
        assert_array_equal(read_labels(data), [[0, 1, 2, 3]])

    @given(st.binary(max_size=100))
    def test_noise(self, noise):
        reading.error_or_labels(b"\x93NUMPY" + noise)

    @given(st.text(max_size=60), st.text(max_size=40), st.booleans(), st.binary(max_size=40))
    def test_wild_headers(self, descr, shape, fortran, content):
        text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({shape}), }}"
        data = text.encode("ascii", "replace").decode()
        reading.error_or_labels(made.npy_with_header(data, content))

    @given(st.data())
    def test_changed_bytes(self, data):
        broken = bytearray(made.make_npy(LABELS))
        for _ in range(data.draw(st.integers(1, 3))):
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
        reading.error_or_labels(bytes(broken))


def test_claims_are_named():
    reading.refuses(made.npy_with_header(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1048576, 1048576), }", bytes(100)
    ), "claims 8796093022208 bytes of data, which 100 stored bytes cannot hold")  # fmt: skip
