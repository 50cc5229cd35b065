"""Which mask has the stronger claim."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nucfuse.masks.ranking import ranked_masks

SCORES = st.sampled_from([0.0, -0.0, 0.25, 0.5, np.nan, -np.inf, np.inf])


@given(
    st.lists(st.tuples(SCORES, st.integers(0, 3)), max_size=8), st.sampled_from(["score", "area"])
)
def test_matches_sorting_by_the_definition(masks, by):
    scores = np.array([score for score, _ in masks], np.float32)
    areas = np.array([area for _, area in masks], np.int64)

    def weakness(k):
        unscored = bool(np.isnan(scores[k]))
        score = (unscored, 0.0 if unscored else -float(scores[k]))
        area = -int(areas[k])
        return (area, *score, k) if by == "area" else (*score, area, k)

    assert ranked_masks(scores, areas, by).tolist() == sorted(range(len(masks)), key=weakness)
