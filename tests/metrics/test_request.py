"""What may be asked of a score."""

import numpy as np
import pytest

from nucfuse.metrics.request import DSB_PERCENTS, as_percents, percent_array


def test_thresholds_as_fractions():
    assert as_percents([0.75, 0.5, 1]) == (50, 75, 100)
    assert as_percents(np.arange(0.5, 1, 0.05)) == tuple(DSB_PERCENTS)


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ([50], "got 50"),
        ([0.555], "whole percents"),
        ([-0.1], "from 0 to 1"),
        ([float("nan")], "whole percents"),
        ([0.5, 0.5], "different"),
        ([], "one or more"),
    ],
)
def test_bad_fractions(thresholds, message):
    with pytest.raises(ValueError, match=message):
        as_percents(thresholds)


def test_percents_are_made_once():
    assert percent_array([50, 75]) is percent_array((50, 75))
