"""Agreement in pixels by itself."""

import naive_metrics as naive
import numpy as np
import pytest
from hypothesis import given
from strategies import label_pairs, stack_pairs

from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import overlaps
from nucfuse.metrics.pixel import dice, object_dice, pixel_iou


@given(label_pairs() | stack_pairs())
def test_match_naive(pair):
    if pair[0].ndim == 3:
        (true, pred), shape = pair, pair[0].shape[1:]
        pairs = overlaps(*map(Instances.from_masks, pair))
    else:
        (true, pred), shape = map(naive.stack_of, pair), pair[0].shape
        pairs = overlaps(*pair)
    assert dice(pairs) == pytest.approx(naive.dice(true, pred, shape))
    assert pixel_iou(pairs) == pytest.approx(naive.pixel_iou(true, pred, shape))
    assert object_dice(pairs) == pytest.approx(naive.object_dice(true, pred))


def test_foreground_does_not_ask_whose_it_is():
    pairs = overlaps(np.array([[1, 1, 2, 2]]), np.array([[5, 6, 6, 5]]))
    assert dice(pairs) == pixel_iou(pairs) == 1.0 and object_dice(pairs) == 0.5
