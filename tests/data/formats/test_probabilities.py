"""Probability maps survive to half precision, and bad files give one clear error."""

import io
import json
import zipfile

import made_files as made
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from nucfuse.data.dataset import Sample
from nucfuse.data.formats import npz
from nucfuse.data.formats.probabilities import (
    ProbabilityFolder,
    holds_probabilities,
    matches,
    read_probabilities,
    write_probabilities,
)
from nucfuse.errors import DataError


def about(**changes):
    document = {"format": "nucfuse probabilities", "version": 1, "channels": ["nucleus"]}
    return np.frombuffer(json.dumps(document | changes).encode(), np.uint8)


def replaced(path, member, array):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[f"{member}.npy"] = made.make_npy(array)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    path.write_bytes(out.getvalue())


@given(
    hnp.arrays(np.float32, st.tuples(*[st.integers(1, 4)] * 3), elements=st.floats(0, 1, width=32))
)
def test_survive_to_half_precision(tmp_path_factory, maps):
    path = tmp_path_factory.mktemp("data") / "a.npz"
    channels = [f"c{k}\0" for k in range(len(maps))]
    write_probabilities(path, maps, channels)
    got, names = read_probabilities(path)
    assert names == tuple(channels)
    assert got.dtype == np.float32
    assert_array_equal(got, maps.astype(np.float16))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e-3, 1.001])
def test_values_out_of_range(tmp_path, value):
    maps = np.full((1, 2, 3), 0.5)
    maps[0, 1, 1] = value
    with pytest.raises(DataError, match=r"must lie in \[0, 1\]"):
        write_probabilities(tmp_path / "a.npz", maps, ["nucleus"])
    assert list(tmp_path.iterdir()) == []
    good = np.zeros((1, 2, 3))
    write_probabilities(tmp_path / "a.npz", good, ["nucleus"])
    replaced(tmp_path / "a.npz", "probabilities", maps.astype(np.float16))
    with pytest.raises(DataError, match=r"a\.npz: probabilities must lie in \[0, 1\]"):
        read_probabilities(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("maps", "channels", "match"),
    [
        (np.zeros((2, 3)), ["a"], r"\(C, H, W\)"),
        (np.zeros((0, 2, 3)), [], r"\(C, H, W\)"),
        (np.zeros((1, 2, 3), complex), ["a"], r"\(C, H, W\)"),
        (np.zeros((2, 2, 3)), ["a"], "2 channels need as many names, got 1"),
    ],
)
def test_other_shapes(tmp_path, maps, channels, match):
    with pytest.raises(DataError, match=match):
        write_probabilities(tmp_path / "a.npz", maps, channels)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("member", "array", "match"),
    [
        ("probabilities", np.array([[[None]]]), "never unpickles"),
        ("probabilities", np.zeros((2, 2, 3)), "2 channels need as many names"),
        ("about", about(format="nucfuse instances"), "expected a file of nucfuse probabilities"),
        ("about", about(channels=[3]), "list of channels"),
        ("about", about(channels="a"), "list of channels"),
    ],
)
def test_damaged(tmp_path, member, array, match):
    write_probabilities(tmp_path / "a.npz", np.zeros((1, 2, 3)), ["nucleus"])
    replaced(tmp_path / "a.npz", member, array)
    with pytest.raises(DataError, match=match):
        read_probabilities(tmp_path / "a.npz")


def test_instances_are_no_probabilities(tmp_path):
    npz.write(tmp_path / "a.npz", [Sample("a", np.ones((2, 3), int))])
    with pytest.raises(DataError, match="got 'nucfuse instances'"):
        read_probabilities(tmp_path / "a.npz")


def test_a_folder_of_them_is_read_by_id(tmp_path):
    for name, level in (("b", 0.5), ("%2E.%2Fa", 0.25)):
        write_probabilities(tmp_path / f"{name}.npz", np.full((1, 2, 3), level), ["nucleus"])
    assert matches(tmp_path / "b.npz")
    assert holds_probabilities(tmp_path)
    maps = ProbabilityFolder(tmp_path)
    assert maps.ids == ["../a", "b"]
    assert_array_equal(maps.read("../a"), np.full((1, 2, 3), 0.25))


def test_a_folder_without_them(tmp_path):
    npz.write(tmp_path / "sub" / "a.npz", [Sample("a", np.ones((2, 3), int))])
    assert not matches(tmp_path / "sub" / "a.npz")
    assert not holds_probabilities(tmp_path)
    with pytest.raises(DataError, match="no probability maps here"):
        ProbabilityFolder(tmp_path)


def test_what_a_killed_run_left_is_no_map(tmp_path):
    write_probabilities(tmp_path / "a.npz", np.zeros((1, 2, 3)), ["nucleus"])
    (tmp_path / ".0123456789abcdef.part.npz").write_bytes(b"PK\3\4 half")
    maps = ProbabilityFolder(tmp_path)
    assert maps.ids == ["a"]
    with pytest.raises(DataError, match="has no image 'b'"):
        maps.read("b")
    (tmp_path / "a.npz").unlink()
    assert not holds_probabilities(tmp_path)
