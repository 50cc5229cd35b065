"""What training asks of either kind of network."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_mask_rcnn import TINY

from nucfuse.errors import DataError
from nucfuse.models.families import build_network, check_start, stages_of, validation_of
from nucfuse.models.mask_rcnn.config import preset
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.unet.config import UNetConfig

STUDY = preset("study-resnet50")
FILE = Path("weights.h5")


def test_networks_are_built_from_their_configs():
    assert build_network(UNetConfig(widths=(4, 8))).output_shape[-1] == 3
    assert build_network(TINY).config is TINY


def test_without_images_nothing_is_validated():
    assert validation_of(TrainingConfig(network=TINY), []) is None


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
    model = build_network(TINY)
    choose = stages_of(TrainingConfig(network=TINY, heads_only=heads_only), model)
    learns = []
    for share in shares:
        choose(share)
        learns.append(model.features.get_layer("backbone").trainable)
    assert learns == stages


def test_a_unet_has_no_stages():
    stages_of(TrainingConfig(), None)(0.5)


@pytest.mark.parametrize(
    ("network", "imagenet", "start", "said"),
    [
        (UNetConfig(), FILE, None, "--imagenet is for a Mask R-CNN with a ResNet as backbone"),
        (TINY, FILE, None, "--imagenet is for a Mask R-CNN with a ResNet as backbone"),
        (STUDY, FILE, FILE, "give --imagenet or --from, not both"),
        (STUDY, None, None, "frozen batch normalisation cannot learn from fresh weights; give --i"),
    ],
    ids=["unet", "small", "both", "frozen"],
)
def test_starts_that_make_no_sense_are_refused(network, imagenet, start, said):
    with pytest.raises(DataError, match=said):
        check_start(network, imagenet, start)


def test_other_starts_are_taken():
    check_start(TINY, None, FILE)
    check_start(STUDY, FILE, None)
    check_start(STUDY, None, FILE)
    check_start(replace(STUDY, batch_norm="trained"), None, None)
