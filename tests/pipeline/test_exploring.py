"""`nucfuse explore` as a user meets it."""

import json
import sys

import cv2
import numpy as np
import pytest
from commands import disc, rows, run

from nucfuse.data.dataset import Sample
from nucfuse.data.io import write_dataset

WRITTEN = {
    "images.csv", "nuclei.csv", "by_modality.csv", "by_source.csv", "summary.json", "run.json",
    "nucleus_diameter.png", "nuclei_per_image.png", "touching.png", "image_sizes.png",
}  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    """Three label images and their images: two dark ones, one stained."""
    samples = []
    (tmp_path / "images").mkdir()
    for k, name in enumerate(["001", "NA", "1e3"]):
        labels = np.zeros((40, 50 + 10 * (k == 2)), np.int32)
        for n, x in enumerate((10, 21, 40)):
            disc(labels, 15, x, 5, n + 1)
        samples.append(Sample(name, labels))
        ground, nuclei = ((230, 200, 225), (120, 60, 150)) if k == 1 else ((5, 5, 5), (150,) * 3)
        image = np.where(labels[..., np.newaxis] > 0, nuclei, ground).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), image[..., ::-1])
    write_dataset(tmp_path / "truth", samples, "labels")
    return tmp_path / "truth", tmp_path / "images"


def test_text_has_a_row_per_modality_and_source(folders):
    truth, images = folders
    said = run("explore", truth, "--images", images).stdout
    assert "3 images, 9 nuclei" in said
    for words in ("40x50 fluorescence", "40x50 histology", "40x60 fluorescence", "66.7%"):
        assert words in said
    assert "masks with holes: 0, in several pieces: 0; images without nuclei: 0" in said
    assert said.count("histology") == 2


def test_without_images_the_modality_is_unknown(folders):
    result = run("explore", folders[0])
    assert result.exit_code == 0
    assert "40x50 unknown" in result.stdout


def test_json_is_the_summary(folders):
    said = json.loads(run("explore", folders[0], "--images", folders[1], "--json").stdout)
    assert said["total"]["images"] == 3
    assert said["total"]["nuclei"] == 9
    assert said["total"]["touching"] == pytest.approx(2 / 3)
    assert [row["modality"] for row in said["by_modality"]] == ["fluorescence", "histology"]


def test_files_are_written_and_plots_are_pictures(folders, tmp_path):
    out = tmp_path / "out"
    result = run("explore", folders[0], "--images", folders[1], "--out", out, "--json")
    assert result.exit_code == 0
    assert {path.name for path in out.iterdir()} == WRITTEN
    assert json.loads((out / "summary.json").read_text()) == json.loads(result.stdout)
    assert [row["image_id"] for row in rows(out / "images.csv")] == ["001", "1e3", "NA"]
    assert len(rows(out / "nuclei.csv")) == 9
    for path in out.glob("*.png"):
        picture = cv2.imread(str(path))
        assert min(picture.shape[:2]) > 200
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_anchors_of_a_preset_are_held_against_the_nuclei(folders, tmp_path):
    """Discs of radius 5: boxes of 11 pixels, which anchors of 12 cover and those of 32 do not."""
    command = ("explore", folders[0], "--anchors", "small", "--anchors", "paper-resnet50")
    said = run(*command).stdout
    assert "anchors of small, images as they are: 12, 24, 48, 96 px at strides 4, 8" in said
    assert ["all", "9", "1.000", "0.667"] in [line.split() for line in said.splitlines()]
    assert "anchors of paper-resnet50, images resized to 1024: 32, 64" in said
    assert said.count("left out (fewer than half covered at 0.5): 8 to 16 px, 100.0% of the") == 1
    assert run("explore", folders[0]).stdout == said[: said.index("\nanchors")]
    told = json.loads(run(*command, "--json", "--out", tmp_path / "out").stdout)
    assert told["anchors"]["small"]["native"]["covered_50"] == 1
    assert told["anchors"]["small"].keys() == {"native"}
    assert told["anchors"]["paper-resnet50"]["native"]["covered_50"] == 0
    assert told["anchors"]["paper-resnet50"]["resized"]["covered_50"] == 1
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == told


def test_the_studys_anchors_have_a_gap(folders):
    said = run("explore", folders[0], "--anchors", "study-resnet50").stdout
    assert "no anchor size between 16 and 128 px, where 0.0% of the nuclei are" in said
    assert "no anchor size between 16 and 128 px, where 100.0% of the nuclei are" in said


def test_no_such_preset_is_said_before_anything_is_read(tmp_path):
    result = run("explore", tmp_path / "nowhere", "--anchors", "big")
    assert result.exit_code == 3
    assert "Mask R-CNN preset must be one of small, paper-resnet50" in result.stderr


def test_images_without_nuclei_are_drawn_too(tmp_path):
    samples = [Sample("a", np.zeros((9, 9), int)), Sample("b", np.zeros((9, 9), int))]
    write_dataset(tmp_path / "truth", samples, "labels")
    result = run("explore", tmp_path / "truth", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "images without nuclei: 2" in result.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == WRITTEN


def test_without_matplotlib_the_extra_is_named_and_nothing_is_written(
    folders, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("explore", folders[0], "--out", tmp_path / "out")
    assert result.exit_code == 3
    assert "plots need matplotlib: pip install 'nucfuse[report]'" in result.stderr
    assert not (tmp_path / "out").exists()
    assert run("explore", folders[0]).exit_code == 0


def test_mistakes_are_said(folders, tmp_path):
    truth, images = folders
    (images / "NA.png").unlink()
    result = run("explore", truth, "--images", images)
    assert result.exit_code == 3
    assert "1 images are not there: 'NA'" in result.stderr
    result = run("explore", truth, "--out", truth / "out")
    assert result.exit_code == 3
    assert "must not lie inside the input" in result.stderr
    result = run("explore", tmp_path / "nowhere")
    assert result.exit_code == 3
    assert "no such file or folder" in result.stderr
    cv2.imwrite(str(images / "NA.png"), np.zeros((4, 4, 3), np.uint8))
    result = run("explore", truth, "--images", images)
    assert result.exit_code == 3
    assert "image 'NA' is (4, 4) and its masks are (40, 50)" in result.stderr
