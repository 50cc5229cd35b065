"""Hypothesis strategies for detectors: boxes, small configurations, label images with boxes."""

import numpy as np
from hypothesis import strategies as st

from nucfuse.models.mask_rcnn.config import MaskRCNNConfig


@st.composite
def boxes(draw, side=32, min_size=0, max_size=8):
    """(N, 4) float32 at quarters of a pixel, of positive height and width; many share edges."""
    n = draw(st.integers(min_size, max_size))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    step = draw(st.sampled_from([1, 4, 16]))  # quarters of a pixel
    cells = side * 4 // step
    low = rng.integers(0, cells, (n, 2))
    high = rng.integers(low + 1, cells + 1)
    return (np.concatenate([low, high], axis=1) * step / 4).astype(np.float32)


@st.composite
def configs(draw, **values):
    """Small networks of one or two levels, with anchors of any size."""
    n_levels = draw(st.integers(1, 2))
    first = draw(st.sampled_from([4, 8]))
    strides = tuple(first * 2**k for k in range(n_levels))
    sizes = st.sampled_from([4.0, 8.0, 12.0, 24.0, 48.0])
    given = {
        "input": "neutral", "means": (), "size": 0, "backbone": "small", "strides": strides,
        "widths": (8,) * (strides[-1].bit_length() - 1),
        "anchor_sizes": tuple(draw(st.lists(sizes, min_size=n_levels, max_size=n_levels))),
        "ratios": draw(st.sampled_from([(0.5, 1.0, 2.0), (1.0,), (0.25, 4.0)])),
    }  # fmt: skip
    return MaskRCNNConfig(**{**given, **values})
