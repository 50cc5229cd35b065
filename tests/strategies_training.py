"""Label images as training takes them."""

import numpy as np
from hypothesis import strategies as st
from strategies import label_images


@st.composite
def small_labels(draw):
    """A label image of int32 whose ids are few."""
    labels = draw(label_images())
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)
