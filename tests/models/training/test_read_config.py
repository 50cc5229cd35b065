import json
from pathlib import Path

import pytest
from attrs import evolve

from nucfuse.errors import DataError
from nucfuse.models.families import family_named
from nucfuse.models.mask_rcnn import config as mask_rcnn
from nucfuse.models.training.read_config import read_config, training_config
from nucfuse.models.unet.config import PRESETS, UNetTraining

EXAMPLES = Path(__file__).parents[3] / "examples"

TEXT = """
rate = 0.001
class_weights = [1, 1, 2]
diameter = [10, 40]
[network]
preset = "study-128"
dropout = 0.2
[augmentation]
rotation = 45
"""


def test_a_file_is_read_and_the_rest_is_the_default(tmp_path):
    (tmp_path / "a.toml").write_text(TEXT)
    config = read_config(tmp_path / "a.toml")
    assert config.rate == 0.001
    assert config.diameter == (10.0, 40.0)
    assert config.network.widths == PRESETS["study-128"].widths
    assert config.network.dropout == 0.2
    assert config.augmentation.rotation == 45
    assert config.batch == UNetTraining().batch
    again = training_config(json.loads(json.dumps(config.to_dict())))
    assert again == config


def test_a_mask_rcnn_has_presets_and_settings_of_its_own():
    values = {"model": "mask_rcnn", "heads_only": 0.3,
              "network": {"preset": "study-resnet50", "rois": 100}}  # fmt: skip
    config = training_config(values)
    assert config.model == "mask_rcnn"
    assert config.network == evolve(mask_rcnn.PRESETS["study-resnet50"], rois=100)
    document = json.loads(json.dumps(config.to_dict()))
    assert document["model"] == "mask_rcnn"
    assert document["heads_only"] == 0.3
    assert "loss" not in document
    assert "heads_only" not in UNetTraining().to_dict()
    assert training_config(document) == config


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_examples_can_be_read(path):
    config = read_config(path)
    assert config.model == ("mask_rcnn" if path.name.startswith("mask_rcnn") else "unet")
    assert isinstance(config.network, family_named(config.model).network)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rat = 1", "training of a unet has no setting 'rat'; there are: "),
        ("rate = 0", r"rate must be a number in \[1e-08, 10\], got 0"),
        ("rate = nan", "rate must be a number"),
        ("batch = 1.5", r"batch must be a whole number in \[1, 4096\], got 1.5"),
        ("batch = true", "batch must be a whole number"),
        ("loss = 'l2'", "loss must be one of cross_entropy"),
        ("side = 100", "side must be a multiple of the network's stride, 16, got 100"),
        ("diameter = [3]", "diameter must be 2 numbers of at least 1, got"),
        ("diameter = [30, 10]", "diameter must be two rising numbers"),
        ("class_weights = 'ab'", "class_weights must be 3 numbers of at least 1e-06, got 'ab'"),
        ("network = 'big'", "network preset of a unet must be one of small, study-128"),
        ("network = 3", "network must be a table or the name of a preset"),
        ("[network]\nwidth = 3", "a U-Net has no setting 'width'"),
        ("model = 'yolo'", "model must be one of unet, mask_rcnn, got 'yolo'"),
        ("heads_only = 0.5", "training of a unet has no setting 'heads_only'; there are: "),
        ("model = 'mask_rcnn'\nloss = 'bce'", "training of a mask_rcnn has no setting 'loss'"),
        ("model = 'mask_rcnn'\nclass_weights = [1, 1, 1]", "has no setting 'class_weights'"),
        ("model = 'mask_rcnn'\nheads_only = 2", r"heads_only must be a number in \[0, 1\]"),
        ("model = 'mask_rcnn'\nside = 80", "side must be a multiple of the network's stride, 32"),
        (
            "model = 'mask_rcnn'\nnetwork = 'study-128'",
            "network preset of a mask_rcnn must be one of small, paper-resnet50",
        ),
        ("model = 'mask_rcnn'\n[network]\nhead = 'border'", "Mask R-CNN has no setting 'head'"),
        ("[augmentation]\nzoom = 0", "zoom must be a number"),
        ("rate = ", "no valid TOML"),
    ],
)
def test_mistakes_name_the_file_and_the_rule(tmp_path, text, message):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_config(tmp_path / "none.toml")
