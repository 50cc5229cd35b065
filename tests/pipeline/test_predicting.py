"""`nucfuse predict`: models by name and path, what is written, resuming, bad images."""

import json
import re
import shutil
import sys

import numpy as np
import pytest
import tifffile
from commands import run
from made_networks import discs, endless_onnx, odd_onnx, write_network
from numpy.testing import assert_array_equal

from nucfuse.data.formats.probabilities import read_probabilities
from nucfuse.data.io import open_dataset
from nucfuse.data.readers.raster import read_image, read_labels
from nucfuse.masks.instances import Instances
from nucfuse.models.files import card as cards
from nucfuse.models.unet.segmenter import UNetSegmenter
from nucfuse.pipeline.predicting import threads_of
from nucfuse.report.pictures import write_png

IMAGES = {
    "a": discs((70, 90), [(20, 20), (45, 60)], 9),
    "b": discs((40, 50), [(20, 25)], 9),
    "c d": discs((64, 64), [(15, 15), (15, 45), (45, 30)], 9),
}
COUNTS = {"a": 2, "b": 1, "c d": 3}


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, image in IMAGES.items():
        write_png(folder / f"{name}.png", image)
    return folder


@pytest.fixture
def card(tmp_path):
    (tmp_path / "net").mkdir()
    return write_network(tmp_path / "net")


def test_a_network_of_ones_own(images, card, tmp_path):
    out = tmp_path / "out"
    result = run("predict", images, "--model", card, "--out", out)
    assert result.exit_code == 0
    assert "3 images, 6 nuclei as labels, by tiny" in result.stderr
    assert {name: read_labels(out / f"{name}.png").max() for name in COUNTS} == COUNTS
    record = json.loads((out / "run.json").read_text())
    assert record["complete"]
    assert record["config"]["model"] == "tiny"
    assert [card["name"] for card in record["config"]["cards"]] == ["tiny"]


def test_files_maps_and_pictures(images, card, tmp_path):
    maps, pictures, out = tmp_path / "maps", tmp_path / "pictures", tmp_path / "out.npz"
    result = run("predict", images, "--model", card, "--out", out, "--probabilities", maps,
                 "--overlays", pictures, "--engine", "serial")  # fmt: skip
    assert result.exit_code == 0
    for name, image in IMAGES.items():
        values, channels = read_probabilities(maps / f"{name}.npz")
        assert channels == ("nucleus", "border", "interior")
        assert values.shape == (3, *image.shape[:2])
        assert (read_image(pictures / f"{name}.png") != image).any()
        assert len(open_dataset(out).read(name).masks) == COUNTS[name]


@pytest.mark.parametrize("options", [["--tta"], ["--scales", "1,1.25"], ["--diameter", "native"],
                                     ["--diameter", "18"], ["--tile", "0"]])  # fmt: skip
def test_options_of_networks(images, card, tmp_path, options):
    result = run("predict", images, "--model", card, "--out", tmp_path / "x.csv", *options)
    assert result.exit_code == 0
    assert "6 nuclei" in result.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--scales", "1,x"], 2, "numbers such as 0.8,1,1.25 are needed"),
        (["--scales", "9"], 3, "scales must be 1 to 100 numbers in [0.25, 4], got (9.0,)"),
        (["--diameter", "big"], 2, "'auto', 'native' or a number is needed"),
        (
            ["--diameter", "-3"],
            3,
            "diameter must be 'auto', 'native' or a number of pixels above 0, got -3.0",
        ),
        (["--tile", "-1"], 2, "--tile"),
        (["--model", "otsu", "--tta"], 3, "model 'otsu' is no network and takes no tta"),
        (["--model", "nosuch"], 3, "no model is called 'nosuch', and there is no such file"),
    ],
)
def test_wrong_options(images, card, tmp_path, options, code, said):
    result = run("predict", images, "--model", card, "--out", tmp_path / "x", *options)
    assert result.exit_code == code
    assert said in result.stderr.replace("\n", " ")
    assert not (tmp_path / "x").exists()


def test_few_images_get_several_cores_each():
    assert threads_of(8, None, 65) == 1
    assert threads_of(8, None, 3) == 2
    assert threads_of(1, None, 1) == 1
    assert threads_of(None, "local:8", 1) == 1


