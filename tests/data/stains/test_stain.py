import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from skimage.color import rgb2hed

from nucfuse.data.stains import stain
from nucfuse.data.stains.stain import (
    REFERENCE,
    haematoxylin,
    macenko,
    pca_colour,
    stains_of,
    vahadane,
)

METHODS = {"macenko": macenko, "vahadane": vahadane}
LOG = -np.log(1e-6)  # scikit-image's unit of optical density


def tissue(colours=REFERENCE.colours, strengths=(1.5, 0.8), shape=(80, 100), seed=0):
    """Nuclei of one stain on a ground of the other, and white gaps."""
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    nuclei = ((rows % 20 - 10) ** 2 + (columns % 20 - 10) ** 2) < 40
    amounts = np.stack([nuclei * rng.uniform(0.6, 1, shape), ~nuclei * rng.uniform(0.5, 1, shape)])
    amounts[:, :, :10] = 0
    density = np.einsum("khw,kc->hwc", amounts * np.reshape(strengths, (2, 1, 1)), colours)
    return np.clip(np.rint(240 * np.exp(-density)), 0, 255).astype(np.uint8), nuclei


def images():
    side = st.integers(1, 8)
    return arrays(np.uint8, st.tuples(side, side, st.just(3)))


@given(images())
def test_haematoxylin_is_that_of_scikit_image(image):
    bright = np.maximum(image, 1)  # of 0 they have another logarithm
    assert_allclose(haematoxylin(bright), rgb2hed(bright)[..., 0] * LOG, atol=1e-5)
    assert_array_equal(haematoxylin(image), haematoxylin(bright))


def test_haematoxylin_sees_nuclei_only():
    ruifrok = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    image, nuclei = tissue(ruifrok)
    found = haematoxylin(image)
    assert found[:, 10:][nuclei[:, 10:]].min() > 3 * found[:, 10:][~nuclei[:, 10:]].max()


@given(images())
def test_the_principal_component_has_the_largest_spread(image):
    found = pca_colour(image)
    assert found.shape == image.shape[:2]
    assert_allclose(found.mean(), 0, atol=1e-3)
    spreads = [image[..., c].std() for c in range(3)]
    spreads.append(image.astype(float).mean(axis=2).std() * 3**0.5)
    assert found.std() >= max(spreads) - 1e-3
    variances = np.linalg.eigvalsh(np.cov(image.reshape(-1, 3).T, bias=True))
    assert_allclose(found.std() ** 2, variances[-1], rtol=1e-4, atol=1e-3)


def test_nuclei_are_positive_on_either_ground():
    image, nuclei = tissue()
    stained = pca_colour(image)
    assert stained[nuclei].mean() > stained[~nuclei].mean()
    dark = np.zeros((30, 30, 3), np.uint8)
    dark[5:9, 5:9] = (20, 90, 200)
    assert pca_colour(dark)[6, 6] > 0 > pca_colour(dark)[0, 0]


@pytest.mark.parametrize("method", METHODS)
def test_the_stains_of_made_tissue_are_found(method):
    colours = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    colours /= np.linalg.norm(colours, axis=1, keepdims=True)
    image, _ = tissue(colours)
    found = stains_of(image, method)
    assert ((found.colours * colours).sum(axis=1) > 0.99).all()
    assert_allclose(np.linalg.norm(found.colours, axis=1), 1)
    assert_allclose(found.strengths, [1.5, 0.8], rtol=0.1)
    swapped = stains_of(tissue(colours[::-1], strengths=(0.8, 1.5))[0], method)
    assert swapped.colours[0, 0] > swapped.colours[1, 0]


