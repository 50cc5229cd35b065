"""Files that lie, hang or hold more than one image, as the commands meet them."""

import json
import os

import made_files as made
import numpy as np
import pytest
import tifffile
from commands import disc, run
from numpy.testing import assert_array_equal

import nucfuse as nf
from nucfuse.data.io import open_dataset
from nucfuse.data.readers.raster import read_labels, write_label_png
from nucfuse.masks.allocation import MAX_PIXELS, set_max_pixels

ONE = np.zeros((40, 50), np.uint16)
for _id, (_y, _x) in enumerate([(10, 10), (10, 35), (30, 20)], 1):
    disc(ONE, _y, _x, 6, _id)
FRAMES = np.stack([ONE, ONE[::-1], ONE[:, ::-1]])
# Other ids in each frame: right frame by frame, but no volume of these nuclei.
PRED = np.stack([ONE, np.where(FRAMES[1] > 0, 4 - FRAMES[1], 0), FRAMES[2] % 3 + (FRAMES[2] > 0)])
PRED = PRED.astype(np.uint16)


@pytest.fixture(autouse=True)
def _limit():
    yield
    set_max_pixels(MAX_PIXELS)


def stacks(folder, write):
    for name, stack in (("t", FRAMES), ("p", PRED)):
        (folder / name).mkdir()
        write(folder / name / "x.tif", stack)
    return folder / "t", folder / "p"


def write_silent(path, stack):
    tifffile.imwrite(path, stack, metadata=None, photometric="minisblack")


def scored(*args):
    result = run("score", *args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["predictions"][0]


def test_frames_are_scored_one_by_one(tmp_path):
    pair = stacks(
        tmp_path, lambda p, a: tifffile.imwrite(p, a, imagej=True, metadata={"axes": "TYX"})
    )
    said = scored(*pair)
    assert (said["n_images"], said["dsb_ap"]) == (3, 1)
    assert list(nf.score(*pair).image_ids) == ["x:0", "x:1", "x:2"]
    # The user knows better than the file.
    assert nf.score(*pair, stack="volume").dsb_ap < 0.7


def test_slices_are_one_volume(tmp_path):
    pair = stacks(
        tmp_path, lambda p, a: tifffile.imwrite(p, a, imagej=True, metadata={"axes": "ZYX"})
    )
    said = scored(*pair)
    assert said["n_images"] == 1
    assert said["dsb_ap"] == pytest.approx(nf.score(FRAMES, PRED).dsb_ap)


@pytest.mark.parametrize("command", [
    ("score", "t", "p"), ("compare", "t", "p", "t"), ("fuse", "t", "p", "--out", "o"),
    ("clean", "t", "--out", "o"), ("convert", "t", "o", "--to", "labels"),
    ("submit", "t", "o.csv"), ("explore", "t"),
])  # fmt: skip
def test_a_stack_that_says_nothing_needs_a_word(tmp_path, monkeypatch, command):
    stacks(tmp_path, write_silent)
    monkeypatch.chdir(tmp_path)
    result = run(*command)
    assert result.exit_code == 3
    assert "--stack frames" in result.stderr
    assert run(*command, "--stack", "frames").exit_code == 0


def test_doctor_names_the_option(tmp_path):
    truth, _ = stacks(tmp_path, write_silent)
    assert "--stack frames" in run("doctor", truth).stdout
    assert "3 images" in run("doctor", truth, "--stack", "frames").stdout


def test_all_positions_are_predicted(tmp_path):
    grey = (ONE > 0).astype(np.uint8) * 150 + 30
    (tmp_path / "in").mkdir()
    with tifffile.TiffWriter(tmp_path / "in/x.tif", ome=True) as file:
        for k in range(3):
            file.write(np.roll(grey, k, 1), metadata={"axes": "YX"})
    result = run("predict", tmp_path / "in", "--model", "otsu", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert open_dataset(tmp_path / "out").ids == ["x:0", "x:1", "x:2"]


def test_declared_sizes_take_no_memory(tmp_path):
    (tmp_path / "a.csv").write_text("ImageId,EncodedPixels,Height,Width\na,1 3,100000,100000\n")
    shown = {"images": [{"id": 1, "file_name": "a.png", "height": 10**5, "width": 10**5}]}
    mask = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5]]}
    (tmp_path / "a.json").write_text(json.dumps({**shown, "annotations": [mask]}))
    for source in ("a.csv", "a.json"):
        for command in (("convert", "--to", "labels"), ("clean", "--out")):
            words = [tmp_path / "out", *command[1:]]
            words = words if command[0] == "convert" else words[::-1]
            result = run(command[0], tmp_path / source, *words)
            assert result.exit_code == 3
            assert "100000 x 100000 pixels are more than" in result.stderr
            assert "'a'" in result.stderr


def test_a_limit_of_ones_own(tmp_path):
    write_label_png(tmp_path / "a.png", ONE)
    result = run("score", tmp_path, tmp_path, "--max-pixels", "1999")
    assert result.exit_code == 3
    assert "40 x 50 pixels are more than the 1999" in result.stderr
    assert run("score", tmp_path, tmp_path, "--max-pixels", "2000").exit_code == 0


def test_lack_of_memory_is_one_sentence(tmp_path, monkeypatch):
    write_label_png(tmp_path / "a.png", ONE)

    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr("nucfuse.pipeline.scoring.score_image", no_memory)
    result = run("score", tmp_path, tmp_path)
    assert (result.exit_code, result.stderr.count("\n")) == (3, 1)
    assert "image 'a': it does not fit into memory" in result.stderr


def test_pipes_are_not_read(tmp_path):
    write_label_png(tmp_path / "a.png", ONE)
    os.mkfifo(tmp_path / "b.png")
    for command in (("score", tmp_path, tmp_path), ("doctor", tmp_path)):
        result = run(*command)
        assert result.exit_code == 0
        assert "b.png is left out: it is a pipe" in result.stderr
    assert "it is a pipe" in run("doctor", tmp_path / "b.png").stderr
    result = run("predict", tmp_path, "--model", "otsu", "--out", tmp_path.parent / "out")
    assert "b.png is left out" in result.stderr


def test_a_label_file_of_no_bytes_is_not_done(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "ab":
        data = made.make_png((ONE > 0) * 200)
        (tmp_path / "in" / f"{name}.png").write_bytes(data)
    command = "predict", tmp_path / "in", "--model", "otsu", "--out", tmp_path / "out"
    run(*command)
    whole = read_labels(tmp_path / "out/a.png")
    (tmp_path / "out/a.png").write_bytes(b"")
    result = run(*command)
    assert result.exit_code == 0
    assert_array_equal(read_labels(tmp_path / "out/a.png"), whole)
