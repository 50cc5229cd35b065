"""Grey images as probability maps."""

import numpy as np
import pytest

from nucfuse.data.dataset import Sample
from nucfuse.data.formats.grey_maps import GreyMaps
from nucfuse.data.io import write_dataset
from nucfuse.errors import DataError

VALUES = np.array([[0, 51, 255], [102, 0, 0]])


@pytest.fixture
def folder(tmp_path):
    write_dataset(tmp_path / "maps", [Sample("b", VALUES), Sample("a", VALUES)], "labels")
    return tmp_path / "maps"


def test_values_over_the_largest(folder):
    maps = GreyMaps(folder, 255)
    assert (maps.ids, maps.path) == (["a", "b"], folder)
    read = maps.read("b")
    assert (read.dtype, read.shape) == (np.float32, (1, 2, 3))
    np.testing.assert_allclose(read[0], [[0, 0.2, 1], [0.4, 0, 0]], rtol=1e-6)


def test_what_cannot_be_a_map(folder):
    with pytest.raises(DataError, match="image 'a' holds 255, above --map-max 100"):
        GreyMaps(folder, 100).read("a")
    for largest in (0, -1, float("nan")):
        with pytest.raises(DataError, match="--map-max must be above 0"):
            GreyMaps(folder, largest)
    write_dataset(folder, [Sample("c", np.ones((2, 2, 2), int))], "labels")
    with pytest.raises(DataError, match="expected one map"):
        GreyMaps(folder, 255).read("c")
