"""The record of a run."""

import hashlib
import json

import pytest

from nucfuse.data.run_record import fingerprint, run_record, to_json


def test_a_file_is_named_by_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert fingerprint(tmp_path / "a") == {"sha256": hashlib.sha256(b"abc").hexdigest()}


def test_a_folder_is_named_by_its_listing(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"abc")
    first = fingerprint(tmp_path)
    assert first == fingerprint(tmp_path)
    assert first["n_files"] == 1
    (tmp_path / "deep" / "a").write_bytes(b"abcd")
    assert fingerprint(tmp_path) != first


def test_record_is_json_with_command_versions_and_inputs(tmp_path):
    record = json.loads(to_json(run_record([tmp_path], {"seed": 1})))
    assert record["command"][0] == "nucfuse"
    assert record["config"] == {"seed": 1}
    assert record["inputs"][0]["path"] == str(tmp_path)
    assert {"python", "nucfuse", "numpy"} <= set(record["versions"])


def test_nan_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        to_json({"x": float("nan")})