def test_maps_of_a_model_without(images, tmp_path):
    result = run("predict", images, "--model", "otsu", "--out", tmp_path / "x.npz",
                 "--probabilities", tmp_path / "maps")  # fmt: skip
    assert result.exit_code == 3
    assert "model 'otsu' gives no probability maps" in result.stderr


def test_a_second_run_does_what_is_missing(images, card, tmp_path):
    out = tmp_path / "out"
    command = ["predict", images, "--model", card, "--out", out]
    run(*command)
    (out / "b.png").unlink()
    before = (out / "a.png").stat().st_mtime_ns
    result = run(*command)
    assert "1 images, 1 nuclei as labels, by tiny; 2 more were there already" in result.stderr
    assert (out / "a.png").stat().st_mtime_ns == before
    again = run(*command, "--overlays", tmp_path / "pictures")
    assert "3 images, 6 nuclei" in again.stderr
    assert len(list((tmp_path / "pictures").iterdir())) == 3


def test_other_settings_need_another_folder(images, card, tmp_path):
    out = tmp_path / "out"
    command = ["predict", images, "--out", out]
    run(*command, "--model", card)
    refused = run(*command, "--model", card, "--tta")
    assert refused.exit_code == 3
    assert (
        "made with other settings (tta); remove them, choose another folder, or" in refused.stderr
    )
    assert run(*command, "--model", card, "--tta", "--overwrite").exit_code == 0
    assert json.loads((out / "run.json").read_text())["config"]["tta"] is True
    assert run(*command, "--model", "otsu").exit_code == 3
    write_network(card.parent, diameter=[9, 40])
    changed = run(*command, "--model", card, "--tta")
    assert "made with other settings (cards)" in changed.stderr


def test_label_images_of_unknown_origin_stay(images, card, tmp_path):
    out = tmp_path / "out"
    run("predict", images, "--model", card, "--out", out)
    (out / "run.json").unlink()
    refused = run("predict", images, "--model", card, "--out", out)
    assert refused.exit_code == 3
    assert "no run.json says how they were made" in refused.stderr
    shutil.copy(out / "a.png", out / "strange.png")
    refused = run("predict", images, "--model", card, "--out", out, "--overwrite")
    assert "--overwrite would mix two runs" in refused.stderr
    assert "'strange'" in refused.stderr
    assert len(list(out.glob("*.png"))) == 4


BAD = {
    "text": lambda path: path.write_bytes(b"this is no image"),
    "empty": lambda path: path.write_bytes(b""),
    "nan": lambda path: tifffile.imwrite(path, np.full((9, 9), np.nan, np.float32)),
    "five": lambda path: tifffile.imwrite(path, np.zeros((5, 9, 9), np.uint8)),
}


@pytest.mark.parametrize("kind", sorted(BAD))
def test_a_bad_image_is_named_and_the_others_are_done(images, card, tmp_path, kind):
    BAD[kind](images / "bad.tif")
    out = tmp_path / "out"
    result = run("predict", images, "--model", card, "--out", out)
    assert result.exit_code == 1
    assert "3 images, 6 nuclei" in result.stderr
    assert "not predicted: 'bad': " in result.stderr
    assert list(json.loads((out / "run.json").read_text())["failed"]) == ["bad"]
    whole = run("predict", images, "--model", card, "--out", tmp_path / "out.csv")
    assert whole.exit_code == 3
    assert not (tmp_path / "out.csv").exists()
    alone = run("predict", images / "bad.tif", "--model", card, "--out", tmp_path / "alone")
    assert alone.exit_code == 3


