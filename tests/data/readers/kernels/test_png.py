"""PNG filters, against their definition."""

import made_files
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from nucfuse.data.readers.kernels.png import unfilter_png


@given(st.data(), st.integers(1, 6), st.integers(1, 9), st.sampled_from([1, 2, 3, 4, 6, 8]))
def test_unfilter_undoes_the_filters(data, height, width, step):
    rows = data.draw(hnp.arrays(np.uint8, (height, width)))
    kinds = data.draw(st.lists(st.integers(0, 4), min_size=height, max_size=height))
    raw = made_files.filtered([row.tobytes() for row in rows], kinds, step)
    lines = np.frombuffer(raw, np.uint8).reshape(height, -1).copy()
    assert unfilter_png(lines, step)
    assert_array_equal(lines[:, 1:], rows)


def test_unknown_filter():
    assert not unfilter_png(np.array([[5, 0, 0]], np.uint8), 1)
