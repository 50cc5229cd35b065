import numpy as np
import pytest
from attrs import evolve
from numpy.testing import assert_array_equal

from nucfuse.data.augment import Augmentation
from nucfuse.models.mask_rcnn.config import MaskRCNNTraining, preset
from nucfuse.models.training.crops import Crops
from nucfuse.models.training.images import training_image
from nucfuse.models.unet.config import UNetConfig, UNetTraining

PLAIN = Augmentation(flips=False, turns=False)


def discs(side=96, radius=8, colour=(200, 200, 200), ground=(10, 10, 10)):
    """Nine discs in an RGB image, and their labels."""
    image = np.full((side, side, 3), ground, np.uint8)
    labels = np.zeros((side, side), np.int32)
    y, x = np.mgrid[:side, :side]
    for k in range(9):
        cy, cx = side * (k // 3 * 2 + 1) // 6, side * (k % 3 * 2 + 1) // 6
        inside = (y - cy) ** 2 + (x - cx) ** 2 <= radius**2
        image[inside], labels[inside] = colour, k + 1
    return image, labels


def of(kind="neutral", **settings):
    return training_image("a", *discs(**settings), kind)


def test_batches_depend_on_their_number_and_the_seed_only():
    config = UNetTraining(side=32, batch=3)
    crops = Crops([of(), of(radius=5)], config)
    first, again = crops.batch(7), Crops([of(), of(radius=5)], config).batch(7)
    assert_array_equal(first[0], again[0])
    assert_array_equal(first[1], again[1])
    assert (first[0] != crops.batch(8)[0]).any()
    assert first[0].shape == (3, 32, 32, 1)
    assert first[1].shape == (3, 32, 32, 3)


def test_crops_have_nuclei_of_the_diameters_asked_for():
    image = of(side=384, radius=30)
    config = UNetTraining(
        side=256, batch=1, diameter=(15, 20), native=0.0, augmentation=PLAIN, balance=0
    )
    for number in range(5):
        _, y = Crops([image], config).batch(number)
        n_pixels = (y[0, ..., 0] == 0).sum()
        # At 15 to 20 pixels the crop holds all nine nuclei and mirror images of them.
        spacing = 384 / 3 * (n_pixels / 256**2) ** 0.5
        assert image.diameter == pytest.approx(60, abs=1)
        assert 384 / 3 * (np.pi / 4 * 60**2 / (128**2)) ** 0.5 == pytest.approx(spacing, rel=0.25)


def test_native_crops_leave_alone_what_is_in_range():
    config = UNetTraining(side=96, native=1.0, batch=1, augmentation=PLAIN, diameter=(10, 30))
    crops, rng = Crops([of()], config), np.random.default_rng(0)
    scales = [crops._scale(rng, crops.images[0]) for _ in range(50)]
    assert 1 / 1.21 < min(scales) < max(scales) < 1.21


def test_balance_draws_modalities_alike():
    dark, bright = of(), of(colour=(10, 10, 10), ground=(230, 230, 230))
    crops = Crops([dark] * 9 + [bright], UNetTraining(balance=1.0))
    assert crops._chances[-1] == pytest.approx(0.5)
    assert Crops([dark] * 9 + [bright], UNetTraining(balance=0.0))._chances[-1] == 0.1


def test_networks_of_one_size_see_whole_images():
    config = UNetTraining(
        network=UNetConfig(input="rgb", head="nucleus", size=64), loss="bce", batch=2,
        augmentation=PLAIN,
    )  # fmt: skip
    x, y = Crops([of("rgb")], config).batch(0)
    assert x.shape == (2, 64, 64, 3)
    truth = discs()[1] > 0
    assert y.mean() == pytest.approx(truth.mean(), rel=0.05)


def test_an_image_without_nuclei_trains_too():
    image = training_image(
        "a", np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.int32), "rgb"
    )
    x, y = Crops([image], UNetTraining(network=UNetConfig(input="rgb"), side=32)).batch(0)
    assert np.isnan(image.diameter)
    assert_array_equal(y[..., 0], 1)
    assert np.isfinite(x).all()


def test_a_mask_rcnn_learns_from_label_images_of_whole_pieces():
    config = MaskRCNNTraining(network=preset("small"), side=64, batch=3)
    x, labels = Crops([of()], config).batch(0)
    assert x.shape == (3, 64, 64, 1)
    assert (labels.shape, labels.dtype) == ((3, 64, 64), np.int32)
    for image, truth in zip(x, labels, strict=True):
        assert truth.max() > 0
        bright = image[..., 0] > 0.5
        assert (bright == (truth > 0)).mean() > 0.98
        for k in range(1, truth.max() + 1):
            ys, xs = np.nonzero(truth == k)
            # A disc and its mirror image beyond the edge are two, unless they touch.
            assert max(np.ptp(ys), np.ptp(xs)) <= 2 * 22


def test_a_mask_rcnn_of_one_size_sees_whole_images_beside_zeros():
    network = evolve(preset("small"), size=64, input="rgb")
    config = MaskRCNNTraining(network=network, batch=2, augmentation=PLAIN)
    image, labels = discs(side=96)
    x, y = Crops([training_image("a", image[:48], labels[:48], "rgb")], config).batch(0)
    assert (x.shape, y.shape) == ((2, 64, 64, 3), (2, 64, 64))
    assert (x[:, :32] > 0).all()
    assert (x[:, 32:] == 0).all()
    assert (y[:, 32:] == 0).all()
    assert (y > 0).sum() / 2 == pytest.approx((labels[:48] > 0).sum() * (64 / 96) ** 2, rel=0.05)


def test_a_mask_rcnn_takes_images_without_nuclei():
    image = training_image(
        "a", np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.int32), "neutral"
    )
    _, labels = Crops([image], MaskRCNNTraining(network=preset("small"), side=32)).batch(0)
    assert (labels == 0).all()
