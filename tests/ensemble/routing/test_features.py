import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.ensemble.routing.features import FEATURES, mean_hsv, polarity

IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


def scene(ground, nuclei, shape=(60, 80)):
    """Discs of one colour on a ground of another; a quarter of the image is nuclei."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    inside = ((rows % 20 - 10) ** 2 + (columns % 20 - 10) ** 2) < 32
    image = np.empty((*shape, 3), np.uint8)
    image[:] = ground
    image[inside] = nuclei
    return image


def naive_mean_hsv(image):
    """Hue in 0..180, saturation and value in 0..255, averaged over the pixels."""
    pixels = [colorsys.rgb_to_hsv(*(int(c) / 255 for c in rgb)) for rgb in image.reshape(-1, 3)]
    return np.mean([(180 * h, 255 * s, 255 * v) for h, s, v in pixels], axis=0)


@given(IMAGES)
def test_mean_hsv_is_the_textbooks_up_to_rounding(image):
    found, expected = mean_hsv(image), naive_mean_hsv(image)
    assert_allclose(found[1:], expected[1:], atol=1)
    # OpenCV rounds a hue of 179.6 to 0.
    if all(1 < 180 * colorsys.rgb_to_hsv(*rgb)[0] < 179 for rgb in image.reshape(-1, 3) / 255.0):
        assert abs(found[0] - expected[0]) <= 1


def naive_polarity(image):
    """The four numbers of an image small enough that every pixel counts."""
    pixels = [[float(c) for c in rgb] for rgb in image.reshape(-1, 3)]
    values = np.array([max(rgb) for rgb in pixels])
    low, ground, high = np.percentile(values, [0.5, 50, 99.5])
    points = [
        (complex(r - (g + b) / 2, (g - b) * np.sqrt(3) / 2) / (v + 16))
        for (r, g, b), v in zip(pixels, values, strict=True)
    ]
    spread = np.sqrt(np.mean([abs(p - np.mean(points)) ** 2 for p in points]))
    grey = image.astype(float).mean(axis=2)
    steps = [np.abs(np.diff(grey, axis=k)) for k in (0, 1)]
    roughness = sum(s.mean() for s in steps if s.size) / 2 / max(1, grey.std())
    return [
        np.log2(1 + ground / 16),
        ((high - ground) - (ground - low)) / (high - low) if high > low else 0,
        spread / (spread + 0.01),
        np.log2(max(roughness, 0.02) / 0.02),
    ]


@given(IMAGES)
def test_polarity_is_what_its_docstring_says(image):
    assert_allclose(polarity(image), naive_polarity(image), atol=1e-9)


@given(IMAGES)
def test_polarity_does_not_care_which_way_an_image_lies_nor_for_its_hue(image):
    before = image.copy()
    found = polarity(image)
    for other in (image[::-1], image[:, ::-1], image.transpose(1, 0, 2), image[..., [1, 2, 0]]):
        assert_allclose(polarity(other), found, atol=1e-9)
    assert_array_equal(image, before)


@given(IMAGES)
def test_polarity_stays_in_its_ranges(image):
    ground, reach, colour, texture = polarity(image)
    assert 0 <= ground <= 4.1
    assert abs(reach) <= 1 + 1e-9
    assert 0 <= colour < 1
    assert 0 <= texture < 14


@pytest.mark.parametrize("shape", [(1, 1), (60, 80), (300, 401), (2, 3000)])
def test_polarity_of_scenes(shape):
    fluorescence = polarity(scene((8, 8, 8), (120, 120, 120), shape))
    stained = polarity(scene((235, 225, 238), (150, 90, 180), shape))
    grey = polarity(scene((225, 225, 225), (90, 90, 90), shape))
    assert fluorescence[0] < 1 < 3 < min(stained[0], grey[0])
    assert fluorescence[2] == grey[2] == 0
    if min(shape) > 20:
        assert fluorescence[1] == 1
        assert stained[1] == grey[1] == -1
        assert stained[2] > 0.9


@pytest.mark.parametrize("tint", [(1, 0.95, 0.6), (0.5, 0.5, 1), (0.3, 1, 0.3)])
def test_a_tint_of_the_whole_image_is_hardly_colour(tint):
    grey = scene((225, 225, 225), (120, 120, 120))
    tinted = np.rint(grey * tint).astype(np.uint8)
    stained = scene((235, 225, 238), (150, 90, 180))
    assert polarity(tinted)[2] < 0.85 * polarity(stained)[2]


@pytest.mark.parametrize("name", FEATURES)
def test_every_set_has_a_name_and_a_unit_for_each_number(name):
    kind = FEATURES[name]
    measured = kind.measure(np.zeros((4, 4, 3), np.uint8))
    assert measured.shape == (len(kind.names),) == (len(kind.units),)
    assert measured.dtype == np.float64


@pytest.mark.parametrize("name", FEATURES)
def test_looks(name):
    kind = FEATURES[name]
    for expected, image in [
        ("fluorescence", scene((5, 5, 5), (200, 200, 200))),
        ("histology", scene((235, 225, 238), (150, 90, 180))),
        ("brightfield", scene((225, 225, 225), (90, 90, 90))),
    ]:
        assert kind.look(kind.measure(image)) == expected


@pytest.mark.parametrize("name", FEATURES)
def test_other_arrays_are_refused(name):
    with pytest.raises(ValueError, match=r"image must be RGB of shape \(H, W, 3\)"):
        FEATURES[name].measure(np.zeros((5, 5), np.uint8))
    with pytest.raises(TypeError, match="image must be uint8"):
        FEATURES[name].measure(np.zeros((5, 5, 3)))
