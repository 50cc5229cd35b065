"""The classical models beside Otsu, and what all three share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.models.classical import signal as preparation
from nucfuse.models.classical.adaptive import Adaptive
from nucfuse.models.classical.laplacian_of_gaussian import LaplacianOfGaussian
from nucfuse.models.classical.otsu import Otsu
from nucfuse.models.load import load_model
from nucfuse.models.segmenter import Segmenter

SHAPE = (72, 96)
CENTRES = [(14, 14), (16, 50), (20, 80), (50, 18), (56, 48), (48, 76)]
MODELS = [Adaptive, LaplacianOfGaussian]


def ellipses(centres, radii, shape=SHAPE):
    """Label image of ellipses of half axes (y, x), or discs of one radius."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    ry, rx = np.broadcast_to(radii, 2)
    labels = np.zeros(shape, np.int32)
    for i, (y, x) in enumerate(centres, start=1):
        labels[((rows - y) / ry) ** 2 + ((columns - x) / rx) ** 2 <= 1] = i
    return labels


def painted(labels, ground, nuclei, noise=4):
    """RGB image with nuclei of one colour, or of one for each, and seeded noise."""
    colours = np.vstack([np.atleast_2d(ground), np.atleast_2d(nuclei)]).astype(float)
    image = colours[labels if len(colours) > 2 else np.minimum(labels, 1)]
    image += np.random.default_rng(0).normal(0, noise, labels.shape)[..., np.newaxis]
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


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("radius", [6, 8, 11])
@pytest.mark.parametrize(
    ("ground", "nuclei"),
    [
        ((12, 12, 12), (120, 120, 120)),
        ((5, 5, 5), (60, 60, 60)),
        ((2, 2, 6), (10, 20, 200)),  # blue on black
        ((235, 228, 236), (120, 70, 160)),  # stained
        ((190, 130, 200), (90, 40, 140)),
        ((225, 225, 225), (70, 70, 70)),
    ],
)
def test_finds_discs_on_any_ground(model, radius, ground, nuclei):
    true = ellipses(CENTRES, radius)
    pred = model().predict(painted(true, ground, nuclei))
    assert len(pred) == len(CENTRES)
    assert min(best_ious(true, pred.to_labels())) > 0.7
    assert pred.source_names == (model.name,)


@pytest.mark.parametrize("model", MODELS)
def test_touching_nuclei_are_split(model):
    true = ellipses([(16, 30), (16, 45), (50, 14), (52, 48), (50, 80)], 8)
    pred = model().predict(painted(true, (10,) * 3, (150,) * 3))
    assert len(pred) == 5
    assert min(best_ious(true, pred.to_labels())) > 0.7


@pytest.mark.parametrize("model", MODELS)
def test_holes_are_filled_and_specks_are_dropped(model):
    true = ellipses(CENTRES, 9)
    image = painted(true, (10,) * 3, (150,) * 3, noise=0)
    image[14, 14] = 10
    image[36:38, 2:4] = 150
    pred = model().predict(image).to_labels()
    assert pred.max() == len(CENTRES)
    assert pred[14, 14] > 0
    assert not pred[36:38, 2:4].any()


@pytest.mark.parametrize("model", MODELS)
def test_brighter_and_rounder_nuclei_score_higher(model):
    true = ellipses(CENTRES[:3], 8)
    image = painted(true, (10,) * 3, (110,) * 3, noise=0)
    image[true == 2] = 200
    image[12:17, 6:34] = 110  # a tail on the first
    pred = model().predict(image)
    score = [pred.scores[pred.to_labels()[at] - 1] for at in CENTRES[:3]]
    assert score[1] > score[2] > score[0]


# ------------------------------------------------------------------------ each fails in its own way

ROW = [(36, x) for x in (12, 30, 48, 66, 84)]


def counts(image, true):
    """How many true nuclei each model finds, at IoU above 0.5, and how many it invents."""
    found = {}
    for name in ("otsu", "adaptive", "log"):
        pred = load_model(name).predict(image).to_labels()
        hits = sum(iou > 0.5 for iou in best_ious(true, pred))
        found[name] = (hits, pred.max() - hits)
    return found


def test_on_an_uneven_ground_otsu_fails():
    true = ellipses(ROW, 7)
    ramp = np.linspace(0, 90, SHAPE[1]).round().astype(np.uint8)
    image = painted(true, (10, 10, 10), (70, 70, 70), noise=2) + ramp[:, np.newaxis]
    found = counts(image, true)
    assert found["otsu"][0] < 5
    assert found["otsu"][1] > 0
    assert found["adaptive"] == found["log"] == (5, 0)


def test_a_dim_nucleus_close_to_bright_ones_is_lost_by_those_who_look_around():
    true = ellipses(ROW, 7)
    nuclei = [(250,) * 3, (60,) * 3, (250,) * 3, (60,) * 3, (250,) * 3]
    found = counts(painted(true, (8, 8, 8), nuclei, noise=2), true)
    assert found["otsu"] == (5, 0)
    assert found["adaptive"] == found["log"] == (3, 0)


def test_a_nucleus_far_larger_than_the_median_is_broken_up_by_adaptive():
    large = ellipses([(60, 60)], 32, (120, 170))
    small = ellipses([(12, 150), (40, 150), (70, 150), (100, 150)], 8, large.shape)
    true = np.where(large > 0, 5, small)
    found = counts(painted(true, (10,) * 3, np.full((5, 3), 150), noise=3), true)
    assert found["otsu"] == (5, 0)
    assert found["adaptive"][0] == 4
    assert found["adaptive"][1] > 1


