"""What a header may claim."""

import pytest

from nucfuse.data.readers.allocation import DEFLATE, check_allocation, largest_bytes
from nucfuse.errors import DataError
from nucfuse.masks.allocation import MAX_PIXELS, set_max_pixels

MOST = largest_bytes()


@pytest.fixture(autouse=True)
def _limit():
    yield
    set_max_pixels(MAX_PIXELS)


@pytest.mark.parametrize(
    ("claimed", "stored", "ratio"),
    [(100, 100, 1), (100 * DEFLATE, 100, DEFLATE), (MOST, MOST, 1)],
)
def test_just_possible(claimed, stored, ratio):
    check_allocation(claimed, stored, ratio)


@pytest.mark.parametrize(
    ("claimed", "stored", "ratio", "match"),
    [
        (101, 100, 1, "100 stored bytes cannot hold"),
        (100 * DEFLATE + 1, 100, DEFLATE, "100 stored bytes cannot hold"),
        (1, 0, DEFLATE, "cannot hold"),
        (MOST + 1, MOST + 1, 1, "cut it into tiles"),
    ],
)
def test_impossible(claimed, stored, ratio, match):
    with pytest.raises(DataError, match=match):
        check_allocation(claimed, stored, ratio)


def test_pixels_are_limited():
    check_allocation(2**30, 2**30, shape=(2**15, 2**15))
    with pytest.raises(DataError, match=r"40000 x 40000 pixels are more.*--max-pixels 1600000000"):
        check_allocation(2**30, 2**30, shape=(40_000, 40_000))
    set_max_pixels(100)
    check_allocation(800, 800, shape=(10, 10))
    with pytest.raises(DataError, match="11 x 10 pixels are more than the 100"):
        check_allocation(110, 110, shape=(11, 10))
    with pytest.raises(DataError, match="give --max-pixels 101"):
        check_allocation(801, 801)
