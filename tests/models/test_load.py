"""Models by name and path: built-in, shipped, of other packages, of runs."""

from importlib.metadata import EntryPoint

import pytest
from made_networks import discs, write_network

from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models import load
from nucfuse.models.classical.otsu import Otsu
from nucfuse.models.files import card as cards
from nucfuse.models.inference.settings import Inference
from nucfuse.models.load import default_model, load_model, load_network, model_names
from nucfuse.models.unet.segmenter import UNetSegmenter

IMAGE = discs((70, 90), [(20, 20), (45, 60)], 9)
OURS = ["adaptive", "log", "mask_rcnn", "otsu", "unet", "unet_2", "unet_ensemble"]


class Nothing:
    """A model of another package."""

    name = "nothing"

    def predict(self, image):
        return Instances.empty(image.shape[:2])


@pytest.fixture
def plugins(monkeypatch):
    """Pretend that packages offer these models: name -> where."""

    def offer(**values):
        points = [EntryPoint(name, value, load.ENTRY_POINTS) for name, value in values.items()]
        monkeypatch.setattr(load, "entry_points", lambda group: points)

    return offer


def test_built_in_models_load():
    assert "otsu" in model_names()
    for name in load.BUILT_IN:
        assert load_model(name).name == name


def test_models_of_other_packages_load(plugins, monkeypatch):
    plugins(nothing="a_package:Nothing")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Nothing)
    assert model_names() == sorted([*OURS, "nothing"])
    assert isinstance(load_model("nothing"), Nothing)


def test_built_in_names_cannot_be_taken_over(plugins):
    plugins(otsu="somewhere:else")
    assert isinstance(load_model("otsu"), Otsu)
    assert model_names() == OURS


@pytest.mark.parametrize("name", ["Otsu", "", "../x", "os:system"])
def test_unknown_names_list_those_there_are(plugins, name):
    plugins(nothing="a_package:Nothing")
    with pytest.raises(DataError, match=f"no model is called {name!r}, .*there are: adaptive, log"):
        load_model(name)


def test_a_package_that_cannot_be_imported_is_named(plugins):
    plugins(broken="no_such_package_of_ours:Model")
    with pytest.raises(
        ValueError, match=r"model 'broken' \(no_such_package_of_ours:Model\) cannot"
    ):
        load_model("broken")


def test_what_is_no_segmenter_is_refused(plugins):
    plugins(odd="builtins:dict")
    with pytest.raises(DataError, match=r"model 'odd' .* must have a name and a method predict"):
        load_model("odd")


def test_shipped_networks_are_models(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "WEIGHTS", tmp_path)
    assert default_model() == "otsu"
    write_network(tmp_path, "unet")
    assert default_model() == "unet"
    assert "unet" in model_names()
    assert isinstance(load_model("unet"), UNetSegmenter)
    assert load_model("otsu").name == "otsu"


def test_a_card_and_the_folder_of_its_run_are_the_same_model(tmp_path):
    path = write_network(tmp_path)
    (tmp_path / "parts.json").write_text("{}")
    for model in (path, str(path), tmp_path):
        assert len(load_model(model, Inference(tta=True)).predict(IMAGE)) == 2
    write_network(tmp_path, "another")
    with pytest.raises(DataError, match="a finished run has one card of a network, found 2"):
        load_model(tmp_path)
    (tmp_path / "x.txt").write_text("no card")
    with pytest.raises(DataError, match="no card of a network"):
        load_model(tmp_path / "x.txt")


def test_settings_are_for_networks(plugins, monkeypatch):
    plugins(nothing="a_package:Nothing")
    for name in ("otsu", "nothing"):
        with pytest.raises(DataError, match=f"model '{name}' is no network and takes no tta, tile"):
            load_model(name, Inference(tta=True, tile=0))
    assert load_model("otsu", Inference(threads=3)).name == "otsu"


def test_kinds_of_networks_are_not_mixed(tmp_path):
    write_network(tmp_path, "a")
    write_network(tmp_path, "b", kind="mask_rcnn")
    path = tmp_path / "both.json"
    path.write_text('{"format": 1, "name": "both", "members": ["a", "b"]}')
    with pytest.raises(DataError, match=r"networks of several kinds \(mask_rcnn, unet\)"):
        load_network(path)
