import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.data.stains.reinhard import reinhard


def space(pixel):
    """Reinhard's l-alpha-beta of one pixel, from his equations 4 and 6; natural logarithms."""
    r, g, b = (float(v) + 1 for v in pixel)
    long = np.log(0.3811 * r + 0.5783 * g + 0.0402 * b)
    middle = np.log(0.1967 * r + 0.7244 * g + 0.0782 * b)
    short = np.log(0.0241 * r + 0.1288 * g + 0.8444 * b)
    return [
        (long + middle + short) / 3**0.5,
        (long + middle - 2 * short) / 6**0.5,
        (long - middle) / 2**0.5,
    ]


def statistics(image):
    values = np.array([space(pixel) for pixel in image.reshape(-1, 3)])
    return values.mean(axis=0), values.std(axis=0)


def scene(low, high, seed=0, shape=(20, 30)):
    rng = np.random.default_rng(seed)
    return rng.integers(low, high, (*shape, 3)).astype(np.uint8)


def test_mean_and_spread_become_those_of_the_reference():
    image, reference = scene((120, 60, 110), (180, 140, 190)), scene((100, 80, 60), (150, 130, 120))
    found, expected = statistics(reinhard(image, reference)), statistics(reference)
    assert_allclose(found[0], expected[0], atol=0.01)
    assert_allclose(found[1], expected[1], rtol=0.05, atol=0.003)


def test_without_a_reference_the_published_one_is_taken():
    rng = np.random.default_rng(0)
    stained = rng.integers(0, 2, (20, 30, 1)) * np.array([60, 90, 40]) + (120, 60, 130)
    mean, spread = statistics(
        reinhard((stained + rng.integers(0, 30, stained.shape)).astype(np.uint8))
    )
    assert_allclose(mean, [8.632, -0.115, 0.0387], atol=0.03)
    assert_allclose(spread[0], 0.575, rtol=0.1)


def test_an_image_in_its_own_colours_stays():
    image = scene(30, 220)
    assert np.abs(reinhard(image, image).astype(int) - image).max() <= 1


@pytest.mark.parametrize("value", [(0, 0, 0), (255, 255, 255), (120, 60, 140)])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7)])
def test_an_image_of_one_colour_stays(value, shape):
    image = np.full((*shape, 3), value, np.uint8)
    found = reinhard(image)
    assert_array_equal(found, image)
    assert not np.shares_memory(found, image)


def test_a_reference_of_one_colour_gives_that_colour():
    found = reinhard(scene(30, 220), np.full((4, 4, 3), (120, 60, 140), np.uint8))
    assert np.abs(found.astype(int) - (120, 60, 140)).max() <= 1


def test_grey_images_move_only_in_colour():
    grey = np.repeat(scene(100, 200)[..., :1], 3, axis=2)
    found = reinhard(grey, scene((150, 90, 150), (190, 140, 190), 1)).astype(int)
    assert len({tuple(p) for p in found.reshape(-1, 3)}) <= len(np.unique(grey))
    assert np.isfinite(found).all()
    assert (found[..., 1] <= found[..., 0]).all()


@given(arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3))))
def test_any_image_gives_an_image(image):
    before = image.copy()
    found = reinhard(image)
    assert (found.shape, found.dtype) == (image.shape, np.uint8)
    assert_array_equal(image, before)


def test_other_images_are_refused():
    with pytest.raises(ValueError, match=r"image must be RGB of shape \(H, W, 3\)"):
        reinhard(np.zeros((4, 4), np.uint8))
    with pytest.raises(TypeError, match="image must be uint8"):
        reinhard(scene(0, 9), np.zeros((4, 4, 3)))
