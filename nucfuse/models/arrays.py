"""Types of the arrays that networks take and give; their shapes stand in the docstrings."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Pixels = NDArray[np.uint8]
Shape = tuple[int, int]  # height, width
