import json
import re
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from attrs import evolve
from commands import run, small_sample, train
from numpy.testing import assert_allclose, assert_array_equal

import nucfuse as nf
from nucfuse.data.formats.image_folder import open_images
from nucfuse.data.formats.probabilities import read_probabilities
from nucfuse.data.io import open_dataset
from nucfuse.data.splits.near_duplicates import image_record
from nucfuse.errors import DataError
from nucfuse.models.files.initial_weights import load_weights
from nucfuse.models.files.read_card import read_card
from nucfuse.models.training.read_config import read_config
from nucfuse.models.unet.config import UNetConfig, UNetTraining
from nucfuse.models.unet.graph import UNetGraph
from nucfuse.models.unet.network import build_unet
from nucfuse.pipeline import training
from nucfuse.pipeline.training_images import read_images, records_of
from nucfuse.pipeline.training_parts import TrainOptions, parts_of

# tf2onnx was written for NumPy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONFIG = """
steps = 2
epochs = 2
batch = 2
side = 64
validation = 0.2
[network]
widths = [4, 8]
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return small_sample(tmp_path_factory.mktemp("sample"), CONFIG)


@pytest.fixture(scope="module")
def trained(sample, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    result = train(sample, out, "--protocol", "grouped", "--fold", "2", "--name", "tiny")
    assert result.exit_code == 0, result.stderr
    return out, result


def test_a_run_leaves_a_network_its_log_and_what_it_was_made_from(trained, sample):
    out, result = trained
    card = json.loads((out / "tiny.json").read_text())
    parts = json.loads((out / "parts.json").read_text())
    log = pd.read_csv(out / "log.csv")
    assert list(log["step"]) == [2, 4]
    assert log["dsb_ap"].between(0, 1).all()
    assert (out / "log.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "run.json").read_text())["config"]["steps"] == 2
    assert card["network"]["widths"] == [4, 8]
    assert card["trained_on"]["n_held_out"] == len(parts["held_out"])
    assert sorted(i for ids in parts.values() for i in ids) == sorted(
        p.stem for p in (sample / "images").iterdir()
    )
    assert "2 epochs, 4 steps" in result.stdout


def test_what_was_held_out_is_predicted_and_scored(trained, sample):
    out, result = trained
    parts = json.loads((out / "parts.json").read_text())
    predicted = open_dataset(out / "held_out.npz")
    assert predicted.ids == parts["held_out"]
    truth = open_dataset(sample / "truth")
    expected = nf.score(
        [truth.read(i).masks for i in predicted.ids],
        [predicted.read(i).masks for i in predicted.ids],
    ).dsb_ap
    scores = json.loads((out / "tiny.json").read_text())["scores"]
    assert scores["dsb_ap"] == pytest.approx(expected, abs=1e-4)
    assert sum(s["n_images"] for s in scores["modality"].values()) == len(predicted.ids)
    assert f"dsb_ap {expected:.4f}" in result.stdout


@pytest.mark.slow
def test_all_folds_predict_every_image_by_the_network_that_has_not_seen_it(sample, tmp_path):
    runs, out = tmp_path / "runs", tmp_path / "all.npz"
    small = sample / "small.toml"
    small.write_text(CONFIG.replace("epochs = 2", "epochs = 1").replace("0.2", "0.0"))
    result = train(sample, runs, "--protocol", "source", "--fold", "all", config="small.toml")
    assert result.exit_code == 0, result.stderr
    folds = sorted(runs.iterdir())
    assert len(result.stdout.splitlines()) == len(folds) > 1
    assert all((fold / "log.csv").exists() for fold in folds)
    result = run("predict", sample / "images", "--model", runs, "--out", out)
    assert result.exit_code == 0, result.stderr
    joined = open_dataset(out)
    assert joined.ids == sorted(p.stem for p in (sample / "images").iterdir())
    for fold in folds:
        alone = open_dataset(fold / "held_out.npz")
        for image_id in alone.ids:
            assert_array_equal(
                joined.read(image_id).masks.to_labels(), alone.read(image_id).masks.to_labels()
            )


def kernels(path):
    """What a network has learned, without the running means of batch norm."""
    card = read_card(path)
    model = build_unet(UNetConfig(**card.network))
    load_weights(model, card)
    return [variable.numpy() for variable in model.trainable_variables]


@pytest.mark.slow
def test_a_run_starts_from_another_of_the_same_fold_only(trained, sample, tmp_path):
    still = sample / "still.toml"
    still.write_text(CONFIG.replace("epochs = 2", "epochs = 1\nrate = 1e-8"))
    options = ["--protocol", "grouped", "--from", trained[0]]
    result = train(sample, tmp_path / "on", *options, "--fold", "2", config="still.toml")
    assert result.exit_code == 0, result.stderr
    before, after = (
        kernels(path) for path in (trained[0] / "tiny.json", tmp_path / "on" / "unet.json")
    )
    for old, new in zip(before, after, strict=True):
        assert_allclose(new, old, atol=1e-4)
    card = json.loads((tmp_path / "on" / "unet.json").read_text())
    assert card["trained_on"]["start"] == read_card(trained[0] / "tiny.json").sha256

    result = train(sample, tmp_path / "no", *options, "--fold", "3", config="still.toml")
    assert result.exit_code == 3
    assert "this network may have seen" in result.stderr
    still.write_text(CONFIG.replace("[4, 8]", "[4, 6]"))
    result = train(sample, tmp_path / "no", *options, "--fold", "2", config="still.toml")
    assert result.exit_code == 3
    assert "widths [4, 8] there, [4, 6] here" in result.stderr
    assert not (tmp_path / "no").exists()


def test_a_run_starts_from_a_shipped_network_by_its_name(sample, tmp_path):
    for name, said in (
        ("unet", "unet.json: its network, preset 'small', is another than the config's"),
        ("unet_ensemble", "unet_ensemble.json: this is an ensemble; start from one of its"),
        ("no_such", "no_such: No such file or directory"),
    ):
        result = train(sample, tmp_path / "run", "--from", name)
        assert result.exit_code == 3
        assert said in result.stderr


def test_truth_is_cleaned_if_asked_for(tmp_path, caplog):
    caplog.set_level("INFO")
    image = np.zeros((32, 32, 3), np.uint8)
    labels = np.ones((32, 32), np.uint8)  # no background at all: it stays a nucleus
    holed = np.zeros((32, 32), np.uint8)
    holed[4:12, 4:12], holed[7, 7], holed[20:30, 20:30] = 3, 0, 9
    for kind, arrays in (("images", (image, image)), ("truth", (labels, holed))):
        (tmp_path / kind).mkdir()
        for name, array in zip("ab", arrays, strict=True):
            cv2.imwrite(str(tmp_path / kind / f"{name}.png"), array)
    data = open_dataset(tmp_path / "truth"), open_images(tmp_path / "images")

    def read(**settings):
        images = read_images(*data, ["a", "b"], UNetTraining(**settings), 1)
        return [np.bincount(image.labels.ravel()).tolist() for image in images]

    assert read(holes="keep", pieces="keep") == [[0, 1024], [861, 63, 100]]
    assert not caplog.messages
    assert read() == [[0, 1024], [860, 64, 100]]
    assert caplog.messages == ["truth: 3 masks: 1 with holes, 0 in several pieces, 0 left out"]
    assert read(holes="exclude") == [[0, 1024], [924, 100]]


def test_few_images_cannot_be_split_is_said(sample, tmp_path):
    for kind in ("images", "truth"):
        (tmp_path / kind).mkdir()
        for path in sorted((sample / kind).iterdir())[:2]:
            (tmp_path / kind / path.name).write_bytes(path.read_bytes())
    result = run(
        "train", sample / "tiny.toml", tmp_path / "truth", "--images", tmp_path / "images",
        "--out", tmp_path / "run", "--protocol", "grouped", "--fold", "1",
    )  # fmt: skip
    assert result.exit_code == 3
    assert "these 2 images cannot be split" in result.stderr


def test_images_must_be_there(sample, tmp_path):
    truth = sample / "truth"
    result = run("train", sample / "tiny.toml", truth, "--out", tmp_path / "run")
    assert result.exit_code == 3
    assert "the images are missing; give the folder that holds them with --images" in result.stderr


def test_too_few_images_to_validate_name_the_setting():
    records = [image_record(str(k), noise) for k, noise in enumerate(noises(3))]
    config = UNetTraining(validation=0.05)
    with pytest.raises(DataError, match=r"3 images .* set validation .* to 0.34 \(one of 3\) or 0"):
        parts_of(records, config, TrainOptions())
    assert len(parts_of(records, evolve(config, validation=0.34), TrainOptions()).learn) == 2
    with pytest.raises(DataError, match=r"1 images .* set validation in the config to 0 "):
        parts_of(records[:1], config, TrainOptions())


def noises(n):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (64, 64, 3)).astype(np.uint8) for _ in range(n)]


