"""Folders of runs: which are, what they hold."""

import json

import pytest
from made_networks import write_network

from nucfuse.errors import DataError
from nucfuse.models.files.run import PARTS, card_of_run, held_out_of, is_run, runs_in


def make_run(folder, held_out=()):
    """A finished run."""
    folder.mkdir(parents=True)
    (folder / PARTS).write_text(json.dumps({"held_out": list(held_out)}))
    write_network(folder)
    return folder


def test_runs_are_found_one_and_two_folders_deep(tmp_path):
    runs = [make_run(tmp_path / name) for name in ("2", "seed1/1", "seed1/2")]
    (tmp_path / "other").mkdir()
    assert runs_in(tmp_path) == runs
    assert runs_in(tmp_path / "2") == runs_in(tmp_path / "nowhere") == []
    assert is_run(tmp_path / "2")
    assert not is_run(tmp_path)
    assert not is_run(tmp_path / "nowhere")


def test_what_a_run_holds(tmp_path):
    run = make_run(tmp_path / "1", ["a", "b"])
    (run / "run.json").write_text("{}")
    assert card_of_run(run).name == "tiny"
    assert held_out_of(run / PARTS) == ["a", "b"]
    (run / "tiny.json").unlink()
    with pytest.raises(DataError, match="a finished run has one card of a network, found 0"):
        card_of_run(run)
    for text in ("[]", '{"held_out": [1]}', "{"):
        (run / PARTS).write_text(text)
        with pytest.raises(DataError, match="must list the images that are held_out"):
            held_out_of(run / PARTS)
