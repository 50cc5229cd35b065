"""Truth, predictions, single, torn and touching nuclei are label images; other pictures are not."""

import cv2
import numpy as np
import pytest
from commands import disc

from nucfuse.data.label_evidence import Look, grey_values, look_at
from nucfuse.data.readers.raster import read_image, read_labels
from nucfuse.data.sample_images import sample_folder
from nucfuse.masks.instances import Instances
from nucfuse.models.load import load_model

TRUTH = sorted((sample_folder() / "truth").iterdir())
IMAGES = sorted((sample_folder() / "images").iterdir())


@pytest.fixture(params=TRUTH, ids=lambda path: path.stem[:8])
def truth(request):
    return read_labels(request.param)


def probabilities(labels, sigma):
    return cv2.GaussianBlur((labels > 0).astype(float), (0, 0), sigma)


def torn(labels, width):
    """Lines of no id across the image."""
    cut = labels.copy()
    for start in range(0, max(labels.shape), 23):
        cut[start : start + width] = 0
        cut[:, start : start + width] = 0
    return cut


def test_truth_and_its_dense_and_torn_relatives_are_nuclei(truth):
    grown = cv2.dilate(truth.astype(np.float32), np.ones((9, 9))).astype(np.int32)
    for labels in (truth, grown, torn(truth, 1), torn(truth, 3), truth.astype(np.int64) * 10**9):
        assert look_at(labels).look is (Look.NUCLEI if truth.max() > 1 else Look.ONE)
        assert not grey_values(labels)


def test_a_single_nucleus_whole_or_torn_is_one(truth):
    ids, areas = np.unique(truth[truth > 0], return_counts=True)
    for value in (ids[areas.argmax()], ids[np.argsort(areas)[areas.size // 2]]):
        one = (truth == value) * np.uint8(255)
        for labels in (one, torn(one, 2)):
            assert look_at(labels).look is Look.ONE
    assert look_at(np.zeros_like(truth)).look is Look.EMPTY


@pytest.mark.parametrize("model", ["otsu", "adaptive", "log"])
def test_predictions_are_nuclei(model):
    segmenter = load_model(model)
    for path in IMAGES[::4]:
        masks = segmenter.predict(read_image(path))
        labels = masks.to_labels() if isinstance(masks, Instances) else masks
        assert look_at(labels).look in (Look.NUCLEI, Look.ONE)
        assert not grey_values(labels)


@pytest.mark.parametrize("path", TRUTH, ids=lambda path: path.stem[:8])
def test_binary_masks_and_masks_of_classes_have_ids_in_pieces(path):
    truth = read_labels(path)
    if truth.max() == 1:
        truth[:10, :10] = 2
    found = look_at((truth > 0) * np.uint8(255))
    assert (found.look, found.n_ids, found.first_id) == (Look.PIECES, 1, 255)
    assert found.n_pieces > 1
    assert look_at(np.where(truth > 0, 2, 1)).look is Look.PIECES


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem[:8])
def test_photographs_are_grey(path):
    image = read_image(path)
    sixteen = image.astype(np.uint16) @ np.array([30, 59, 11], np.uint16)
    for grey in (image[..., 0], 255 - image[..., 1], sixteen):
        assert grey_values(grey)
        assert look_at(grey).look is Look.GREY


@pytest.mark.parametrize("top", [100, 255, 65535])
@pytest.mark.parametrize("sigma", [1, 2, 4])
def test_probability_maps_are_grey(truth, top, sigma):
    grey = np.rint(probabilities(truth, sigma) * top * 0.95).astype(np.uint16)
    assert look_at(grey).look is Look.GREY


def test_few_pixels_say_nothing():
    labels = np.arange(100).reshape(10, 10)
    assert look_at(labels).look is Look.NUCLEI
    assert not grey_values(labels)


def test_specks_by_themselves_are_nuclei():
    labels = np.zeros((200, 200), np.int32)
    labels[::4, ::4] = np.arange(1, 2501).reshape(50, 50)
    assert look_at(labels).look is Look.NUCLEI


def test_nuclei_that_touch_all_over_are_nuclei():
    labels = np.kron(np.arange(1, 401).reshape(20, 20), np.ones((4, 4), int))
    assert look_at(labels).look is Look.NUCLEI
    assert not grey_values(labels)


def test_two_of_a_kind_far_apart():
    labels = np.zeros((80, 120), np.int32)
    disc(labels, 20, 20, 8, 1)
    assert look_at(labels).look is Look.ONE
    disc(labels, 60, 100, 8, 1)
    assert look_at(labels).n_pieces == 2
    disc(labels, 60, 100, 8, 2)
    assert look_at(labels).look is Look.NUCLEI


def test_of_a_volume_the_middle_counts():
    labels = np.zeros((5, 60, 60), np.int32)
    for x in (10, 30, 50):
        disc(labels[2], 10, x, 5, 1)
        disc(labels[2], 50, x, 5, 1)
    assert look_at(labels).n_pieces == 6
    assert not grey_values(labels)
