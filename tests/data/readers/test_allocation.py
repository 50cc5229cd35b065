"""What a header may claim."""

import pytest

from nucfuse.data.readers.allocation import LARGEST_BYTES, LARGEST_RATIO, check_allocation
from nucfuse.errors import DataError


@pytest.mark.parametrize(
    ("claimed", "stored", "compressed"),
    [(100, 100, False), (100 * LARGEST_RATIO, 100, True), (LARGEST_BYTES, LARGEST_BYTES, False)],
)
def test_just_possible(claimed, stored, compressed):
    check_allocation(claimed, stored, compressed)


@pytest.mark.parametrize(
    ("claimed", "stored", "compressed", "match"),
    [
        (101, 100, False, "100 stored bytes cannot hold"),
        (100 * LARGEST_RATIO + 1, 100, True, "100 stored bytes cannot hold"),
        (1, 0, True, "cannot hold"),
        (LARGEST_BYTES + 1, LARGEST_BYTES + 1, False, "cut it into tiles"),
    ],
)
def test_impossible(claimed, stored, compressed, match):
    with pytest.raises(DataError, match=match):
        check_allocation(claimed, stored, compressed)
