import json

import pytest
from attrs import asdict, evolve

from nucfuse.errors import DataError
from nucfuse.models.mask_rcnn.config import LOSSES, PRESETS, MaskRCNNConfig, preset
from nucfuse.settings import read


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    config = preset(name)
    assert MaskRCNNConfig(**json.loads(json.dumps(asdict(config)))) == config


def test_what_is_not_named_is_the_papers():
    config = MaskRCNNConfig(**{"rois": 64, "anchor_sizes": [8, 16, 32, 64, 128]})
    assert config == evolve(PRESETS["paper-resnet50"], rois=64, anchor_sizes=(8, 16, 32, 64, 128))


def test_the_papers_and_the_studys_numbers():
    paper, study = PRESETS["paper-resnet50"], PRESETS["study-resnet101"]
    assert paper.anchor_sizes == (32, 64, 128, 256, 512)
    assert (paper.train_proposals, paper.test_proposals) == (2000, 1000)
    assert (paper.box_pool, paper.mask_pool, paper.mask_size) == (7, 14, 28)
    assert study.backbone == "resnet101"
    assert study.anchor_sizes == (4, 8, 16, 128, 256)
    assert (study.rpn_batch, study.rpn_high, study.rpn_low) == (256, 0.7, 0.3)
    assert (study.rois, study.roi_share, study.max_truth) == (200, 1 / 3, 256)
    assert (study.min_confidence, study.detection_nms, study.max_instances) == (0.7, 0.3, 512)
    assert study.box_std == (0.1, 0.1, 0.2, 0.2)
    assert (study.size, study.means) == (512, (123.7, 116.8, 103.9))


def test_the_study_weighs_classes_over_boxes_and_rcnn_over_rpn():
    weights = dict(zip(LOSSES, PRESETS["study-resnet50"].loss_weights, strict=True))
    assert weights["class"] > weights["box"]
    assert weights["rpn_class"] > weights["rpn_box"]
    assert weights["class"] > weights["rpn_class"]
    assert weights["box"] > weights["rpn_box"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"anchor": 3}, "no setting 'anchor'; there are: input, means"),
        ({"backbone": "vgg"}, "backbone must be one of small, resnet50, resnet101, got 'vgg'"),
        ({"rois": 2.5}, r"rois must be a whole number in \[1, 100000\], got 2.5"),
        ({"rois": True}, "rois must be a whole number"),
        ({"rpn_nms": 1}, r"rpn_nms must be a number in \[0, 0.9999\], got 1"),
        ({"l2": float("nan")}, "l2 must be a number"),
        ({"masks": "yes"}, "masks must be true or false, got 'yes'"),
        ({"box_std": [0.1, 0.2]}, "box_std must be 4 numbers"),
        ({"ratios": []}, r"ratios must be 1 to 16 numbers in \[0.01, 1e\+06\], got"),
        ({"ratios": [0]}, r"ratios must be 1 to 16 numbers in \[0.01"),
        ({"ratios": 1}, "ratios must be 1 to 16 numbers"),
        ({"anchor_sizes": [1, 2]}, "one size for each of the 5 strides, got"),
        ({"rpn_low": 0.8}, "rpn_low must be at most rpn_high, got 0.8 and 0.7"),
        ({"input": "neutral"}, "means must be one for each of the 1 channels of input 'neutral'"),
        ({"size": 100}, "size must be 0 or a multiple of 64, got 100"),
        ({"strides": [4, 8, 16, 32, 48]}, "strides must begin with 2, 4, 8 or 16 and double"),
        ({"strides": [8, 16, 32, 64, 128]}, "strides of a ResNet are 4, 8, 16, 32"),
        ({"widths": [16]}, "widths are for the backbone 'small' only"),
        ({"backbone": "small"}, "widths must be 6 numbers, for the strides 2 to 64, got"),
    ],
)  # fmt: skip
def test_mistakes_name_the_rule(values, message):
    with pytest.raises(DataError, match=message):
        read(MaskRCNNConfig, values, "a Mask R-CNN")


def test_no_such_preset():
    with pytest.raises(DataError, match="must be one of small, paper-resnet50"):
        preset("big")
