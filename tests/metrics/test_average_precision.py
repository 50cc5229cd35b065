"""The DSB score by itself."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from naive import metrics as naive

from nucfuse.metrics.average_precision import dsb_ap, dsb_precision


@given(st.lists(st.integers(0, 6), min_size=1, max_size=10), st.integers(6, 9), st.integers(6, 9))
def test_matches_naive_and_is_the_same_alone_and_among_others(tp, n_true, n_pred):
    alone = dsb_ap(tp, n_true, n_pred)
    assert alone == sum(naive.precision(hits, n_true, n_pred) for hits in tp) / len(tp)
    many = dsb_ap(np.array([tp] * 3), np.full((3, 1), n_true), np.full((3, 1), n_pred))
    assert (many == alone).all()


def test_images_without_nuclei():
    assert dsb_precision([1, 0, 0], [2, 0, 3], [1, 0, 0]).tolist() == [0.5, 1.0, 0.0]
