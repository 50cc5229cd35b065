import attrs
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.data.augment import (
    Augmentation,
    random_affine,
    random_displacement,
    recoloured,
    warped,
)
from nucfuse.errors import DataError
from nucfuse.settings import read

ALL = Augmentation(
    rotation=180, shear=10, zoom=1.5, shift=0.2, elastic=3, brightness=0.2, contrast=0.3, gamma=0.5,
    hue=180, blur=2, noise=0.1, inversion=0.5,
)  # fmt: skip


def scene(side=32, channels=3, seed=0):
    """A random image and discs numbered from 1."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    for k in range(1, 6):
        labels = cv2.circle(labels, tuple(map(int, rng.integers(0, side, 2))), 4, k, -1)
    return rng.random((side, side, channels), np.float32), labels


def inverse(affine):
    """Of a (2, 3) map."""
    matrix = np.linalg.inv(affine[:, :2])
    return np.column_stack([matrix, -matrix @ affine[:, 2]])


@given(st.integers(0, 2**32 - 1))
def test_flips_and_turns_are_those_of_numpy_and_their_inverse_undoes_them(seed):
    image, labels = scene(seed=seed)
    affine = random_affine(np.random.default_rng(seed), Augmentation(), 32, 1.0, (15.5, 15.5))
    new, new_labels = warped(image, labels, affine, 32)
    turned = [np.rot90(one, k) for one in (labels, labels[:, ::-1]) for k in range(4)]
    assert any((one == new_labels).all() for one in turned)
    back, back_labels = warped(new, new_labels, inverse(affine), 32)
    assert_allclose(back, image, atol=1e-5)
    assert_array_equal(back_labels, labels)


@given(st.integers(0, 2**32 - 1))
def test_labels_stay_labels_whatever_is_done(seed):
    rng = np.random.default_rng(seed)
    image, labels = scene(seed=seed)
    affine = random_affine(rng, ALL, 48, 1.3, (10.0, 20.0))
    shifts = random_displacement(rng, 48, ALL.elastic)
    new, new_labels = warped(image, labels, affine, 48, "nearest", shifts)
    assert new.shape == (48, 48, 3)
    assert set(np.unique(new_labels)) <= set(np.unique(labels))


def test_a_scale_of_two_doubles_lengths():
    image, labels = np.zeros((64, 64, 1), np.uint8), np.zeros((64, 64), np.int32)
    labels[27:37, 27:37] = 1
    affine = random_affine(
        np.random.default_rng(0), Augmentation(flips=False, turns=False), 64, 2.0, (31.5, 31.5)
    )
    assert warped(image, labels, affine, 64)[1].sum() == 400


@pytest.mark.parametrize(("fill", "left"), [("reflect", [2, 1]), ("nearest", [0, 0])])
def test_what_lies_outside_is_mirrored_or_the_edge_repeated(fill, left):
    image = np.arange(4, dtype=np.float32).reshape(1, 4, 1).repeat(4, axis=0)
    shift = np.array([[1.0, 0, -2], [0, 1, 0]])
    assert_allclose(warped(image, np.zeros((4, 4), np.int32), shift, 4, fill)[0][0, :2, 0], left)


@given(st.integers(0, 2**32 - 1), st.sampled_from((1, 3)))
def test_light_and_colour_stay_in_range(seed, channels):
    image, _ = scene(channels=channels, seed=seed)
    new = recoloured(np.random.default_rng(seed), image, ALL)
    assert new.shape == image.shape
    assert new.dtype == np.float32
    assert 0 <= new.min() <= new.max() <= 1


def test_without_settings_light_and_colour_are_as_they_were():
    image, _ = scene()
    assert_array_equal(recoloured(np.random.default_rng(0), image, Augmentation()), image)


def test_a_turn_of_the_hue_keeps_value_and_changes_colour():
    image = np.full((4, 4, 3), (0.8, 0.2, 0.2), np.float32)
    new = recoloured(np.random.default_rng(1), image, Augmentation(hue=180))
    assert_allclose(new.max(axis=2), 0.8, atol=1e-5)
    assert abs(new - image).max() > 0.05


def test_certain_inversion_exchanges_light_and_dark():
    image, _ = scene()
    new = recoloured(np.random.default_rng(0), image, Augmentation(inversion=1.0))
    assert_allclose(new, 1 - image)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rotate": 1}, "no setting 'rotate'; there are: flips, turns"),
        ({"fill": "constant"}, "fill must be one of reflect, nearest, got 'constant'"),
        ({"flips": 2}, "flips must be true or false, got 2"),
        ({"zoom": 0.5}, r"zoom must be a number in \[1, 360\], got 0.5"),
        ({"noise": "much"}, "noise must be a number"),
        ({"gamma": float("nan")}, "gamma must be a number"),
        ({"inversion": 2}, r"inversion must be a number in \[0, 1\]"),
    ],
)
def test_settings_that_cannot_be_are_said(settings, message):
    with pytest.raises(DataError, match=message):
        read(Augmentation, settings, "augmentation")


def test_settings_are_the_same_after_json():
    assert read(Augmentation, attrs.asdict(ALL), "augmentation") == ALL
