"""Where commands may write."""

import pytest
from commands import run

from nucfuse.data.atomic_output import reserved
from nucfuse.data.sample_images import sample_folder
from nucfuse.errors import DataError
from nucfuse.pipeline.outputs import check_output, reserved_outputs

SAMPLE = sample_folder()
IMAGES, TRUTH = SAMPLE / "images", SAMPLE / "truth"


def test_output_in_the_way_of_an_input(tmp_path):
    folder, file = tmp_path / "in", tmp_path / "in.csv"
    folder.mkdir()
    file.touch()
    (tmp_path / "link").symlink_to(folder)
    for out in (folder, folder / "deep" / "out", tmp_path / "link", file):
        with pytest.raises(DataError, match="the output must not"):
            check_output(out, [folder, file])
    check_output(tmp_path / "in2", [folder, file])


def test_what_is_read_beside_the_inputs_is_no_output_but_may_hold_one(tmp_path):
    folder = tmp_path / "beside"
    folder.mkdir()
    with (
        pytest.raises(DataError, match="the output must not be an input"),
        reserved_outputs([folder], [], [str(folder), None]),
    ):
        pass
    with reserved_outputs([folder / "out", None], [None], [folder]):
        pass


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("out", "out", "is named for two outputs"),
        ("out", "x/../out", "is named for two outputs"),
        ("out.csv", "out.csv/maps", "would lie inside the file out.csv"),
        ("there/maps", "there", "would lie inside the file there"),
        ("out", "out/maps", None),
        ("out/labels", "out", None),
        ("a.csv", "b.csv", None),
    ],
)
def test_outputs_of_one_command_do_not_destroy_each_other(tmp_path, one, other, said):
    (tmp_path / "there").touch()
    before = sorted(tmp_path.iterdir())
    places = [tmp_path / one, tmp_path / other]
    if said is None:
        with reserved_outputs(places, []):
            pass
    else:
        with pytest.raises(DataError, match=said), reserved_outputs(places, []):
            pass
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("option", ["--overlays", "--probabilities"])
def test_predict_refuses_one_folder_for_two_outputs(tmp_path, option):
    out = tmp_path / "out"
    result = run("predict", IMAGES, "--model", "otsu", "--out", out, option, out)
    assert result.exit_code == 3
    assert "is named for two outputs" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_model_may_be_called_as_the_output_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "otsu").mkdir()
    image = next(IMAGES.iterdir())
    assert run("predict", image, "--model", "otsu", "--out", "otsu").exit_code == 0


@pytest.mark.parametrize(
    "command",
    [
        ["predict", IMAGES, "--model", "otsu", "--out"],
        ["predict", IMAGES, "--model", "otsu", "--out", "elsewhere", "--overlays"],
        ["fuse", TRUTH, IMAGES, "--out"],
        ["fuse", TRUTH, IMAGES, "--out", "elsewhere", "--report"],
        ["clean", TRUTH, "--out"],
        ["convert", TRUTH, "--to", "coco"],
        ["submit", TRUTH],
        ["score", TRUTH, TRUTH, "--out"],
        ["compare", TRUTH, TRUTH, TRUTH, "--out"],
        ["explore", TRUTH, "--out"],
        ["route", "fit", IMAGES, "--out"],
        ["route", "show", IMAGES, "--out"],
        ["route", "apply", IMAGES, "--out"],
        ["sample", "--out"],
    ],
    ids=lambda command: " ".join(str(word) for word in command if word not in (TRUTH, IMAGES)),
)
def test_no_command_writes_where_another_run_does(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out.csv"
    with reserved(out):
        result = run(*command, out)
    assert result.exit_code == 3, result.stderr
    assert "another run is writing there" in result.stderr
    assert list(tmp_path.iterdir()) == []
