"""Resampling and its intervals."""

import numpy as np
import pytest

from nucfuse.metrics import bootstrap


def test_every_draw_has_as_many_images():
    weights = np.concatenate(list(bootstrap.resamplings(7, 50, seed=1)))
    assert weights.shape == (50, 7) and (weights.sum(axis=1) == 7).all()
    assert (weights == weights.round()).all() and weights.min() == 0


def test_the_seed_decides():
    one, two, three = (np.concatenate(list(bootstrap.resamplings(9, 20, s))) for s in (3, 3, 4))
    assert (one == two).all() and (one != three).any()


def test_chunks_do_not_change_the_draws(monkeypatch):
    whole = np.concatenate(list(bootstrap.resamplings(9, 20, seed=3)))
    monkeypatch.setattr(bootstrap, "_CHUNK", 40)
    parts = list(bootstrap.resamplings(9, 20, seed=3))
    assert len(parts) == 5 and (np.concatenate(parts) == whole).all()


def test_the_interval_holds_the_middle():
    values = np.stack([np.arange(101.0), np.full(101, np.nan)], axis=1)
    values[:1, 0] = np.nan
    low, high = bootstrap.interval(values, 0.9)
    np.testing.assert_allclose(low, [5.95, np.nan])
    np.testing.assert_allclose(high, [95.05, np.nan])


@pytest.mark.parametrize(("level", "draws"), [(0, 3), (1, 3), (95, 3), (0.95, 0)])
def test_bad_levels(level, draws):
    with pytest.raises(ValueError, match="level between 0 and 1"):
        bootstrap.interval(np.zeros((draws, 2)), level)
