import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nucfuse.data.stains.sparse_nmf import amounts_of, sparse_nmf

COLOURS = np.array([[0.55, 0.75, 0.36], [0.1, 0.95, 0.3]])
COLOURS /= np.linalg.norm(COLOURS, axis=1, keepdims=True)


def mixtures(seed, n=400, alone=0.5):
    """Amounts of which many are 0, and the values they make."""
    rng = np.random.default_rng(seed)
    amounts = rng.gamma(2, 0.5, (n, 2)) * (rng.random((n, 2)) > alone)
    return amounts, amounts @ COLOURS


def cost(values, amounts, colours, penalty):
    return 0.5 * ((values - amounts @ colours) ** 2).sum() + penalty * amounts.sum()


@given(st.integers(0, 50), st.sampled_from([0, 0.01, 0.1, 1]))
def test_amounts_are_no_worse_than_any_on_a_grid(seed, penalty):
    rng = np.random.default_rng(seed)
    value = rng.normal(0.5, 1, 3)
    found = amounts_of(value[np.newaxis], COLOURS, penalty)
    assert (found >= 0).all()
    least = cost(value, found[0], COLOURS, penalty)
    grid = np.stack(np.meshgrid(*[np.arange(0, 3, 0.02)] * 2), axis=-1).reshape(-1, 2)
    costs = 0.5 * ((value - grid @ COLOURS) ** 2).sum(axis=1) + penalty * grid.sum(axis=1)
    assert least <= costs.min() + 1e-9


@pytest.mark.parametrize("penalty", [0, 0.05])
def test_no_round_makes_it_worse(penalty):
    _, values = mixtures(0)
    start = np.array([[0.9, 0.5, 0.5], [0.5, 0.6, 0.9]])
    costs = []
    for rounds in (1, 2, 4, 8, 16, 32, 64):
        colours = sparse_nmf(values, start, penalty, rounds)
        costs.append(cost(values, amounts_of(values, colours, penalty), colours, penalty))
    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(costs))


def test_the_colours_of_sparse_mixtures_are_found_again():
    _, values = mixtures(1, 3000)
    found = sparse_nmf(values, np.array([[0.7, 0.6, 0.4], [0.4, 0.8, 0.4]]), 0.02, 500)
    assert_allclose((found * COLOURS).sum(axis=1), 1, atol=2e-3)


def test_exact_mixtures_give_their_amounts():
    amounts, values = mixtures(2)
    assert_allclose(amounts_of(values, COLOURS, 0), amounts, atol=1e-9)


def test_colours_have_length_one_are_not_negative_and_inputs_stay():
    _, values = mixtures(3)
    start = np.array([[2.0, 0.1, 0.1], [0.1, 0.1, 2.0]])
    before = values.copy(), start.copy()
    found = sparse_nmf(values, start, 0.1)
    assert (found >= 0).all()
    assert_allclose(np.linalg.norm(found, axis=1), 1)
    assert (values == before[0]).all()
    assert (start == before[1]).all()


def test_values_of_nothing_leave_the_colours_as_they_were():
    assert_allclose(sparse_nmf(np.zeros((5, 3)), COLOURS, 0.1), COLOURS)


def test_a_large_penalty_leaves_no_amounts():
    _, values = mixtures(4)
    assert not amounts_of(values, COLOURS, 100).any()
    assert_allclose(sparse_nmf(values, COLOURS, 100), COLOURS)
