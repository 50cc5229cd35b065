"""`nf.fuse`: what went in comes out, and what is wrong is said; methods have tests of their own."""

import inspect
import re
import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nucfuse as nf
from nucfuse.clean.splitting import split
from nucfuse.ensemble.fuse import MAP_METHODS, FusionSettings, fuse_members
from nucfuse.ensemble.maps.fuse_maps import MAP_SETTINGS, MapSettings, fuse_maps
from nucfuse.ensemble.nuclei.methods import METHODS
from nucfuse.settings import describe

LABELS = [np.array([[1, 1, 0, 2]]), np.array([[3, 3, 0, 0]]), np.array([[1, 1, 0, 4]])]
MAPS = [np.array([[0.9, 0.2, 0.0]]), np.array([[0.6, 0.4, 0.3]]), np.array([[0.9, 0.9, 0.0]])]


@pytest.mark.parametrize("method", METHODS)
def test_labels_give_labels_and_instances_instances(method):
    labels = nf.fuse(LABELS, method)
    assert labels.dtype == np.int32
    assert labels.shape == (1, 4)
    nuclei = nf.fuse([nf.Instances.from_labels(one) for one in LABELS], method)
    assert isinstance(nuclei, nf.Instances)
    assert_array_equal(nuclei.to_labels(), labels)
    assert isinstance(nf.fuse([nf.Instances.from_labels(LABELS[0]), *LABELS[1:]], method),
                      nf.Instances)  # fmt: skip


@pytest.mark.parametrize("method", MAP_METHODS)
def test_maps_give_a_map(method):
    assert_array_equal(nf.fuse(MAPS, method), fuse_maps(MAPS, method))
    assert nf.fuse(MAPS, method).dtype == np.float32


def test_weighted_maps_are_their_weighted_mean_and_pixels_may_have_weights():
    assert_array_equal(nf.fuse(MAPS, weights=[1, 2, 0]), nf.mean_maps(MAPS, [1, 2, 0]))
    planes = [np.array([[1, 0, 0]]), np.array([[0, 1, 0]]), np.array([[0, 0, 1]])]
    assert_allclose(nf.fuse(MAPS, pixel_weights=planes), [[0.9, 0.4, 0.0]], rtol=1e-6)


def test_maps_of_other_sizes_only_when_asked():
    maps = [np.full((4, 6), 0.5), np.full((2, 3), 0.25)]
    with pytest.raises(ValueError, match="resample=True"):
        nf.fuse(maps)
    assert_array_equal(nf.fuse(maps, resample=True), np.full((4, 6), 0.375, np.float32))


def test_an_iterator_of_maps_is_read_one_at_a_time():
    def models():
        last = None
        for one in MAPS:
            assert last is None or last() is None, "the last map is still in memory"
            fresh = one.astype(np.float32)
            last = weakref.ref(fresh)
            yield fresh
            del fresh

    fused = fuse_members(models(), FusionSettings("mean", MapSettings()))
    assert_allclose(fused.map, nf.mean_maps(MAPS), rtol=1e-6)
    assert fused.members == []


def test_maps_are_split_one_by_one_when_that_is_asked():
    how = FusionSettings("mean", MapSettings())
    fused = fuse_members(iter(MAPS), how, names=["a", "b", "c"], keep_members=True)
    assert fused.fusion is None
    expected = [split(one, source=name) for one, name in zip(MAPS, "abc", strict=True)]
    assert fused.members == expected
    assert fused.instances.source_names == ("a+b+c",)


def test_defaults_are_those_of_the_function():
    given = inspect.signature(fuse_maps).parameters
    for settings in MAP_SETTINGS.values():
        for setting in describe(settings):
            assert given[setting.name].default == setting.default


@pytest.mark.parametrize(
    ("members", "arguments", "words"),
    [
        ([], {}, "there is nothing to fuse"),
        (LABELS, {"method": "magic"}, "unknown method 'magic'; there are: weighted, "),
        (LABELS, {"method": "mean"}, "fuses probability maps only"),
        (LABELS, {"weights": [1, 2]}, "each of 3"),
        (MAPS, {"iou": 0.5}, "'weighted' for maps has no setting 'iou'; there are: resample"),
        (MAPS, {"method": "mean", "trim": 0.1}, "'mean' for maps has no setting 'trim'"),
        (MAPS, {"method": "trimmed", "trim": 0.6}, r"trim must be a number in [0, 0.5], got 0.6"),
        (MAPS, {"resample": "no"}, "resample must be true or false, got 'no'"),
        ([MAPS[0], MAPS[1] + 1], {}, "maps[1] must lie in [0, 1]"),
        ([MAPS[0], MAPS[1] * np.nan], {}, "maps[1] must lie in [0, 1], got nan"),
        ([MAPS[0], MAPS[1] * np.inf], {"method": "median"}, "maps[1] must lie in [0, 1]"),
        ([LABELS[0], np.array([[1]])], {}, "set 0 has shape (1, 4) and set 1 (1, 1)"),
        ([LABELS[0], -LABELS[1]], {}, "negative"),
    ],
)  # fmt: skip
def test_bad_input(members, arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        nf.fuse(members, **arguments)
