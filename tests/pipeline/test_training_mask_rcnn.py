"""`nucfuse train` and `predict` of a Mask R-CNN, from a config to nuclei."""

import json

import numpy as np
import pandas as pd
import pytest
from commands import run, small_sample, train
from numpy.testing import assert_array_equal

import nucfuse as nf
from nucfuse.data.io import open_dataset
from nucfuse.data.readers.raster import write_label_png
from nucfuse.models.files.read_card import read_card
from nucfuse.models.mask_rcnn.config import LOSSES
from nucfuse.report.pictures import write_png

# tf2onnx was written for NumPy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONFIG = """
model = "mask_rcnn"
steps = 2
epochs = 2
batch = 2
side = 64
heads_only = 0.5
validation = 0.2
[network]
widths = [4, 6, 8, 8, 8]
fpn_width = 8
head_width = 16
mask_convs = 1
rois = 12
pre_nms = 60
train_proposals = 20
test_proposals = 20
rpn_batch = 64
min_confidence = 0.3
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return small_sample(tmp_path_factory.mktemp("sample"), CONFIG)


@pytest.fixture(scope="module")
def runs(sample, tmp_path_factory):
    """A folder with the run of one fold."""
    out = tmp_path_factory.mktemp("runs")
    result = train(sample, out / "2", "--protocol", "grouped", "--fold", "2")
    assert result.exit_code == 0, result.stderr
    return out, result


def test_a_run_leaves_a_network_its_losses_and_its_score(runs, sample):
    out, result = runs[0] / "2", runs[1]
    card, log = read_card(out / "mask_rcnn.json"), pd.read_csv(out / "log.csv")
    assert card.kind == "mask_rcnn"
    assert sorted(card.files) == [
        f"mask_rcnn.{ending}" for ending in ("features.onnx", "heads.onnx", "weights.h5")
    ]
    assert card.document["training"]["heads_only"] == 0.5
    assert {*LOSSES, "loss", "l2", "dsb_ap"} < set(log.columns)
    assert log["dsb_ap"].between(0, 1).all()
    predicted = open_dataset(out / "held_out.npz")
    truth = open_dataset(sample / "truth")
    expected = nf.score(
        [truth.read(i).masks for i in predicted.ids],
        [predicted.read(i).masks for i in predicted.ids],
    ).dsb_ap
    assert card.document["scores"]["dsb_ap"] == pytest.approx(expected, abs=1e-4)
    assert "mask_rcnn.json: 2 epochs, 4 steps" in result.stdout


@pytest.mark.slow
def test_it_predicts_with_all_settings_and_pictures(runs, sample, tmp_path):
    card, out = runs[0] / "2" / "mask_rcnn.json", tmp_path / "out"
    result = run(
        "predict", sample / "images", "--model", card, "--out", out, "--overlays",
        tmp_path / "pictures", "--tta", "--tile", "192", "--diameter", "30", "--jobs", "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    names = sorted(path.name for path in (sample / "images").iterdir())
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == names
    assert set(names) < {path.name for path in out.iterdir()}
    described = json.loads((out / "run.json").read_text())
    assert "fusion" in json.dumps(described)


def test_probability_maps_are_refused(runs, sample, tmp_path):
    result = run(
        "predict", sample / "images", "--model", runs[0] / "2" / "mask_rcnn.json",
        "--out", tmp_path / "out", "--probabilities", tmp_path / "maps",
    )  # fmt: skip
    assert result.exit_code == 3
    assert "is a Mask R-CNN: it gives nuclei and no probability maps" in result.stderr


@pytest.mark.slow
def test_runs_predict_the_images_that_they_held_out(runs, sample, tmp_path):
    alone = open_dataset(runs[0] / "2" / "held_out.npz")
    images = tmp_path / "images"
    images.mkdir()
    for image_id in alone.ids:
        path = next((sample / "images").glob(f"{image_id}.*"))
        (images / path.name).write_bytes(path.read_bytes())
    result = run("predict", images, "--model", runs[0], "--out", tmp_path / "all.npz")
    assert result.exit_code == 0, result.stderr
    joined = open_dataset(tmp_path / "all.npz")
    for image_id in alone.ids:
        assert_array_equal(
            joined.read(image_id).masks.to_labels(), alone.read(image_id).masks.to_labels()
        )
    result = run("predict", sample / "images", "--model", runs[0], "--out", tmp_path / "no.npz")
    assert result.exit_code == 3
    assert "no network held out image" in result.stderr


@pytest.mark.slow
def test_a_finished_run_stays_and_another_one_starts_from_it(runs, sample, tmp_path):
    def nuclei():
        held = open_dataset(runs[0] / "2" / "held_out.npz")
        return [held.read(image_id).masks.to_rle() for image_id in held.ids]

    before = nuclei()
    result = train(sample, runs[0] / "2", "--protocol", "grouped", "--fold", "2")
    assert result.exit_code == 0, result.stderr
    assert "going on after epoch 2" in result.stderr
    assert nuclei() == before

    options = ["--protocol", "grouped", "--fold", "2", "--from", runs[0] / "2"]
    (sample / "on.toml").write_text(CONFIG.replace("epochs = 2", "epochs = 1"))
    result = train(sample, tmp_path / "on", *options, "--name", "on", config="on.toml")
    assert result.exit_code == 0, result.stderr
    start = read_card(tmp_path / "on" / "on.json").document["trained_on"]["start"]
    assert start == read_card(runs[0] / "2" / "mask_rcnn.json").sha256
    (sample / "on.toml").write_text('model = "mask_rcnn"\nvalidation = 0.2\nnetwork = "small"')
    result = train(sample, tmp_path / "no", *options, config="on.toml")
    assert result.exit_code == 3
    assert "no preset, is another than the config's, preset 'small' (" in result.stderr
    assert "fpn_width 8 there, 64 here" in result.stderr
    (sample / "on.toml").write_text("validation = 0.2")
    result = train(sample, tmp_path / "no", *options, config="on.toml")
    assert result.exit_code == 3
    assert "its network is a mask_rcnn, the config's is a unet" in result.stderr


def test_imagenet_is_for_resnets(sample, tmp_path):
    result = train(sample, tmp_path / "run", "--imagenet", sample / "tiny.toml")
    assert result.exit_code == 3
    assert "--imagenet is for a ResNet" in result.stderr


@pytest.mark.slow
def test_images_without_nuclei_train_and_predict(sample, tmp_path):
    for kind in ("images", "truth"):
        (tmp_path / kind).mkdir()
    for k, path in enumerate(sorted((sample / "images").glob("*.png"))[:3]):
        blank = np.full((64 + k, 70, 3), 10, np.uint8)
        write_label_png(tmp_path / "truth" / path.name, np.zeros(blank.shape[:2], np.int32))
        write_png(tmp_path / "images" / path.name, blank)
    (tmp_path / "tiny.toml").write_text(CONFIG.replace("0.2", "0.0"))
    result = train(tmp_path, tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    out = tmp_path / "out.npz"
    card = tmp_path / "run" / "mask_rcnn.json"
    result = run("predict", tmp_path / "images", "--model", card, "--out", out)
    assert result.exit_code == 0, result.stderr