def test_a_trained_network_predicts(trained, sample, tmp_path):
    out = tmp_path / "pred.npz"
    result = run("predict", sample / "images", "--model", trained[0] / "tiny.json", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert out.exists()


def test_the_same_command_goes_on_and_a_finished_run_stays(trained, sample):
    out, _ = trained
    image = np.random.default_rng(0).random((1, 32, 32, 1), np.float32)
    before = UNetGraph(read_card(out / "tiny.json")).run(image)
    result = train(sample, out, "--protocol", "grouped", "--fold", "2", "--name", "tiny")
    assert result.exit_code == 0
    assert "going on after epoch 2" in result.stderr
    assert_array_equal(UNetGraph(read_card(out / "tiny.json")).run(image), before)


def test_another_fold_does_not_go_on_in_the_same_folder(trained, sample):
    result = train(sample, trained[0], "--protocol", "grouped", "--fold", "3")
    assert result.exit_code == 3
    assert "holds a run on other images or another fold" in result.stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--protocol", "grouped"], 2, "--protocol grouped or source needs --fold"),
        (["--protocol", "grouped", "--fold", "6"], 3, "--fold must be one of 1, 2, 3, 4, 5, all"),
        (["--protocol", "grouped", "--fold", "2/x"], 3, "--fold must be K or K/N with N in 2..100"),
        (["--protocol", "grouped", "--fold", "4/3"], 3, "--fold must be one of 1, 2, 3, all"),
        (["--protocol", "source", "--fold", "mars"], 3, "--fold must be one of "),
    ],
)
def test_folds_that_are_not_there_are_said(sample, tmp_path, options, code, message):
    result = train(sample, tmp_path / "run", *options)
    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