def test_elongated_nuclei_are_cut_by_log():
    true = ellipses([(20, 48), (52, 48)], (5, 36))
    found = counts(painted(true, (10,) * 3, (150,) * 3, noise=0), true)
    assert found["otsu"] == found["adaptive"] == (2, 0)
    assert found["log"][1] >= 4


# ------------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=30)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)))
    | arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 8)),
             elements=st.floats(allow_nan=False, allow_infinity=False))
    | arrays(np.uint16, st.tuples(st.integers(1, 8), st.integers(1, 8)))
    | st.integers(0, 2**32 - 1).map(
        lambda seed: np.random.default_rng(seed).integers(0, 256, (30, 40, 3), np.uint8))
)  # fmt: skip
def test_any_image_gives_disjoint_nuclei_and_stays_untouched(model, image):
    before = image.copy()
    pred = model().predict(image)
    assert pred.shape == image.shape[:2]
    assert pred.disjoint
    assert (pred.areas > 0).all()
    assert ((pred.scores >= 0) & (pred.scores < 1)).all()
    assert model().predict(image) == pred
    assert_array_equal(image, before)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("value", [0, 7, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (30, 1), (25, 31)])
def test_constant_images_have_no_nuclei(model, value, shape):
    assert len(model().predict(np.full((*shape, 3), value, np.uint8))) == 0


@pytest.mark.parametrize("model", MODELS)
def test_faint_noise_on_a_dark_ground_is_nothing_much(model):
    """A camera's noise of one grey level is below what either takes for contrast."""
    noise = np.random.default_rng(0).integers(8, 10, SHAPE).astype(np.uint8)
    assert len(model().predict(noise)) == 0


@pytest.mark.parametrize("model", MODELS)
def test_16_bit_and_float_images_are_rescaled(model):
    true = ellipses(CENTRES, 8)
    image = painted(true, (12,) * 3, (120,) * 3)[..., 0]
    for scaled in (image.astype(np.uint16) * 9, image / 1e6, image.astype(np.float32) * 1e30):
        pred = model().predict(scaled)
        assert len(pred) == len(CENTRES)
        assert min(best_ious(true, pred.to_labels())) > 0.7


@pytest.mark.parametrize("model", MODELS)
def test_are_segmenters_by_name(model):
    assert isinstance(model(), Segmenter)
    assert isinstance(load_model(model.name), model)


# ------------------------------------------------------------------------------- what they share


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_solidity_is_the_share_of_the_lattice_points_in_the_hull(mask):
    mask[0, 0] = True
    points = np.argwhere(mask)
    inside = sum(in_hull(at, points) for at in np.ndindex(mask.shape))
    assert preparation.solidity(mask) == pytest.approx(mask.sum() / inside)


def in_hull(at, points):
    """No line through the point has all points on one side, away from it."""
    offsets = [(int(y) - at[0], int(x) - at[1]) for y, x in points]
    if (0, 0) in offsets:
        return True
    # A separating line exists if and only if one along a vector to a point (or across it) does.
    for y, x in offsets:
        for ny, nx in ((-x, y), (x, -y)):
            sides = [ny * v + nx * u for v, u in offsets]
            on_line = [
                v * y + u * x for (v, u), side in zip(offsets, sides, strict=True) if side == 0
            ]
            if min(sides) >= 0 and (min(on_line) > 0 or max(on_line) < 0):
                return False
    return True


def test_without_halo_leaves_something_of_any_region():
    region = np.ones((4, 4), bool)
    for contrast in (np.full((4, 4), -3.0), np.linspace(-9, -1, 16).reshape(4, 4), np.eye(4)):
        kept = preparation.without_halo(region, contrast.astype(np.float32), 0.6)
        assert kept.any()


def test_scores_grow_with_contrast_and_never_are_negative():
    square = np.ones((3, 3), bool)
    scores = [preparation.score_of(square, np.full((3, 3), c), 10.0) for c in (-5, 0, 10, 1e6)]
    assert_allclose(scores, [0, 0, 0.5, 1], atol=1e-4)


def test_masks_without_flaws():
    mask = np.zeros((40, 40), np.uint8)
    mask[2:14, 2:14] = mask[20:32, 20:32] = 1
    mask[6, 6] = 0  # a hole
    mask[34:37, 2:5] = 1  # a speck
    mask[8, 14:20] = 1  # a spur
    better, radius = preparation.without_flaws(mask, 0.1)
    expected = np.zeros_like(mask)
    expected[2:14, 2:14] = expected[20:32, 20:32] = 1
    assert_array_equal(better, expected)
    assert radius == pytest.approx(np.sqrt(144 / np.pi), rel=0.1)
    assert preparation.median_radius(np.zeros((5, 5), np.uint8)) == 1


@pytest.mark.parametrize("model", [Otsu, *MODELS])
def test_large_nuclei_are_in_reach(model):
    true = ellipses([(60, 60)], 24, (120, 120))
    pred = model().predict(painted(true, (10,) * 3, (150,) * 3, noise=2))
    assert max(best_ious(true, pred.to_labels())) > 0.8
