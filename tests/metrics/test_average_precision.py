"""The DSB score by itself, and precision, recall and F1."""

import naive_metrics as naive
import numpy as np
import pytest
from hypothesis import given
from strategies import label_pairs

from nucfuse.masks.overlap import overlaps
from nucfuse.metrics.average_precision import detection_scores, dsb_ap, precision_at


@given(label_pairs())
def test_dsb_ap_matches_naive(pair):
    true, pred = map(naive.stack_of, pair)
    assert dsb_ap(overlaps(*pair)) == pytest.approx(naive.dsb_ap(true, pred, range(50, 100, 5)))


def test_precision_at_many_images():
    assert precision_at([1, 0, 0], [2, 0, 3], [1, 0, 0]).tolist() == [0.5, 1.0, 0.0]


def test_detection_scores():
    precision, recall, f1 = detection_scores([3, 0, 0], [4, 0, 2], [6, 0, 0])
    assert precision.tolist() == [0.5, 1.0, 0.0]
    assert recall.tolist() == [0.75, 1.0, 0.0]
    np.testing.assert_allclose(f1, [0.6, 1.0, 0.0])
