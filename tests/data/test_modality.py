import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from nucfuse.data.modality import MODALITIES, modality

GREY, PURPLE, BLUE = (255, 255, 255), (150, 90, 180), (0, 0, 255)


def scene(ground, nuclei, shape=(60, 80)):
    """Discs of one colour on a ground of another; a quarter of the image is nuclei."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    inside = ((rows % 20 - 10) ** 2 + (columns % 20 - 10) ** 2) < 32
    image = np.empty((*shape, 3), np.uint8)
    image[:] = ground
    image[inside] = nuclei
    return image


@pytest.mark.parametrize(
    ("ground", "nuclei", "expected"),
    [
        ((5, 5, 5), GREY, "fluorescence"),
        ((44, 44, 44), GREY, "fluorescence"),
        ((0, 0, 10), BLUE, "fluorescence"),  # a false colour is no stain
        ((235, 230, 238), PURPLE, "histology"),
        ((190, 120, 200), PURPLE, "histology"),  # purple on purple
        ((225, 225, 225), (90, 90, 90), "brightfield"),
        ((225, 226, 228), (90, 92, 91), "brightfield"),  # grey, but for the camera's noise
    ],
)
@pytest.mark.parametrize("shape", [(60, 80), (1, 1), (700, 900), (3, 2000)])
def test_by_ground_and_colour(ground, nuclei, expected, shape):
    assert modality(scene(ground, nuclei, shape)) == expected


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_any_image_has_one_modality_whichever_way_it_lies(image):
    before = image.copy()
    found = modality(image)
    assert found in MODALITIES
    assert modality(image[::-1]) == modality(image.transpose(1, 0, 2)) == found
    assert modality(np.repeat(np.repeat(image, 2, 0), 2, 1)) == found
    assert_array_equal(image, before)


@pytest.mark.parametrize("shape", [(5, 5), (5, 5, 4), (5, 5, 1), (0, 5, 3), (2, 5, 5, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"image must be RGB of shape \(H, W, 3\), got shape"):
        modality(np.zeros(shape, np.uint8))


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match=r"image must be uint8 \(0..255\), got float64; rescale"):
        modality(np.zeros((5, 5, 3)))
