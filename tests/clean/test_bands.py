"""Maps split band by band: the nuclei are those of the whole map."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.clean.bands import split_bands
from nucfuse.clean.splitting import split


def in_bands(maps, step):
    return (maps[..., y : y + step, :] for y in range(0, maps.shape[-2], step))


def spots(height, width, seed, n=40):
    """Squares that may touch, as a map of nucleus probability."""
    rng = np.random.default_rng(seed)
    maps = np.zeros((height, width), np.float32)
    for y, x in zip(rng.integers(0, height, n), rng.integers(0, width, n), strict=True):
        maps[y : y + 5, x : x + 6] = rng.uniform(0.6, 1)
    return maps


@given(st.integers(1, 250), st.integers(0, 99), st.integers(1, 70))
def test_components_are_those_of_the_whole(height, seed, step):
    maps = spots(height, 60, seed, 12)
    whole = split(maps, "threshold", source="a")
    # Even if all twelve touch they are not higher than the context.
    banded = split_bands(in_bands(maps, step), maps.shape, "threshold", context=60, source="a")
    assert len(banded) == len(whole)
    assert_array_equal(banded.to_labels() > 0, whole.to_labels() > 0)
    assert sorted(banded.to_rle()) == sorted(whole.to_rle())
    assert_allclose(np.sort(banded.scores), np.sort(whole.scores), rtol=1e-6)
    assert banded.source_names == ("a",)


@given(st.integers(0, 99), st.integers(5, 60))
def test_nuclei_are_disjoint_and_all_foreground_is_kept(seed, step):
    maps = spots(150, 80, seed)
    nuclei = split_bands(in_bands(maps, step), maps.shape, "watershed", context=40)
    assert nuclei.disjoint
    assert (nuclei.to_labels() > 0).mean() > 0.9 * (maps > 0.5).mean()


def test_channels_and_one_band():
    maps = np.stack([spots(60, 60, 1), np.zeros((60, 60)), spots(60, 60, 1)]).astype(np.float32)
    whole = split(maps, "interior")
    assert split_bands([maps], (60, 60), "interior") == whole
    banded = split_bands(in_bands(maps, 20), (60, 60), "interior", context=20)
    assert sorted(banded.to_rle()) == sorted(whole.to_rle())


def test_no_nuclei():
    assert len(split_bands([np.zeros((7, 5), np.float32)] * 2, (14, 5))) == 0


@pytest.mark.parametrize("n", [0, 1, 3])
def test_rows_that_do_not_add_up(n):
    with pytest.raises(ValueError, match="bands must have the 14 rows of the image, got"):
        split_bands([np.zeros((7, 5), np.float32)] * n, (14, 5))