def test_images_that_are_missing_or_of_another_size_are_said(sample, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    first = sorted((sample / "images").iterdir())[0]
    (few / first.name).write_bytes(first.read_bytes())
    result = run(
        "train", sample / "tiny.toml", sample / "truth", "--images", few, "--out", tmp_path / "run"
    )
    assert result.exit_code == 3
    assert re.search(r"\d of the \d images", result.stderr)


def parts(sample, settings=None, **options):
    images = open_images(sample / "images")
    config = evolve(read_config(sample / "tiny.toml"), **(settings or {}))
    given = TrainOptions(**options)
    return parts_of(records_of(images, images.ids, 2), config, given)


def test_bags_differ_and_repeat_images(sample):
    one, same, other = (parts(sample, bag=bag) for bag in (1, 1, 2))
    assert one == same != other
    assert len(set(one.learn)) < len(one.learn)


def test_networks_of_other_seeds_hold_out_the_same_images(sample):
    fold = {"protocol": "grouped", "fold": "1/3"}
    third = {"validation": 0.3}
    one, other = (parts(sample, {**third, "seed": seed}, **fold) for seed in (0, 1))
    assert one == other
    others = [parts(sample, {**third, "split_seed": seed}, **fold) for seed in range(1, 6)]
    assert any(other != one for other in others)


@pytest.mark.slow
def test_networks_of_several_seeds_are_averaged_fold_by_fold(trained, sample, tmp_path):
    out, _ = trained
    one, other = tmp_path / "runs" / "seed0" / "2", tmp_path / "runs" / "seed1" / "2"
    shutil.copytree(out, one)
    options = ["--protocol", "grouped", "--fold", "2", "--name", "tiny"]
    result = train(sample, other, *options, "--seed", "1")
    assert result.exit_code == 0, result.stderr
    cards = [json.loads((run / "tiny.json").read_text()) for run in (one, other)]
    assert [card["training"]["seed"] for card in cards] == [0, 1]
    assert (one / "parts.json").read_text() == (other / "parts.json").read_text()

    images = tmp_path / "images"
    images.mkdir()
    for image_id in json.loads((one / "parts.json").read_text())["held_out"]:
        shutil.copy(sample / "images" / f"{image_id}.png", images)
    maps = []
    for model in (one / "tiny.json", other / "tiny.json", tmp_path / "runs"):
        folder = tmp_path / f"maps{len(maps)}"
        result = run("predict", images, "--model", model, "--out", tmp_path / "out.npz",
                     "--diameter", "native", "--probabilities", folder)  # fmt: skip
        assert result.exit_code == 0, result.stderr
        maps.append([read_probabilities(path)[0] for path in sorted(folder.iterdir())])
    for first, second, mean in zip(*maps, strict=True):
        assert np.abs(first - second).max() > 0.01
        assert_allclose((first + second) / 2, mean, atol=2e-3)  # maps are written as float16


def test_without_keras_the_extra_is_named(sample, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    result = train(sample, tmp_path / "run")
    assert result.exit_code == 3
    assert "pip install 'nucfuse[models]'" in result.stderr
