import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from nucfuse.data.stains.reinhard import reinhard
from nucfuse.data.stains.stain import haematoxylin, macenko, pca_colour, vahadane
from nucfuse.models.inputs import CHANNELS, first_plane, planes, prepared

NORMALISERS = {"macenko": macenko, "vahadane": vahadane, "reinhard": reinhard}
COLOURS = {
    "histology": ((235, 200, 230), (90, 40, 140)),
    "brightfield": ((225, 225, 225), (90, 90, 90)),
    "fluorescence": ((8, 8, 8), (180, 180, 180)),
    "false colour": ((0, 0, 10), (10, 30, 220)),
}


def scene(name, shape=(60, 80)):
    """Nuclei of one colour on a ground of another, with a little noise."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    inside = ((rows % 20 - 10) ** 2 + (columns % 20 - 10) ** 2) < 32
    ground, nuclei = COLOURS[name]
    image = np.where(inside[..., np.newaxis], nuclei, ground)
    noise = np.random.default_rng(0).integers(0, 6, (*shape, 1 if name != "histology" else 3))
    return (image + noise).astype(np.uint8), inside


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("kind", ["neutral", "haematoxylin", "pca"])
def test_nuclei_are_bright_whatever_the_microscope(name, kind):
    image, inside = scene(name)
    found = prepared(image, kind)[..., 0]
    assert found[inside].min() > 0.6
    assert found[~inside].max() < 0.3


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    st.sampled_from(list(CHANNELS)),
)
def test_any_image_is_float32_between_0_and_1(image, kind):
    before = image.copy()
    found = prepared(image, kind)
    assert found.shape == (*image.shape[:2], CHANNELS[kind])
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert_array_equal(image, before)


@pytest.mark.parametrize("kind", NORMALISERS)
def test_stained_images_are_normalised_and_others_as_they_are(kind):
    image, _ = scene("histology")
    assert_array_equal(prepared(image, kind), prepared(NORMALISERS[kind](image), "rgb"))
    assert (prepared(image, kind) != prepared(image, "rgb")).any()
    for name in ("brightfield", "fluorescence", "false colour"):
        image, _ = scene(name)
        assert_array_equal(prepared(image, kind), prepared(image, "rgb"))


def test_haematoxylin_is_of_stained_images_and_others_are_neutral():
    image, _ = scene("histology")
    plane = haematoxylin(image)
    low, high = np.percentile(plane, (0.5, 99.8))
    expected = np.clip((plane - low) / (high - low), 0, 1)
    np.testing.assert_allclose(prepared(image, "haematoxylin")[..., 0], expected, atol=1e-5)
    for name in ("brightfield", "fluorescence", "false colour"):
        image, _ = scene(name)
        assert_array_equal(prepared(image, "haematoxylin"), prepared(image, "neutral"))


def test_pca_keeps_the_order_of_the_component():
    image, _ = scene("false colour")
    order = np.argsort(pca_colour(image), axis=None)
    assert (np.diff(prepared(image, "pca").ravel()[order]) >= 0).all()


def test_rgb_and_neutral_are_plain():
    image, _ = scene("histology")
    assert_array_equal(prepared(image, "rgb"), image.astype(np.float32) / np.float32(255))
    assert_array_equal(prepared(image), planes(image)[..., :1].astype(np.float32) / 255)
    assert_array_equal(first_plane(image), planes(image)[..., :1])


@pytest.mark.parametrize("value", [(0, 0, 0), (255, 255, 255), (200, 120, 200), (7, 7, 7)])
@pytest.mark.parametrize("kind", [k for k, n in CHANNELS.items() if n == 1])
def test_one_colour_is_all_background(value, kind):
    assert not prepared(np.full((5, 6, 3), value, np.uint8), kind).any()


def test_one_bright_pixel_is_seen():
    image = np.zeros((90, 90, 3), np.uint8)
    image[40, 50] = 200
    for kind in ("neutral", "pca"):
        found = prepared(image, kind)
        assert found[40, 50] == 1
        assert found.sum() == 1


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="input must be one of neutral, rgb, haematoxylin, pca,"):
        prepared(np.zeros((5, 6, 3), np.uint8), "hsv")
    for kind in CHANNELS:
        with pytest.raises(TypeError, match="image must be uint8"):
            prepared(np.zeros((5, 6, 3)), kind)
