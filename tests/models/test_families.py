"""What is asked of every kind of network, whichever it is."""

from pathlib import Path

import made_networks
import pytest
from attrs import evolve
from made_mask_rcnn import TINY

from nucfuse.errors import DataError
from nucfuse.models.families import HOMES, family_named
from nucfuse.models.load import load_model
from nucfuse.models.mask_rcnn.config import MaskRCNNTraining, preset
from nucfuse.models.training.read_config import training_config
from nucfuse.models.unet.config import UNetConfig, UNetTraining

STUDY = preset("study-resnet50")
FILE = Path("weights.h5")
UNET, MASK_RCNN = family_named("unet"), family_named("mask_rcnn")


def test_kinds_are_known_by_name():
    assert [family_named(kind).kind for kind in HOMES] == list(HOMES)
    known = ", ".join(HOMES)
    with pytest.raises(DataError, match=rf"kind must be one of {known}, got \['unet'\]"):
        family_named(["unet"])


@pytest.mark.parametrize("kind", HOMES)
def test_a_kind_has_configs_of_its_own(kind):
    family = family_named(kind)
    small = family.read_network({})
    assert small == family.presets["small"] == family.read_network("small")
    assert family.training.model == kind
    assert family.training().network == small


def test_a_third_kind_is_one_object_and_a_line(tmp_path, monkeypatch):
    class Training(UNetTraining):
        model = "third"

    third = evolve(UNET, kind="third", title="a third", training=Training)
    monkeypatch.setitem(HOMES, "third", "made_networks:THIRD")
    monkeypatch.setattr(made_networks, "THIRD", third, raising=False)
    config = training_config({"model": "third", "loss": "bce", "network": {"head": "nucleus"}})
    assert (config.model, config.to_dict()["model"]) == ("third", "third")
    card = made_networks.write_network(tmp_path, kind="third")
    image = made_networks.discs((70, 90), [(20, 20), (45, 60)], 9)
    assert len(load_model(card).predict(image)) == 2


def test_networks_are_built_from_their_configs():
    assert UNET.build(UNetConfig(widths=(4, 8))).output_shape[-1] == 3
    assert MASK_RCNN.build(TINY).config is TINY


@pytest.mark.parametrize(
    ("heads_only", "shares", "stages"),
    [
        (0.3, (0, 0.5, 0.69, 0.7, 1), [True, True, True, False, False]),
        (0.1, (0.8, 9 / 10), [True, False]),
        (0.0, (0, 0.99, 1), [True, True, True]),
        (1.0, (0, 0.5), [False, False]),
    ],
)
def test_the_last_part_of_a_run_trains_the_heads_only(heads_only, shares, stages):
    model = MASK_RCNN.build(TINY)
    config = MaskRCNNTraining(network=TINY, heads_only=heads_only)
    learns = []
    for share in shares:
        MASK_RCNN.set_stage(model, config, share)
        learns.append(model.features.get_layer("backbone").trainable)
    assert learns == stages


@pytest.mark.parametrize(
    ("family", "network", "imagenet", "start", "said"),
    [
        (UNET, UNetConfig(), FILE, None, "--imagenet is for a ResNet as backbone"),
        (MASK_RCNN, TINY, FILE, None, "--imagenet is for a ResNet as backbone"),
        (MASK_RCNN, STUDY, FILE, "unet", "give --imagenet or --from, not both"),
        (MASK_RCNN, STUDY, None, None, "cannot learn from fresh weights; give --imagenet FILE"),
    ],
    ids=["unet", "small", "both", "frozen"],
)
def test_starts_that_make_no_sense_are_refused(family, network, imagenet, start, said):
    with pytest.raises(DataError, match=said):
        family.check_start(network, imagenet, start)


def test_other_starts_are_taken():
    UNET.check_start(UNetConfig(), None, "unet")
    MASK_RCNN.check_start(TINY, None, "a.json")
    MASK_RCNN.check_start(STUDY, FILE, None)
    MASK_RCNN.check_start(STUDY, None, "a.json")
    MASK_RCNN.check_start(evolve(STUDY, batch_norm="trained"), None, None)
