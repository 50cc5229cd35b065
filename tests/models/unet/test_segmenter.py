"""Trained U-Nets as models: nuclei, ensembles, images of every kind."""

import json
import pickle

import numpy as np
import pytest
from made_networks import discs, tiny_onnx, write_network
from numpy.testing import assert_allclose, assert_array_equal

from nucfuse.errors import DataError
from nucfuse.models.inference.settings import Inference
from nucfuse.models.load import load_network
from nucfuse.models.segmenter import Segmenter
from nucfuse.models.unet import segmenter as network_segmenter

CENTRES = [(20, 20), (45, 60), (20, 70)]
IMAGE = discs((70, 90), CENTRES, 9)


@pytest.fixture
def model(tmp_path):
    return load_network(write_network(tmp_path))


def test_it_finds_what_is_there(model):
    nuclei = model.predict(IMAGE)
    assert isinstance(model, Segmenter)
    assert len(nuclei) == 3
    assert nuclei.disjoint
    assert nuclei.source_names == ("tiny",)
    assert (nuclei.scores > 0.8).all()
    truth = IMAGE[..., 0] > 100
    assert (nuclei.to_labels() > 0)[truth].mean() > 0.95
    assert (nuclei.to_labels() > 0)[~truth].mean() < 0.05


def test_probabilities_are_what_nuclei_come_from(model):
    maps = model.probabilities(IMAGE)
    assert maps.shape == (3, 70, 90)
    assert maps.dtype == np.float32
    assert model.channels == ("nucleus", "border", "interior")
    nuclei, halves, names = model.find_with_maps(IMAGE)
    assert names == model.channels
    assert_array_equal(halves, maps.astype(np.float16))
    assert_array_equal(nuclei.to_labels(), model.predict(IMAGE).to_labels())


def test_grey_alpha_16_bit_float_and_inverted_images_give_the_same(model):
    nuclei = model.predict(IMAGE)
    grey = IMAGE[..., 0]
    images = [
        grey,
        grey[..., np.newaxis],
        np.dstack([IMAGE, np.full(grey.shape, 7, np.uint8)]),
        grey.astype(np.uint16) * 200,
        grey / 255,
        255 - IMAGE,
    ]
    for image in images:
        assert_array_equal(model.predict(image).to_labels(), nuclei.to_labels())


def test_the_card_says_which_nuclei_stay(tmp_path):
    image = discs((70, 90), CENTRES, 9)
    image[5:9, 5:9] = image.max()
    count = {}
    for small in (0.0, 0.5):
        folder = tmp_path / str(small)
        folder.mkdir()
        path = write_network(folder, select={"small": small})
        count[small] = len(load_network(path).predict(image))
    assert count == {0.0: 4, 0.5: 3}


def test_the_smallest_image(model):
    assert len(model.predict(np.zeros((1, 1, 3), np.uint8))) == 0


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.full((8, 8), np.nan), "NaN"),
        (np.zeros((8, 8, 5), np.uint8), r"got shape \(8, 8, 5\)"),
        (np.zeros((0, 8, 3), np.uint8), "got shape"),
        (np.zeros(8), "got shape"),
    ],
)
def test_bad_images_are_refused(model, image, said):
    with pytest.raises(ValueError, match=said):
        model.predict(image)


def test_images_in_bands_give_the_same_nuclei(model, monkeypatch):
    image = discs((300, 80), [(y, x) for y in range(15, 300, 30) for x in (20, 60)], 8)
    whole = model.predict(image)
    assert len(whole) == 20
    monkeypatch.setattr(network_segmenter, "_WHOLE", 1000)
    monkeypatch.setattr(network_segmenter, "_BAND", 50)
    banded = model.predict(image)
    assert sorted(banded.to_rle()) == sorted(whole.to_rle())
    assert_allclose(np.sort(banded.scores), np.sort(whole.scores), rtol=1e-5)
    assert_array_equal(model.probabilities(image).shape, (3, 300, 80))


@pytest.fixture
def ensemble(tmp_path):
    write_network(tmp_path, "a")
    write_network(tmp_path, "b", onnx=tiny_onnx(bias=-2.0), diameter=[30, 40])
    path = tmp_path / "both.json"
    path.write_text('{"format": 1, "name": "both", "members": ["a", "b"], "split": {"method": '
                    '"threshold", "threshold": 0.6}}')  # fmt: skip
    return path


def test_an_ensemble_is_the_mean_of_its_networks(ensemble):
    both = load_network(ensemble)
    each = [load_network(ensemble.with_name(f"{n}.json")) for n in "ab"]
    maps = [one.probabilities(IMAGE) for one in each]
    assert np.abs(maps[0] - maps[1]).max() > 0.1
    assert_allclose(both.probabilities(IMAGE), np.mean(maps, axis=0), atol=1e-6)
    assert both.name == "both"
    assert both.splitting == {"method": "threshold", "threshold": 0.6}
    assert both.predict(IMAGE).source_names == ("both",)


def test_an_ensemble_of_ensembles_or_unlike_networks(ensemble, tmp_path):
    nested = tmp_path / "nested.json"
    nested.write_text('{"format": 1, "name": "nested", "members": ["both"]}')
    with pytest.raises(DataError, match="the members of an ensemble must be networks"):
        load_network(nested)
    write_network(tmp_path, "b", onnx=tiny_onnx(n_outputs=2), outputs=["nucleus", "border"])
    with pytest.raises(DataError, match="needs networks that give the same maps"):
        load_network(ensemble)


def test_settings_are_described_and_change_the_result_only_if_they_should(tmp_path):
    path = write_network(tmp_path)
    model, turned, threads = (
        load_network(path, Inference(**settings))
        for settings in ({}, {"tta": True}, {"threads": 2})
    )
    assert turned.describe() != model.describe()
    json.dumps(turned.describe())
    assert_allclose(turned.probabilities(IMAGE), model.probabilities(IMAGE), atol=1e-5)
    assert threads.describe() == model.describe()


def test_a_model_can_be_sent_to_another_process(model):
    assert pickle.loads(pickle.dumps(model)).predict(IMAGE) == model.predict(IMAGE)
