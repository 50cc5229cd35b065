"""What is given for label images and is none: each command says what it is and what to do."""

import json

import cv2
import numpy as np
import pytest
from commands import disc, run

from nucfuse.data.dataset import Sample
from nucfuse.data.io import open_dataset, write_dataset

KINDS = {
    "binary": "--binary components",
    "photo": "photograph",
    "map": "--map-max 255",
}


def truth():
    labels = np.zeros((90, 120), np.int32)
    for k, (y, x) in enumerate([(20, 20), (20, 90), (65, 25), (60, 85)]):
        disc(labels, y, x, 9, k + 1)
    return labels


def image_of(kind):
    inside = (truth() > 0).astype(float)
    if kind == "binary":
        return (inside * 255).astype(int)
    if kind == "map":
        return np.rint(cv2.GaussianBlur(inside, (0, 0), 1.5) * 240).astype(int)
    return (inside * 90 + np.random.default_rng(0).normal(40, 6, inside.shape)).astype(int)


@pytest.fixture
def sets(tmp_path):
    write_dataset(tmp_path / "truth", [Sample("a", truth())], "labels")
    for kind in KINDS:
        write_dataset(tmp_path / kind, [Sample("a", image_of(kind))], "labels")
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_refused_with_the_remedy(sets, tmp_path, kind):
    wrong, right = sets / kind, sets / "truth"
    for words in (
        ["score", right, wrong], ["score", wrong, right],
        ["score", right, wrong, "--missing", "skip"], ["explore", wrong],
        ["fuse", right, wrong, "--out", tmp_path / "x.npz"],
        ["clean", wrong, "--out", tmp_path / "y.npz"], ["submit", wrong, tmp_path / "x.csv"],
        ["convert", wrong, tmp_path / "x", "--to", "labels"],
    ):  # fmt: skip
        result = run(*words)
        assert result.exit_code == 3, words
        assert KINDS[kind] in result.stderr, words
        assert "--labels-anyway" in result.stderr
        assert run(*words, "--labels-anyway").exit_code == 0
    said = run("doctor", wrong)
    assert said.exit_code == 3
    assert "not labels: 1 in 1 images" in said.stdout
    assert "photograph" in said.stdout or "binary" in said.stdout


def test_components_score_as_labels_do(sets):
    result = run("score", sets / "truth", sets / "binary", "--binary", "components", "--json")
    summary = json.loads(result.stdout)
    assert summary["predictions"][0]["dsb_ap"] == 1
    assert "became 4 nuclei" in summary["notes"][0]


def test_grey_maps_are_fused_as_maps(sets, tmp_path):
    write_dataset(sets / "other", [Sample("a", image_of("map") // 2)], "labels")
    out = tmp_path / "out"
    result = run("fuse", sets / "map", sets / "other", "--map-max", "255", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "fused pixel by pixel" in result.stderr
    assert open_dataset(out).read("a").masks.max() == 4
    assert run("clean", sets / "map", "--map-max", "255", "--out", tmp_path / "c").exit_code == 0
    low = run("fuse", sets / "map", sets / "other", "--map-max", "100", "--out", tmp_path / "d")
    assert (low.exit_code, "above --map-max 100" in low.stderr) == (3, True)


def test_a_photograph_that_lacks_a_prediction_is_called_so(sets):
    write_dataset(sets / "truth", [Sample("b", image_of("photo"))], "labels")
    write_dataset(sets / "pred", [Sample("a", truth())], "labels")
    result = run("score", sets / "truth", sets / "pred")
    assert result.exit_code == 3
    assert "image 'b' looks like a photograph" in result.stderr
