"""What all steps share: workers by name, and being interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import run
from made_networks import endless_onnx, write_network

from nucfuse.data.dataset import Sample
from nucfuse.data.formats.probabilities import holds_probabilities
from nucfuse.data.sample_images import sample_folder
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.pipeline.running import (
    count_nuclei,
    distinct_names,
    each_image,
    engine_name,
)
from nucfuse.report.progress import progress_shown


def test_engine_names():
    assert engine_name(3, None) == "local:3"
    assert engine_name(None, "serial") == "serial"
    assert engine_name(None, None) == f"local:{len(os.sched_getaffinity(0))}"
    with pytest.raises(DataError, match="not both"):
        engine_name(3, "serial")


def test_results_come_in_order_and_progress_only_on_a_terminal(capsys):
    assert list(each_image("local:2", str.upper, ["a", "b", "c"], "Working")) == ["A", "B", "C"]
    assert capsys.readouterr().err == ""


def test_progress_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress_shown():
        assert list(each_image("serial", str.upper, ["a"], "Working")) == ["A"]
    assert "Working" in capsys.readouterr().err


def test_no_progress_bar_where_nucfuse_is_a_library(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert list(each_image("serial", str.upper, ["a"], "Working")) == ["A"]
    assert capsys.readouterr().err == ""


def test_nuclei_of_any_masks():
    assert count_nuclei(Sample("a", np.array([[0, 7, 9]]))) == 2
    assert count_nuclei(Sample("a", np.zeros((2, 2, 2), int))) == 0
    assert count_nuclei(Sample("a", Instances.empty((2, 2)))) == 0


def ended_prediction(out, engine, is_at_work, number, options=("--model", "otsu")):
    """Send a signal to the command as soon as it is at work; exit code, and what it said."""
    command = [
        sys.executable, "-c", "from nucfuse.cli import main; main()", "predict",
        sample_folder() / "images", "--out", out, "--engine", engine, *options,
    ]  # fmt: skip
    # Where the tests run in the background, SIGINT is ignored, and children would inherit that.
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not is_at_work() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "Traceback" not in said
    return process.returncode, said


def interrupted_prediction(out, engine, is_at_work):
    """Interrupt the command as soon as it is at work."""
    code, said = ended_prediction(out, engine, is_at_work, signal.SIGINT)
    assert code == 130, said
    assert "interrupted" in said


@pytest.mark.parametrize("engine", ["serial", "local:2"])
def test_ctrl_c_leaves_nothing_behind(tmp_path, engine):
    interrupted_prediction(tmp_path / "out.npz", engine, lambda: any(tmp_path.iterdir()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_being_asked_to_end_is_as_ctrl_c(tmp_path, name, code):
    out = tmp_path / "out"
    is_at_work = lambda: any(out.glob("[!.]*.png"))  # noqa: E731
    found, said = ended_prediction(out, "local:2", is_at_work, getattr(signal, name))
    assert found == code, said
    assert f"ended by {name}; nothing half-written was left" in said
    assert [path.name for path in tmp_path.rglob(".*")] == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_network_without_end_does_not_keep_who_is_asked_to_end(tmp_path):
    (tmp_path / "net").mkdir()
    card = write_network(tmp_path / "net", onnx=endless_onnx(), input="rgb")
    out, begun = tmp_path / "out", []

    def is_at_work():
        begun.extend([time.monotonic()] if (out / "run.json").exists() and not begun else [])
        return begun and time.monotonic() > begun[0] + 1

    code, _ = ended_prediction(out, "local:2", is_at_work, signal.SIGTERM, ("--model", card))
    assert code == 143
    assert [path.name for path in tmp_path.rglob(".*")] == []


def test_what_a_killed_run_left_is_no_data_and_goes_with_the_next(tmp_path):
    out, maps = tmp_path / "out", tmp_path / "maps"
    is_at_work = lambda: any(out.glob("[!.]*.png"))  # noqa: E731
    assert ended_prediction(out, "local:2", is_at_work, signal.SIGKILL)[0] == -signal.SIGKILL
    assert [path for path in tmp_path.iterdir() if path != out]  # its lock
    left = [folder / f".d3c99c2021267fd8.part{end}" for folder, end in
            ((out, ".png"), (out, ".json"), (maps, ".npz"), (tmp_path, ""))]  # fmt: skip
    maps.mkdir()
    for path in left:
        path.write_bytes(b"half")
    assert holds_probabilities(maps) is False
    assert run("clean", out, "--out", tmp_path / "cleaned").exit_code == 0
    images = sample_folder() / "images"
    result = run("predict", images, "--out", out, "--overlays", maps, "--model", "otsu")
    assert result.exit_code == 0, result.stderr
    assert [path.name for path in tmp_path.rglob(".*")] == []
    assert len(list(out.iterdir())) == 13


def test_after_ctrl_c_a_folder_holds_finished_images_and_the_run_can_go_on(tmp_path):
    out = tmp_path / "out"
    interrupted_prediction(out, "serial", lambda: any(out.glob("[!.]*.png")))
    done = sorted(path.name for path in out.iterdir())
    assert [name for name in done if name.startswith(".")] == []
    assert done.pop() == "run.json"
    before = {name: (out / name).read_bytes() for name in done}
    result = run("predict", sample_folder() / "images", "--out", out, "--model", "otsu")
    assert result.exit_code == 0
    assert f"{len(done)} more were there already" in result.stderr
    assert len(list(out.glob("*.png"))) == 12
    assert {name: (out / name).read_bytes() for name in done} == before


def test_names_are_told_apart():
    assert distinct_names([Path("a/p"), Path("b/p"), Path("a/p")]) == [
        "a/p#1",
        "b/p",
        "a/p#3",
    ]