@pytest.mark.parametrize(
    ("factor", "said"),
    [(-1, r"the network gave NaN or infinite values \(.*%"), (2, "values from .* to 1.96078,")],
)
def test_a_network_without_probabilities_fails_on_that_image_only(tmp_path, factor, said):
    """The others, a black image, are kept: there the network gives 0."""
    write_png(tmp_path / "images" / "black.png", np.zeros((20, 20, 3), np.uint8))
    write_png(tmp_path / "images" / "bright.png", np.full((20, 20, 3), 250, np.uint8))
    (tmp_path / "net").mkdir()
    card = write_network(tmp_path / "net", onnx=odd_onnx(factor), input="rgb")
    for more in ([], ["--probabilities", tmp_path / "maps"], ["--tta"]):
        out = tmp_path / f"out{len(more)}{more[:1]}"
        result = run("predict", tmp_path / "images", "--model", card, "--out", out, *more)
        assert result.exit_code == 1
        assert re.search(f"not predicted: 'bright': .*{said}", result.stderr)
        assert [file.name for file in out.glob("*.png")] == ["black.png"]
    assert [file.name for file in (tmp_path / "maps").iterdir()] == ["black.npz"]


def test_a_network_without_end_is_stopped(images, tmp_path):
    (tmp_path / "net").mkdir()
    card = write_network(tmp_path / "net", onnx=endless_onnx(), input="rgb")
    args = ["predict", images, "--model", card, "--jobs", 3]
    result = run(*args, "--out", tmp_path / "out", "--timeout", 0.5)
    assert result.exit_code == 3
    assert "image 'a': the network had not come to an end after 0.5 s" in result.stderr
    assert "(and so of 2 others)" in result.stderr
    assert run(*args, "--out", tmp_path / "out.csv", "--timeout", 0.2).exit_code == 3


def test_time_enough_changes_nothing(images, card, tmp_path):
    out = tmp_path / "out"
    result = run("predict", images, "--model", card, "--out", out, "--timeout", 500)
    assert result.exit_code == 0
    again = run("predict", images, "--model", card, "--out", out)
    assert "3 more were there already" in again.stderr


