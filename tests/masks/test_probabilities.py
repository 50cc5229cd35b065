import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from nucfuse.masks.probabilities import check_form, check_probabilities, check_range

maps = array_shapes(min_dims=2, max_dims=3, max_side=5).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.floats(0, 1, width=32))
)


@given(maps)
def test_what_needs_no_change_is_not_copied(array):
    assert check_form(array) is array
    assert check_probabilities(array) is array
    check_range(array)


@given(maps, st.sampled_from(["f8", ">f4", "F", "strided"]))
def test_other_forms_become_contiguous_float32(array, form):
    other = {
        "f8": lambda: array.astype(np.float64),
        ">f4": lambda: array.astype(">f4"),
        "F": lambda: np.asfortranarray(array),
        "strided": lambda: np.repeat(array, 2, axis=-1)[..., ::2],
    }[form]()
    checked = check_probabilities(other)
    assert checked.dtype == np.float32
    assert checked.flags.c_contiguous
    assert_array_equal(checked, array)


@given(maps, st.sampled_from([np.nan, np.inf, -np.inf, -0.01, 1.01, 300.0]), st.data())
def test_the_first_value_outside_is_named(array, bad, data):
    at = tuple(data.draw(st.integers(0, n - 1)) for n in array.shape)
    array = array.copy()
    array[at] = bad
    with pytest.raises(ValueError) as caught:
        check_probabilities(array, "p")
    assert f"p must lie in [0, 1], got {bad:g} at {at}; " in str(caught.value)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((2, 2), 255, np.uint8), r"got 255 at \(0, 0\); divide by 255 if that is its 1"),
        (np.full((2, 2), 9, np.uint16), "divide by 65535"),
        (np.array([[-2.0, 2.0]]), "apply a sigmoid first"),
        (np.array([[1.0, 2.0]]), "rescale it first"),
        (np.array([[np.nan, 2.0]]), "replace NaN and infinite values first"),
        (np.array([[1e300]]), "replace NaN and infinite values first|rescale"),
    ],
)
def test_remedies(array, words):
    with pytest.raises(ValueError, match=words):
        check_probabilities(array)


def test_rounding_beyond_float32_is_no_error():
    checked = check_probabilities([[1 + 1e-12, -1e-60]])
    assert_array_equal(checked, [[1, 0]])


@pytest.mark.parametrize("shape", [(), (3,), (0, 3), (2, 0, 2), (1, 1, 1, 1)])
def test_shapes(shape):
    with pytest.raises(ValueError, match=r"must be a map \(H, W\) or maps \(C, H, W\)"):
        check_probabilities(np.zeros(shape))


@pytest.mark.parametrize("dtype", [complex, object, str, "M8[s]"])
def test_dtypes(dtype):
    with pytest.raises(TypeError, match=r"probabilities must hold real numbers, got dtype"):
        check_probabilities(np.zeros((2, 2), dtype))
