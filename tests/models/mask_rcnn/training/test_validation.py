"""The score that training measures, by a network that knows what is so."""

from types import SimpleNamespace

import numpy as np
import pytest
from attrs import evolve
from made_mask_rcnn import TINY, Knowing
from made_networks import discs

from nucfuse.models.mask_rcnn.config import MaskRCNNTraining
from nucfuse.models.mask_rcnn.training.validation import MaskRCNNValidation
from nucfuse.models.training.images import training_image

CENTRES = [(20, 20), (45, 60), (20, 75)]


def model(network):
    """As much of a Keras model as validation asks for."""
    return SimpleNamespace(graphs=(network.features, network.heads))


def image(kind="neutral", radius=9):
    labels = np.zeros((70, 90), np.int32)
    for k, centre in enumerate(CENTRES, start=1):
        labels[discs((70, 90), [centre], radius)[..., 0] > 100] = k
    return training_image("a", discs((70, 90), CENTRES, radius), labels, kind)


def training(network, diameter):
    """How a network is trained on nuclei of these diameters."""
    return MaskRCNNTraining(network=network, diameter=diameter)


def test_what_is_so_scores_one():
    network = Knowing(None)
    assert MaskRCNNValidation([image()], training(TINY, (5, 50)))(model(network)) == 1.0
    assert network.sizes == [(96, 96)]


@pytest.mark.parametrize(
    ("config", "diameter", "size"),
    [
        (TINY, (38, 50), (160, 192)),  # 18 pixels become 38
        (evolve(TINY, size=128), (1, 2), (128, 128)),
        (evolve(TINY, input="rgb"), (5, 50), (96, 96)),
    ],
)
def test_images_are_seen_as_they_will_be(config, diameter, size):
    network = Knowing(None, config)
    validation = MaskRCNNValidation([image(config.input)], training(config, diameter))
    # Rescaled there and back, outlines are a little off, and some thresholds are missed.
    assert 0.5 < validation(model(network)) <= 1.0
    assert network.sizes == [size]


def test_the_mean_is_over_images_and_nothing_where_nothing_is_is_right():
    blank = training_image(
        "b", np.zeros((40, 50, 3), np.uint8), np.zeros((40, 50), np.int32), "neutral"
    )
    missed = Knowing(None)
    missed.features = lambda arrays: Knowing.features(missed, [0 * arrays[0]])
    assert MaskRCNNValidation([blank, image()], training(TINY, (5, 50)))(model(missed)) == 0.5
