from importlib.metadata import EntryPoint

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models import segmenter as base
from nucfuse.models.classical.otsu import Otsu
from nucfuse.models.segmenter import as_rgb, get_model, model_names

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
        points = [EntryPoint(name, value, base.ENTRY_POINTS) for name, value in values.items()]
        monkeypatch.setattr(base, "entry_points", lambda group: points)

    return offer


def test_built_in_models_load():
    assert "otsu" in model_names()
    for name in base._BUILT_IN:
        assert get_model(name).name == name


def test_models_of_other_packages_load(plugins, monkeypatch):
    plugins(nothing="a_package:Nothing")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Nothing)
    assert model_names() == sorted([*OURS, "nothing"])
    assert isinstance(get_model("nothing"), Nothing)


def test_built_in_names_cannot_be_taken_over(plugins):
    plugins(otsu="somewhere:else")
    assert isinstance(get_model("otsu"), Otsu)
    assert model_names() == OURS


@pytest.mark.parametrize("name", ["Otsu", "", "../x", "os:system"])
def test_unknown_names_list_those_there_are(plugins, name):
    plugins(nothing="a_package:Nothing")
    with pytest.raises(DataError, match=f"no model is called {name!r}; there are: adaptive, log, "):
        get_model(name)


def test_a_package_that_cannot_be_imported_is_named(plugins):
    plugins(broken="no_such_package_of_ours:Model")
    with pytest.raises(
        ValueError, match=r"model 'broken' \(no_such_package_of_ours:Model\) cannot"
    ):
        get_model("broken")


def test_what_is_no_segmenter_is_refused(plugins):
    plugins(odd="builtins:dict")
    with pytest.raises(DataError, match=r"model 'odd' .* must have a name and a method predict"):
        get_model("odd")


def test_uint8_keeps_its_values():
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert_array_equal(as_rgb(grey), np.stack([grey] * 3, axis=-1))
    assert_array_equal(as_rgb(grey[..., None]), np.stack([grey] * 3, axis=-1))
    colour = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert_array_equal(as_rgb(colour), colour)
    alpha = np.dstack([colour, np.full((2, 4), 255, np.uint8)])
    assert_array_equal(as_rgb(alpha), colour)


def test_other_dtypes_are_stretched_to_their_range():
    image = np.linspace(-5, 3000, 2001).reshape(3, -1)
    for dtype in (np.int16, np.float32, np.float64):
        rgb = as_rgb(image.astype(dtype))
        assert rgb.dtype == np.uint8
        assert rgb.min() == 0
        assert rgb.max() == 255
    assert as_rgb(np.array([[True, False]]))[..., 0].tolist() == [[255, 0]]


def test_a_hot_pixel_does_not_hide_the_rest():
    image = np.tile(np.arange(100, dtype=np.uint16), (100, 1))
    image[0, 0] = 65535
    assert np.unique(as_rgb(image)).size > 90


def test_the_widest_range_and_no_range_at_all():
    largest = np.finfo(np.float64).max
    assert as_rgb(np.array([[-largest, largest]]))[..., 0].tolist() == [[0, 255]]
    assert not as_rgb(np.full((3, 3), 1e300)).any()
    assert not as_rgb(np.full((3, 3), np.finfo(np.float64).max)).any()


@pytest.mark.parametrize("shape", [(3,), (0, 4), (4, 4, 2), (2, 4, 4, 3), ()])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"image must be grey \(H, W\) or RGB \(H, W, 3\)"):
        as_rgb(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(value):
    with pytest.raises(ValueError, match="image holds NaN or infinite values"):
        as_rgb(np.array([[0.5, value]]))
    with pytest.raises(TypeError, match="image must hold real numbers"):
        as_rgb(np.array([["a"]]))
    with pytest.raises(TypeError, match="image must hold real numbers"):
        as_rgb(np.array([[1 + 2j]]))
