import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from nucfuse.models.classical.otsu import Otsu
from nucfuse.models.segmenter import Segmenter

SHAPE = (72, 96)
CENTRES = [(14, 14), (16, 50), (20, 80), (50, 18), (56, 48), (48, 76)]


def discs(centres, radius, shape=SHAPE):
    """Label image of discs, later ones on top."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for i, (y, x) in enumerate(centres, start=1):
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = i
    return labels


def painted(labels, ground, nuclei, noise=4):
    """RGB image of a label image, with seeded noise."""
    image = np.where(labels[..., None] > 0, nuclei, ground).astype(float)
    image += np.random.default_rng(0).normal(0, noise, image.shape[:2])[..., None]
    return image.clip(0, 255).round().astype(np.uint8)


def best_ious(true, pred):
    """For each true nucleus the IoU with the prediction it fits best."""
    return [
        max(
            (((true == i) & (pred == j)).sum() / ((true == i) | (pred == j)).sum()
             for j in range(1, pred.max() + 1)), default=0,
        )
        for i in range(1, true.max() + 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ground", "nuclei"),
    [
        ((12, 12, 12), (120, 120, 120)),
        ((5, 5, 5), (30, 30, 30)),
        ((2, 2, 6), (10, 20, 200)),  # blue on black
        ((235, 228, 236), (120, 70, 160)),  # stained
        ((190, 130, 200), (90, 40, 140)),
        ((225, 225, 225), (70, 70, 70)),
    ],
)
def test_finds_discs_on_any_ground(ground, nuclei):
    true = discs(CENTRES, 8)
    pred = Otsu().predict(painted(true, ground, nuclei))
    assert len(pred) == len(CENTRES)
    assert min(best_ious(true, pred.to_labels())) > 0.8
    assert pred.source_names == ("otsu",)


def test_dark_nuclei_in_grey_cells_are_found_and_the_cells_are_not():
    nuclei = discs(CENTRES, 5)
    image = painted(discs(CENTRES, 15), (225,) * 3, (180,) * 3)
    image[nuclei > 0] = 80
    pred = Otsu().predict(image)
    assert len(pred) == len(CENTRES)
    assert min(best_ious(nuclei, pred.to_labels())) > 0.6


def test_touching_nuclei_are_split():
    true = discs([(30, 30), (30, 45), (30, 60)], 8)
    pred = Otsu().predict(painted(true, (10,) * 3, (150,) * 3))
    assert len(pred) == 3
    assert min(best_ious(true, pred.to_labels())) > 0.7


def test_holes_are_filled_and_specks_are_dropped():
    true = discs(CENTRES, 9)
    image = painted(true, (10,) * 3, (150,) * 3, noise=0)
    image[14, 14] = 10
    image[36:38, 2:4] = 150
    pred = Otsu().predict(image).to_labels()
    assert pred.max() == len(CENTRES)
    assert pred[14, 14] > 0
    assert not pred[36:38, 2:4].any()


def test_brighter_and_rounder_nuclei_score_higher():
    true = discs(CENTRES[:3], 8)
    image = painted(true, (10,) * 3, (100,) * 3, noise=0)
    image[true == 2] = 200
    image[12:17, 6:34] = 100  # a tail on the first
    pred = Otsu().predict(image)
    by_position = {pred.to_labels()[y, x]: i for i, (y, x) in enumerate(CENTRES[:3])}
    scores = {by_position[i + 1]: score for i, score in enumerate(pred.scores)}
    assert scores[1] > scores[2] > scores[0]


@settings(max_examples=30)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)))
    | arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 8)),
             elements=st.floats(allow_nan=False, allow_infinity=False))
    | arrays(np.uint16, st.tuples(st.integers(1, 8), st.integers(1, 8)))
)  # fmt: skip
def test_any_image_gives_disjoint_nuclei_and_stays_untouched(image):
    before = image.copy()
    pred = Otsu().predict(image)
    assert pred.shape == image.shape[:2]
    assert pred.disjoint
    assert (pred.areas > 0).all()
    assert ((pred.scores > 0) & (pred.scores < 1)).all()
    assert Otsu().predict(image) == pred
    assert_array_equal(image, before)


@pytest.mark.parametrize("value", [0, 7, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (30, 1), (25, 31)])
def test_constant_images_have_no_nuclei(value, shape):
    assert len(Otsu().predict(np.full((*shape, 3), value, np.uint8))) == 0


def test_16_bit_and_float_images_are_rescaled():
    true = discs(CENTRES, 8)
    image = painted(true, (12,) * 3, (120,) * 3)[..., 0]
    for scaled in (image.astype(np.uint16) * 9, image / 1e6, image.astype(np.float32) * 1e30):
        pred = Otsu().predict(scaled)
        assert len(pred) == len(CENTRES)
        assert min(best_ious(true, pred.to_labels())) > 0.8


def test_is_a_segmenter():
    assert isinstance(Otsu(), Segmenter)
