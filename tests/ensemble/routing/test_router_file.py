import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nucfuse.ensemble.routing.features import FEATURES
from nucfuse.ensemble.routing.router import Router
from nucfuse.ensemble.routing.router_file import default_router, read_router, write_router
from nucfuse.errors import DataError

NUMBERS = st.floats(-1e300, 1e300)
POSITIVE = st.floats(1e-9, 1e300)


@st.composite
def routers(draw):
    features = draw(st.sampled_from(sorted(FEATURES)))
    n = len(FEATURES[features].names)
    names = draw(st.lists(st.text(min_size=1).filter(lambda s: s != "default"), min_size=1,
                          max_size=4, unique=True))  # fmt: skip
    k = len(names)

    def lists(numbers, size):
        return np.array(draw(st.lists(numbers, min_size=size, max_size=size)))

    return Router(
        features, lists(POSITIVE, n), tuple(names), lists(NUMBERS, k * n).reshape(k, n),
        lists(POSITIVE, k), lists(st.integers(0, 2**40), k),
    )  # fmt: skip


def document(**changes):
    """A sound router of the study's features as a dict, with some keys replaced."""
    cluster = {"name": "fluorescence", "images": 3, "centre": [0, 0.5, 20], "radius": 7.5}
    whole = {"nucfuse_router": 1, "features": "study", "scales": [1, 1.0, 1], "clusters": [cluster]}
    return whole | changes


def cluster(**changes):
    return {"clusters": [document()["clusters"][0] | changes]}


def written(tmp_path, content):
    path = tmp_path / "router.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


@given(router=routers())
def test_reading_gives_what_was_written(tmp_path_factory, router):
    path = tmp_path_factory.mktemp("router") / "router.json"
    write_router(path, router)
    found = read_router(path)
    assert (found.features, found.names) == (router.features, router.names)
    for field in ("scales", "centres", "radii", "sizes"):
        assert_array_equal(getattr(found, field), getattr(router, field))
        assert getattr(found, field).dtype == getattr(router, field).dtype


def test_a_written_router_can_be_read_by_people(tmp_path):
    write_router(tmp_path / "router.json", default_router())
    text = (tmp_path / "router.json").read_text("utf-8")
    assert '"features": "polarity"' in text
    assert '"name": "brightfield"' in text
    assert len(text) < 2000


def test_a_sound_router(tmp_path):
    router = read_router(written(tmp_path, document()))
    assert router.names == ("fluorescence",)
    assert_array_equal(router.centres, [[0, 0.5, 20]])
    assert router.route(np.full((2, 2, 3), 20, np.uint8)) == ("fluorescence", 0.5, False,
                                                              "fluorescence")  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("{", "is no valid JSON, so no router"),
        ('"router"', "is no router: expected an object with the key 'nucfuse_router'"),
        ("{}", "is no router: expected an object with the key 'nucfuse_router'"),
        ("[" * 100_000, "is nested too deeply for a router"),
        (document(nucfuse_router=2), "router of version 2, and this nucfuse reads version 1 only"),
        (document(nucfuse_router=True), "router of version True"),
        (document(nucfuse_router="1"), "router of version '1'"),
        (document(extra=1), "has no setting 'extra'; there are: features, scales, clusters"),
        ({"nucfuse_router": 1, "features": "study"}, "lacks the setting 'scales'"),
        (document(features="lbp"), "features must be one of polarity, study, got 'lbp'"),
        (document(features=["study"]), "features must be one of"),
        (document(scales=[1, 1]), "scales and centres have 3 numbers, got [1, 1]"),
        (document(scales=[1, 0, 1]), "scales must be a list of finite positive numbers, got (1, 0"),
        (document(scales=[1, float("nan"), 1]), "scales must be a list of finite positive numbers"),
        (document(scales=[1, "1", 1]), "scales must be a list of finite positive numbers"),
        (document(clusters=[]), "clusters must be a list of at least one"),
        (document(clusters={}), "clusters must be a list of at least one"),
        (document(clusters=[3]), r"clusters[0] must be a table of settings, got 3"),
        (document(**cluster(colour=1)), "clusters[0] has no setting 'colour'; there are: name"),
        (document(clusters=[{"name": "a"}]), "clusters[0] lacks the setting 'images'"),
        (document(**cluster(name="")), "name must be a text other than 'default', got ''"),
        (document(**cluster(name="default")), "name must be a text other than 'default'"),
        (document(**cluster(name=3)), "name must be a text other than 'default', got 3"),
        (document(**cluster(images=-1)), "images must be a whole number from 0 on, got -1"),
        (document(**cluster(images=1.5)), "images must be a whole number from 0 on, got 1.5"),
        (document(**cluster(images=2**70)), "images must be a whole number from 0 on"),
        (document(**cluster(images=True)), "images must be a whole number from 0 on, got True"),
        (document(**cluster(centre=[1, 2])), "scales and centres have 3 numbers, got [1, 2]"),
        (document(**cluster(centre=[1, 2, None])), "centre must be a list of finite numbers"),
        (document(**cluster(centre=[1, 2, True])), "centre must be a list of finite numbers"),
        (document(**cluster(centre=[1, 2, 10**400])), "centre must be a list of finite numbers"),
        (document(**cluster(centre=[1, float("inf"), 0])), "centre must be a list of finite"),
        (document(**cluster(radius=0)), "radius must be a finite positive number, got 0"),
        (document(**cluster(radius=[1])), "radius must be a finite positive number, got [1]"),
        (document(clusters=document()["clusters"] * 2), "two clusters are called 'fluorescence'"),
    ],
)  # fmt: skip
def test_what_is_no_router_is_refused(tmp_path, content, words):
    path = written(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read_router(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x80\x04K\x01.", b"\x89PNG\r\n"])
def test_binary_files_are_refused(tmp_path, content):
    path = tmp_path / "router.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is no valid JSON, so no router"):
        read_router(path)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"none\.json: No such file"):
        read_router(tmp_path / "none.json")


def test_default_router_is_of_the_whole_training_set():
    router = default_router()
    assert router.features == "polarity"
    assert router.names == ("fluorescence", "histology", "brightfield")
    assert_array_equal(router.sizes, [541, 107, 16])
    assert_array_equal(router.scales, FEATURES["polarity"].units)