def test_an_image_too_large_for_memory_is_named(images, card, tmp_path, monkeypatch):
    def predict(self, image):
        if image.shape == IMAGES["b"].shape:
            raise MemoryError
        return Instances.empty(image.shape[:2])

    monkeypatch.setattr(UNetSegmenter, "find", predict)
    result = run("predict", images, "--model", card, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "not predicted: 'b': there is not enough memory for it" in result.stderr
    whole = run("predict", images, "--model", card, "--out", tmp_path / "out.csv")
    assert whole.exit_code == 3
    assert "nucfuse: error: image 'b': it does not fit into memory" in whole.stderr


GOOD = {
    "one": np.zeros((1, 1), np.uint8),
    "deep": (IMAGES["a"][..., 0].astype(np.uint16) * 256),
    "float": IMAGES["a"][..., 0].astype(np.float32) / 255,
    "rgba": np.dstack([IMAGES["a"], np.full((70, 90), 255, np.uint8)]),
    "grey": IMAGES["a"][..., 0],
}


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_images_of_every_kind(card, tmp_path, kind):
    photometric = "rgb" if GOOD[kind].ndim == 3 else "minisblack"
    extra = {"extrasamples": ["unassalpha"]} if kind == "rgba" else {}
    tifffile.imwrite(tmp_path / "x.tif", GOOD[kind], photometric=photometric, **extra)
    result = run("predict", tmp_path / "x.tif", "--model", card, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert read_labels(tmp_path / "out" / "x.png").max() == (0 if kind == "one" else 2)


def test_predictions_that_are_there_already(images, card, tmp_path):
    maps = tmp_path / "maps"
    run("predict", images, "--model", card, "--out", tmp_path / "out", "--probabilities", maps)
    for path in (tmp_path / "out", maps):
        copy = tmp_path / f"copy-{path.name}"
        result = run("predict", images, "--model", path, "--out", copy)
        assert result.exit_code == 0
        assert f"6 nuclei as labels, by {path.name}" in result.stderr
    for name in IMAGES:
        assert_array_equal(
            read_labels(tmp_path / "copy-out" / f"{name}.png"),
            read_labels(tmp_path / "out" / f"{name}.png"),
        )
    (tmp_path / "out" / "b.png").unlink()
    missing = run("predict", images, "--model", tmp_path / "out", "--out", tmp_path / "x.csv")
    assert missing.exit_code == 3
    assert "no prediction of image 'b'" in missing.stderr
    shutil.copy(tmp_path / "out" / "a.png", tmp_path / "out" / "b.png")
    other = run("predict", images, "--model", tmp_path / "out", "--out", tmp_path / "x.csv")
    assert "image 'b' is (40, 50), its prediction (70, 90)" in other.stderr


def test_the_shipped_network_is_the_default(images, tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    monkeypatch.setattr(cards, "WEIGHTS", tmp_path / "weights")
    assert "by otsu" in run("predict", images, "--out", tmp_path / "1.csv").stderr
    scores = {"dsb_ap": 0.5, "by": {}, "out_of_fold": {"grouped": {"dsb_ap": 0.4, "by": {}}}}
    write_network(tmp_path / "weights", "unet", scores=scores)
    assert "by unet" in run("predict", images, "--out", tmp_path / "2.csv").stderr
    listed = run("models").stdout
    assert "unet (default)  unet  neutral  0.0 MB  dsb_ap 0.500, grouped 0.400" in listed
    assert json.loads(run("models", "--json").stdout)["unet"]["stride"] == 16


def test_without_onnx_runtime(images, card, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    result = run("predict", images, "--model", card, "--out", tmp_path / "out")
    assert result.exit_code == 3
    assert "pip install 'nucfuse[predict]'" in result.stderr
    assert run("predict", images, "--model", "otsu", "--out", tmp_path / "out").exit_code == 0


def fold(folder, held_out, **entries):
    folder.mkdir(parents=True)
    (folder / "parts.json").write_text(json.dumps({"held_out": held_out}))
    (folder / "run.json").write_text("{}")
    return write_network(folder, **entries)


def test_the_folder_of_one_run_is_its_network(images, card, tmp_path):
    fold(tmp_path / "run", ["a"])
    for name, model in (("1", card), ("2", tmp_path / "run")):
        result = run("predict", images, "--model", model, "--out", tmp_path / name, "--tta")
        assert result.exit_code == 0, result.stderr
        assert "6 nuclei as labels, by tiny" in result.stderr
    for name in IMAGES:
        one, other = (read_labels(tmp_path / n / f"{name}.png") for n in "12")
        assert_array_equal(one, other)
    (tmp_path / "run" / "tiny.json").unlink()
    result = run("predict", images, "--model", tmp_path / "run", "--out", tmp_path / "3")
    assert result.exit_code == 3
    assert "a finished run has one card of a network, found 0" in result.stderr


def test_each_image_by_the_networks_that_held_it_out(images, tmp_path):
    runs = tmp_path / "runs"
    none = {"speck": 10**6}
    fold(runs / "1", ["a", "b"])
    fold(runs / "2", ["c d"], select=none)
    fold(runs / "2-bag", ["c d"], select=none)
    result = run("predict", images, "--model", runs, "--out", tmp_path / "out", "--tta")
    assert result.exit_code == 0, result.stderr
    counts = {name: read_labels(tmp_path / "out" / f"{name}.png").max() for name in COUNTS}
    assert counts == {**COUNTS, "c d": 0}
    record = json.loads((tmp_path / "out" / "run.json").read_text())["config"]
    assert sorted(len(f["cards"]) for f in record["folds"]) == [1, 2]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "parts.json").write_text("[]"), "must list the images"),
        (lambda run: (run / "parts.json").write_text('{"held_out": [1]}'), "must list the images"),
        (lambda run: (run / "tiny.json").unlink(), "a finished run has one card"),
    ],
)
def test_damaged_or_unfinished_folds_are_said(images, tmp_path, spoil, message):
    fold(tmp_path / "runs" / "1", ["a", "b", "c d"])
    spoil(tmp_path / "runs" / "1")
    result = run("predict", images, "--model", tmp_path / "runs", "--out", tmp_path / "out.npz")
    assert result.exit_code == 3
    assert message in result.stderr
    assert not (tmp_path / "out.npz").exists()


def test_an_image_that_every_network_has_seen_is_not_predicted(images, tmp_path):
    fold(tmp_path / "runs" / "1", ["a", "b"])
    result = run("predict", images, "--model", tmp_path / "runs", "--out", tmp_path / "out.npz")
    assert result.exit_code == 3
    assert "no network held out image 'c d'" in result.stderr
