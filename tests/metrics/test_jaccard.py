"""Both readings of the aggregated Jaccard index by themselves."""

import naive_metrics as naive
import numpy as np
import pytest
from hypothesis import given
from strategies import label_pairs, stack_pairs

from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import overlaps
from nucfuse.metrics.jaccard import aji, aji_plus


@given(label_pairs())
def test_match_naive(pair):
    true, pred = map(naive.stack_of, pair)
    pairs = overlaps(*pair)
    assert aji(pairs) == pytest.approx(naive.aji(true, pred))
    assert aji_plus(pairs) == pytest.approx(naive.aji_plus(true, pred))


@given(stack_pairs())
def test_overlapping_masks_match_naive(stacks):
    pairs = overlaps(*map(Instances.from_masks, stacks))
    assert aji(pairs) == pytest.approx(naive.aji(*stacks))
    assert aji_plus(pairs) == pytest.approx(naive.aji_plus(*stacks))


def test_a_prediction_serves_two_truths_in_one_reading_only():
    pairs = overlaps(np.array([[1, 1, 1, 2, 2, 2]]), np.array([[1, 1, 1, 1, 1, 1]]))
    assert aji(pairs) == 6 / 12 and aji_plus(pairs) == 3 / 9


def test_an_assignment_may_leave_the_best_pair():
    """IoU 5/11 in the middle gives way to 3/11 on either side of it."""
    true = np.array([[0] * 4 + [1] * 8 + [2] * 6])
    pred = np.array([[0] + [2] * 6 + [1] * 8 + [0] * 3])
    assert aji_plus(overlaps(true, pred)) == 6 / 22


def test_a_truth_that_nothing_touches_joins_the_union():
    pairs = overlaps(np.array([[1, 1, 0, 2]]), np.array([[1, 1, 0, 0]]))
    assert aji(pairs) == aji_plus(pairs) == 2 / 3
