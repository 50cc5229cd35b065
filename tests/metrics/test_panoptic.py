"""Panoptic quality by itself."""

import naive_metrics as naive
import numpy as np
import pytest
from hypothesis import given
from strategies import label_pairs

from nucfuse.masks.overlap import overlaps
from nucfuse.metrics.panoptic import panoptic_quality


@given(label_pairs())
def test_matches_naive(pair):
    true, pred = map(naive.stack_of, pair)
    assert tuple(panoptic_quality(overlaps(*pair))) == pytest.approx(naive.panoptic(true, pred))


def test_an_iou_of_one_half_is_no_hit():
    assert panoptic_quality(overlaps(np.array([[1, 1]]), np.array([[1, 0]]))) == (0, 0, 0)
