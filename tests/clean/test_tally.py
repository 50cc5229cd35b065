"""What cleaning counts adds up, and what it returns is what cleaning returns."""

import numpy as np
from hypothesis import given
from strategies import instance_sets

from nucfuse.clean.objects import clean_instances
from nucfuse.clean.overlaps import remove_overlaps
from nucfuse.clean.tally import Tally, clean_and_count
from nucfuse.masks.instances import Instances

RULES = {"speck": 2, "small": 0.2, "giant": 3.0}


@given(instance_sets(with_classes=True))
def test_cleaned_as_ever_and_all_are_counted(masks):
    cleaned, tally = clean_and_count(masks, "area", **RULES)
    assert cleaned == clean_instances(remove_overlaps(masks, "area"), **RULES)
    dropped = tally.covered + tally.specks + tally.giants
    assert (tally.n_before, tally.n_after) == (len(masks), len(cleaned))
    assert tally.n_before - dropped == tally.n_after


def test_each_reason():
    stack = np.zeros((7, 40, 40), bool)
    stack[0, 2:12, 2:12] = True
    stack[1, 2:12, 8:18] = True  # loses 4 columns to the first
    stack[2, 3:5, 3:5] = True  # covered
    stack[3, 20:22, 2:4] = True  # a speck
    stack[4, 20:30, 10:20] = True
    stack[4, 24, 14] = False  # a hole
    stack[5, 30:40, 25:40] = stack[5, 14:40, 30:40] = True  # a giant
    cleaned, tally = clean_and_count(
        Instances.from_masks(stack, scores=[0.9, 0.5, 0.1, 0.5, 0.5, 0.5, 0.5]), "score", giant=2
    )
    assert len(cleaned) == 3
    assert tally == Tally(7, 3, pixels=44, cut=1, covered=2, specks=1, giants=1, filled=1)
    assert tally.plus(tally).pixels == 88
