"""Cards of trained networks: what is accepted as one, and files that are not those it describes."""

import json

import pytest
from made_networks import OUTPUTS, write_network

from nucfuse.errors import DataError
from nucfuse.models.files import card as cards
from nucfuse.models.files.card import is_card, shipped_cards
from nucfuse.models.files.read_card import read_card


def test_a_card_is_read(tmp_path):
    card = read_card(write_network(tmp_path, network={"size": 128}))
    assert (card.name, card.input, card.stride, card.size) == ("tiny", "neutral", 16, 128)
    assert card.outputs == tuple(OUTPUTS)
    assert card.diameter == (8, 40)
    assert card.file(".onnx") == (tmp_path / "tiny.onnx").read_bytes()


def test_a_card_needs_no_range_of_diameters(tmp_path):
    assert read_card(write_network(tmp_path, diameter=None)).diameter is None


def test_cards_before_there_were_kinds_are_unets(tmp_path):
    assert read_card(write_network(tmp_path)).kind == "unet"


def test_a_mask_rcnn_has_no_outputs(tmp_path):
    path = write_network(tmp_path, kind="mask_rcnn")
    document = json.loads(path.read_text())
    del document["outputs"]
    path.write_text(json.dumps(document))
    card = read_card(path)
    assert (card.kind, card.outputs) == ("mask_rcnn", ())


def test_an_ensemble_names_members_and_no_files(tmp_path):
    path = tmp_path / "both.json"
    path.write_text('{"format": 1, "name": "both", "members": ["a", "b"]}')
    assert read_card(path).members == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "a card of format 2; this nucfuse reads format 1; update nucfuse"),
        ({"name": 3}, "name must be a text, got 3"),
        ({"kind": "yolo"}, "kind must be one of unet, mask_rcnn, got 'yolo'"),
        ({"stride": 0}, r"stride must be a whole number in \[1, 1024\], got 0"),
        ({"stride": 10**9}, "stride must be"),
        ({"stride": 10**400}, "stride must be"),
        ({"stride": 1.5}, "stride must be"),
        ({"outputs": ["cells"]}, r"outputs must be one of .*got \['cells'\]"),
        (
            {"diameter": [40, 8]},
            r"diameter must be two numbers above 0, up to 16384, or null, got \(40, 8\)",
        ),
        ({"diameter": [0, float("nan")]}, "diameter must be"),
        ({"diameter": [1, float("inf")]}, "diameter must be"),
        ({"diameter": [1, 10**400]}, "diameter must be"),
        ({"split": "interior"}, "split must be an object"),
        ({"network": []}, "network must be an object"),
        ({"network": {"size": -1}}, "size must be a whole number"),
        ({"network": {"size": 10**6}}, "size must be a whole number"),
        ({"members": ["../../x"]}, "members must be a list of up to 64 names of cards beside"),
        ({"members": [".."]}, "members must be"),
        ({"members": ["a\0"]}, "members must be"),
        ({"members": ["a"] * 65}, "members must be"),
        ({"files": {"tiny\0.onnx": "0"}}, "files must be"),
        ({"files": {"../tiny.onnx": "0"}}, "files must be file name -> sha256, of files beside"),
        ({"files": {"tiny.onnx": 7}}, "files must be"),
    ],
)
def test_bad_cards_are_refused(tmp_path, changes, said):
    with pytest.raises(DataError, match=said):
        read_card(write_network(tmp_path, **changes))


def test_a_missing_entry_is_named(tmp_path):
    path = write_network(tmp_path)
    document = json.loads(path.read_text())
    del document["outputs"]
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="the card has no entry 'outputs'"):
        read_card(path)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"name": "x"}', "[" * 100_000])
def test_what_is_no_card_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    assert not is_card(path)
    with pytest.raises(DataError, match=r"x\.json: no card of a network"):
        read_card(path)


def test_a_card_that_is_not_there(tmp_path):
    assert not is_card(tmp_path / "x.json")
    with pytest.raises(DataError, match="No such file"):
        read_card(tmp_path / "x.json")


def test_a_later_card_is_still_recognised_as_one(tmp_path):
    assert is_card(write_network(tmp_path, format=2))


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b"", lambda b: b[:-1] + b"!"])
def test_a_changed_or_truncated_file_is_refused(tmp_path, change):
    card = read_card(write_network(tmp_path))
    file = tmp_path / "tiny.onnx"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(DataError, match=r"not the file that tiny\.json describes .*not loaded"):
        card.file(".onnx")


def test_a_missing_file_is_named(tmp_path):
    card = read_card(write_network(tmp_path))
    (tmp_path / "tiny.onnx").unlink()
    with pytest.raises(DataError, match=r"tiny\.onnx: No such file.* the card tiny\.json names"):
        card.file(".onnx")
    with pytest.raises(DataError, match=r"must name one file \.weights\.h5"):
        card.file(".weights.h5")


def test_shipped_cards_are_good():
    for path in shipped_cards().values():
        card = read_card(path)
        assert card.name == path.stem
        for file in card.files:
            assert card.file(file)


def test_shipped_cards_are_found_by_name(tmp_path, monkeypatch):
    write_network(tmp_path, "b")
    write_network(tmp_path, "a")
    monkeypatch.setattr(cards, "WEIGHTS", tmp_path)
    assert list(shipped_cards()) == ["a", "b"]
