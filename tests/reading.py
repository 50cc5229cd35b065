"""What every image reader must do with bad files: one DataError, and nothing else."""

import numpy as np
import pytest

from nucfuse.data.readers.headers import image_size
from nucfuse.data.readers.raster import read_image, read_labels
from nucfuse.errors import DataError

LABELS = (np.add.outer(np.arange(9), np.arange(7)) // 3).astype(np.uint16)


def refuses(data, match=None, read=read_labels):
    with pytest.raises(DataError, match=match) as caught:
        read(data, "cell.png")
    assert str(caught.value).startswith("cell.png: ")


def error_or_labels(data):
    """Nothing but these two may come of any bytes."""
    try:
        labels = read_labels(data, "x")
    except DataError as problem:
        assert str(problem).startswith("x: ")
    else:
        assert labels.ndim in (2, 3)
        assert labels.dtype in (np.uint8, np.uint16, np.int32, np.int64)
        assert labels.min() >= 0
    try:
        image = read_image(data, "x")
    except DataError:
        pass
    else:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3
    try:
        size = image_size(data, "x")
    except DataError:
        pass
    else:
        assert size is None or (len(size) == 2 and all(isinstance(n, int) for n in size))
