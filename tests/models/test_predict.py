"""Nuclei of images in memory, by `nucfuse.predict`."""

import numpy as np
import pytest
from made_networks import discs, write_network

import nucfuse as nf
from nucfuse.models import predict as predicting

IMAGE = discs((70, 90), [(20, 20), (45, 60)], 9)


@pytest.fixture
def card(tmp_path):
    return write_network(tmp_path)


def test_one_image_gives_instances_and_a_list_gives_a_list(card):
    found = nf.predict(IMAGE, card)
    assert isinstance(found, nf.Instances)
    assert len(found) == 2
    assert nf.predict([IMAGE, IMAGE[:40]], card) == [found, nf.predict(IMAGE[:40], card)]
    assert nf.predict([], card) == []


def test_a_model_is_loaded_once_and_used_often(card, monkeypatch):
    model = nf.load_model(card)
    monkeypatch.setattr(predicting, "load_model", None)
    assert nf.predict(IMAGE, model) == model.predict(IMAGE)
    with pytest.raises(nf.DataError, match="settings go to load_model with the model, got tta"):
        nf.predict(IMAGE, model, tta=True)


def test_settings_are_those_of_networks(card):
    assert len(nf.predict(IMAGE, card, tta=True, scales=[1, 1.25], diameter=18, threads=2)) == 2
    with pytest.raises(nf.DataError, match="predict has no setting 'scale'; there are: tta"):
        nf.predict(IMAGE, card, scale=2)
    with pytest.raises(nf.DataError, match="predict: tile must be a whole number of at least 0"):
        nf.predict(IMAGE, card, tile=-1)


def test_grey_and_deep_images_are_taken(card):
    grey = IMAGE[..., 0]
    for image in (grey, grey.astype(np.uint16) * 200, grey / 255):
        assert len(nf.predict(image, card)) == 2
        assert len(nf.predict(image, "otsu")) == 2


def test_what_gives_a_label_image_gives_instances():
    class Labels:
        name = "labels"

        def predict(self, image):
            assert image.shape == (70, 90, 3)
            return (image[..., 0] > 100).astype(np.int32)

    assert len(nf.predict(IMAGE[..., 0], Labels())) == 1


def test_what_is_no_image_or_model_is_said():
    with pytest.raises(ValueError, match="image must be grey"):
        nf.predict(np.zeros((3, 3, 7)), "otsu")
    with pytest.raises(nf.DataError, match="no model is called 'nosuch', and there is no such"):
        nf.predict(IMAGE, "nosuch")