def test_macenko_matches_its_published_steps():
    image, _ = tissue(np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]]), seed=3)
    density = -np.log(np.maximum(image.reshape(-1, 3), 1) / 240)
    stained = density[density.mean(axis=1) > 0.15]
    _, _, axes = np.linalg.svd(stained - stained.mean(axis=0), full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2] @ stained.mean(axis=0))[:, np.newaxis]
    angles = np.arctan2(stained @ axes[1], stained @ axes[0])  # none near the seam, as both are > 0
    ends = [np.cos(a) * axes[0] + np.sin(a) * axes[1] for a in np.percentile(angles, [1, 99])]
    expected = np.array(sorted(ends, key=lambda colour: -colour[0]))
    amounts = np.linalg.lstsq(expected.T, density.T, rcond=None)[0]
    found = stains_of(image)
    assert_allclose(found.colours, expected, atol=1e-9)
    assert_allclose(found.strengths, np.percentile(amounts, 99, axis=1), rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_slides_of_two_laboratories_become_alike(method):
    own, nuclei = tissue(np.array([[0.62, 0.73, 0.29], [0.1, 0.95, 0.25]]), (1.0, 1.2))
    other, _ = tissue()
    before = np.abs(own.astype(int) - other)[:, 10:].mean()
    found = METHODS[method](own, other)
    assert np.abs(found.astype(int) - other)[:, 10:].mean() < 0.35 * before
    assert (found[:, :9] > 230).all()
    assert found[nuclei].mean() < found[~nuclei].mean()


@pytest.mark.parametrize("method", METHODS)
def test_an_image_in_its_own_colours_stays(method):
    image, _ = tissue()
    assert np.abs(METHODS[method](image, image).astype(int) - image).max() <= 12
    assert np.abs(METHODS[method](image, image).astype(int) - image).mean() < 2


@pytest.mark.parametrize("method", METHODS)
def test_without_a_reference_the_published_one_is_taken(method):
    image, _ = tissue(strengths=(0.9, 0.6))
    found = stains_of(METHODS[method](image), method)
    assert_allclose(found.colours, REFERENCE.colours, atol=0.08)
    assert_allclose(found.strengths, REFERENCE.strengths, rtol=0.15)


def test_blocks_change_nothing(monkeypatch):
    image, _ = tissue()
    expected = macenko(image)
    monkeypatch.setattr(stain, "_BLOCK", 77)
    assert_array_equal(macenko(image), expected)


NO_TISSUE = {
    "white": np.full((30, 40, 3), 255, np.uint8),
    "black": np.zeros((30, 40, 3), np.uint8),
    "one stain": np.full((30, 40, 3), (120, 60, 140), np.uint8),
    "one pixel": np.full((1, 1, 3), (120, 60, 140), np.uint8),
    "shades of grey": np.arange(4, 199, dtype=np.uint8)[:, np.newaxis, np.newaxis].repeat(3, 2),
    "nearly white": np.random.default_rng(0).integers(220, 256, (30, 40, 3)).astype(np.uint8),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NO_TISSUE)
def test_an_image_without_two_stains_stays(method, name):
    image = NO_TISSUE[name]
    assert stains_of(image, method) is None
    found = METHODS[method](image)
    assert_array_equal(found, image)
    assert not np.shares_memory(found, image)
    with pytest.raises(ValueError, match="reference must show tissue in two stains"):
        METHODS[method](tissue()[0], image)


@pytest.mark.parametrize("name", NO_TISSUE)
def test_channels_of_images_without_tissue(name):
    image = NO_TISSUE[name]
    assert np.isfinite(haematoxylin(image)).all()
    if name in ("white", "black", "one stain", "one pixel"):
        assert_allclose(pca_colour(image), 0, atol=1e-4)
    if name == "white":
        assert not haematoxylin(image).any()


@given(images())
def test_any_image_gives_an_image(image):
    before = image.copy()
    for method in METHODS.values():
        found = method(image)
        assert found.shape == image.shape
        assert found.dtype == np.uint8
    assert_array_equal(image, before)


def test_a_large_image_is_looked_at_on_a_grid():
    image, _ = tissue(shape=(700, 900))
    found = stains_of(image)
    assert ((found.colours * REFERENCE.colours).sum(axis=1) > 0.99).all()


def test_mistakes_are_refused():
    image, _ = tissue()
    with pytest.raises(ValueError, match="method must be one of macenko, vahadane, got 'x'"):
        stains_of(image, "x")
    for function in (haematoxylin, pca_colour, macenko, vahadane, stains_of):
        with pytest.raises(ValueError, match=r"image must be RGB of shape \(H, W, 3\)"):
            function(image[..., 0])
        with pytest.raises(TypeError, match="image must be uint8"):
            function(image / 255)
