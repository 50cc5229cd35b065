"""What all steps share: workers by name, where output may go, and being interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import run

from nucfuse.data.dataset import Sample
from nucfuse.data.sample_images import sample_folder
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.pipeline.running import (
    check_output,
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


def test_output_in_the_way_of_an_input(tmp_path):
    folder, file = tmp_path / "in", tmp_path / "in.csv"
    folder.mkdir()
    file.touch()
    (tmp_path / "link").symlink_to(folder)
    for out in (folder, folder / "deep" / "out", tmp_path / "link", file):
        with pytest.raises(DataError, match="the output must not"):
            check_output(out, [folder, file])
    check_output(tmp_path / "in2", [folder, file])


def test_nuclei_of_any_masks():
    assert count_nuclei(Sample("a", np.array([[0, 7, 9]]))) == 2
    assert count_nuclei(Sample("a", np.zeros((2, 2, 2), int))) == 0
    assert count_nuclei(Sample("a", Instances.empty((2, 2)))) == 0


def interrupted_prediction(out, engine, is_at_work):
    """Interrupt the command as soon as it is at work."""
    command = [
        sys.executable, "-c", "from nucfuse.cli import main; main()", "predict",
        sample_folder() / "images", "--out", out, "--engine", engine, "--model", "otsu",
    ]  # fmt: skip
    # Where the tests run in the background, SIGINT is ignored, and children would inherit that.
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not is_at_work() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("engine", ["serial", "local:2"])
def test_ctrl_c_leaves_nothing_behind(tmp_path, engine):
    interrupted_prediction(tmp_path / "out.npz", engine, lambda: any(tmp_path.iterdir()))
    assert list(tmp_path.iterdir()) == []


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
