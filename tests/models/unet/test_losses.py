import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import training as naive

from nucfuse.errors import DataError
from nucfuse.models.unet import losses


@st.composite
def pairs(draw, channels):
    """Targets of 0 and 1 and probabilities off both ends, (2, H, W, K) float32."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (2, draw(st.integers(1, 4)), draw(st.integers(1, 4)), channels)
    true = (rng.random(shape) < draw(st.sampled_from((0.0, 0.3, 1.0)))).astype(np.float32)
    return true, rng.uniform(0.02, 0.98, shape).astype(np.float32)


def one_hot(true):
    return np.eye(3, dtype=np.float32)[true[..., :3].argmax(axis=-1)]


@settings(max_examples=30)
@given(pairs(2))
def test_losses_of_sigmoids_match_naive(pair):
    bce, dice = naive.binary_cross_entropy(*pair), naive.dice(*pair)
    assert float(losses.binary_cross_entropy(*pair)) == pytest.approx(bce, rel=1e-4)
    assert float(losses.dice(*pair)) == pytest.approx(dice, rel=1e-4, abs=1e-6)
    assert float(losses.bce_dice(*pair)) == pytest.approx(bce + dice, rel=1e-4)


@settings(max_examples=30)
@given(pairs(4))
def test_cross_entropy_matches_naive_with_and_without_a_distance(pair):
    true, pred = pair
    classes = one_hot(true)
    weights = (1.0, 0.5, 2.0)
    loss = losses.cross_entropy(weights)
    expected = naive.cross_entropy(classes, pred[..., :3], weights)
    assert float(loss(classes, pred[..., :3])) == pytest.approx(expected, rel=1e-4)
    both = np.concatenate([classes, true[..., 3:]], axis=-1)
    assert float(loss(both, pred)) == pytest.approx(
        naive.cross_entropy(both, pred, weights), rel=1e-4
    )


@settings(max_examples=30)
@given(pairs(1))
def test_lovasz_hinge_matches_naive(pair):
    expected = naive.lovasz_hinge(*pair)
    assert float(losses.lovasz_hinge(*pair)) == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_what_is_right_costs_less(name):
    rng = np.random.default_rng(0)
    true = (rng.random((1, 8, 8, 1)) < 0.5).astype(np.float32)
    loss = losses.loss_of(name, (), 1)
    assert float(loss(true, 0.01 + 0.98 * true)) < float(loss(true, 0.4 + 0.2 * true))
    assert np.isfinite(float(loss(true, 1 - true)))


def test_a_loss_of_classes_needs_classes():
    with pytest.raises(DataError, match="needs a head of three classes, this one has 1"):
        losses.loss_of("cross_entropy", (1, 1, 1), 1)
