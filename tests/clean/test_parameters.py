import numpy as np
import pytest

from nucfuse.clean.parameters import Parameter, resolve

SHARE = Parameter("share", 0.5, 0, 1, "how much")
COUNT = Parameter("count", 2, 1, float("inf"), "how many")


def test_whole_and_boundless_parameters():
    assert COUNT.checked(np.int64(7)) == 7
    assert COUNT.checked(3.0) == 3
    assert isinstance(COUNT.checked(3.0), int)
    for bad in (1.5, 0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="count must be a whole number of at least 1, got"):
            COUNT.checked(bad)


def test_numbers_of_any_kind_and_both_ends():
    for value in (0, 1, True, np.float32(0.25), np.int8(1)):
        assert SHARE.checked(value) == value
        assert isinstance(SHARE.checked(value), float)
    for bad in (-1e-9, 1 + 1e-9, float("nan"), None, "0.5x", [0.5, 0.5]):
        with pytest.raises(ValueError, match=r"share must be a number in \[0, 1\], got"):
            SHARE.checked(bad)


def test_resolve_fills_in_defaults_and_refuses_strangers():
    assert resolve((SHARE, COUNT), {"count": 5}, "it") == {"share": 0.5, "count": 5}
    with pytest.raises(ValueError, match="it has no parameter 'shares'; it has: share, count"):
        resolve((SHARE, COUNT), {"shares": 1}, "it")
