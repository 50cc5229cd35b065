"""nucfuse's own files: round trips keep everything, and bad files give one clear error."""

import contextlib
import errno
import json
import os
import pickle
import zipfile

import made_files as made
import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.formats import npz
from nucfuse.data.formats.probabilities import read_probabilities
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

LABELS = np.array([[0, 1, 1], [7, 0, 3]], np.int32)
MASKS = Instances.from_labels(LABELS, scores=[0.5, 0.25, 1], source="unet", classes=[1, 2, 3])
ODD_IDS = [
    "../x",
    "",
    "a/b",
    "nul\0byte\0",
    "001",
    "1e3",
    "NA",
    "Zelle µ 🔬",
    "about",
    "\ud800",
    "0/starts",
]


@st.composite
def samples(draw):
    """Samples of different ids, as `Instances` of one or several sources or label images."""
    ids = draw(st.lists(st.text(), max_size=4, unique=True))
    result = []
    for image_id in ids:
        parts = draw(strategies.instance_lists())
        masks = Instances.concatenate(parts)
        names = draw(st.lists(st.text(), min_size=len(masks), max_size=len(masks)))
        result.append(Sample(image_id, masks, tuple(names)))
    return result


class TestInstances:
    @given(samples())
    def test_everything_survives(self, tmp_path_factory, drawn):
        path = tmp_path_factory.mktemp("data") / "all.npz"
        npz.write(path, iter(drawn))
        data = npz.open_dataset(path)
        assert data.ids == sorted(s.image_id for s in drawn)
        for sample in drawn:
            got = data.read(sample.image_id)
            assert got.masks == sample.masks
            assert got.masks.source_names == sample.masks.source_names
            assert_array_equal(got.masks.sources, sample.masks.sources)
            assert_array_equal(got.masks.boxes, sample.masks.boxes)
            assert_array_equal(got.masks.areas, sample.masks.areas)
            assert got.names == sample.names
            assert data.shape(sample.image_id) == sample.masks.shape

    @pytest.mark.parametrize("image_id", ODD_IDS)
    def test_odd_ids(self, tmp_path, image_id):
        npz.write(tmp_path / "a.npz", [Sample(image_id, MASKS)])
        assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
        data = npz.open_dataset(tmp_path / "a.npz")
        assert data.ids == [image_id]
        assert data.read(image_id).masks == MASKS

    def test_the_rest_of_a_data_set(self, tmp_path):
        path = tmp_path / "a.npz"
        npz.write(path, [Sample("a", MASKS)])
        assert npz.matches(path)
        data = npz.open_dataset(path)
        assert isinstance(data, Dataset)
        assert (data.path, data.format, data.image("a")) == (path, "npz", None)
        assert pickle.loads(pickle.dumps(data)).read("a").masks == MASKS

    def test_label_images_become_instances(self, tmp_path):
        npz.write(tmp_path / "a.npz", [Sample("a", LABELS)])
        expected = Instances.from_labels(LABELS)
        assert npz.open_dataset(tmp_path / "a.npz").read("a").masks == expected

    def test_layout_is_the_documented_one(self, tmp_path):
        npz.write(tmp_path / "a.npz", [Sample("b", MASKS, ("x", "y", "z")), Sample("a", MASKS[:1])])
        with np.load(tmp_path / "a.npz") as arrays:
            about = json.loads(arrays["about"].tobytes())
            assert_array_equal(arrays["0/starts"], MASKS.starts)
            assert_array_equal(arrays["1/scores"], [0.5])
        assert about["format"] == "nucfuse instances"
        assert about["version"] == 1
        assert about["images"][0] == {
            "id": "b", "shape": [2, 3], "source_names": ["unet"], "names": ["x", "y", "z"],
        }  # fmt: skip

    def test_same_data_same_bytes(self, tmp_path):
        for name in "ab":
            npz.write(tmp_path / name, [Sample("a", MASKS)])
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_no_samples(self, tmp_path):
        npz.write(tmp_path / "a.npz", [])
        assert npz.open_dataset(tmp_path / "a.npz").ids == []

    @pytest.mark.parametrize("failure", [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt(), ValueError("bug"),
    ])  # fmt: skip
    def test_nothing_half_written(self, tmp_path, failure):
        def some():
            yield Sample("a", MASKS)
            raise failure

        (tmp_path / "a.npz").write_bytes(b"old")
        expected = DataError if isinstance(failure, OSError) else type(failure)
        with pytest.raises(expected):
            npz.write(tmp_path / "a.npz", some())
        assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
        assert (tmp_path / "a.npz").read_bytes() == b"old"

    def test_disk_full(self, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
        with pytest.raises(DataError, match="disk is full"):
            npz.write(tmp_path / "a.npz", [Sample("a", MASKS)])
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("drawn", "match"),
        [
            ([Sample("a", MASKS), Sample("a", MASKS)], "'a' comes twice"),
            ([Sample("a", np.zeros((2, 3, 4), int))], "image 'a' is a volume"),
            ([Sample("a", np.array([[-1]]))], "negative"),
        ],
    )
    def test_what_it_cannot_hold(self, tmp_path, drawn, match):
        with pytest.raises(DataError, match=match):
            npz.write(tmp_path / "a.npz", drawn)
        assert list(tmp_path.iterdir()) == []


def rewritten(path, changes):
    """A good file with some members replaced (arrays, bytes of npy data) or left out (None)."""
    npz.write(path, [Sample("a", MASKS)])
    with zipfile.ZipFile(path) as archive:
        members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    members |= changes
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if isinstance(content, np.ndarray):
                content = made.make_npy(content)
            if content is not None:
                archive.writestr(name + ".npy", content)
    return path


def about(**changes):
    entry = {"id": "a", "shape": [2, 3], "source_names": ["unet"], "names": []}
    document = {"format": "nucfuse instances", "version": 1, "images": [entry]} | changes
    return np.frombuffer(json.dumps(document).encode(), np.uint8)


def entries(**changes):
    entry = {"id": "a", "shape": [2, 3], "source_names": ["unet"], "names": []} | changes
    return about(images=[entry])


class TestBadInstances:
    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            ({"about": None}, "not written by nucfuse"),
            ({"about": np.frombuffer(b"{", np.uint8)}, "'about' is damaged"),
            ({"about": np.frombuffer(b"[" * 9999, np.uint8)}, "'about' is damaged"),
            ({"about": np.frombuffer(b"[]", np.uint8)}, "expected a file of nucfuse instances"),
            ({"about": np.array([{}], object)}, "never unpickles"),
            ({"about": about(format="nucfuse probabilities")}, "got 'nucfuse probabilities'"),
            ({"about": about(version=2)}, "format version 2; this nucfuse reads version 1"),
            ({"about": about(images=3)}, "list of images is damaged"),
            ({"about": about(images=[3])}, "list of images is damaged"),
            ({"about": entries(id=5)}, "list of images is damaged"),
            ({"about": entries(shape=[2])}, "list of images is damaged"),
            ({"about": entries(shape=[2, True])}, "list of images is damaged"),
            ({"about": entries(names="ab")}, "list of images is damaged"),
            ({"about": entries(source_names=[1])}, "list of images is damaged"),
            ({"about": entries(shape=[1, 2])}, "outside"),
            ({"about": entries(shape=[0, 3])}, "shape must be"),
            ({"about": entries(shape=[2**40, 2**40])}, "beyond any image"),
            ({"about": entries(source_names=[])}, "sources are damaged"),
            ({"0/starts": None}, r"0/starts\.npy: is missing"),
            ({"0/starts": np.array([None] * 3)}, "never unpickles"),
            ({"0/starts": MASKS.starts.astype(np.int32)}, "starts are damaged"),
            ({"0/starts": MASKS.starts[None]}, "starts are damaged"),
            ({"0/starts": MASKS.starts - 5}, "unsorted|outside"),
            ({"0/starts": MASKS.starts + 2**62}, "outside"),
            ({"0/lengths": MASKS.lengths * 0}, "empty"),
            ({"0/lengths": MASKS.lengths[:-1]}, "offsets"),
            ({"0/offsets": np.zeros(0, np.int64)}, "offsets"),
            ({"0/offsets": MASKS.offsets[::-1].copy()}, "offsets"),
            ({"0/scores": MASKS.scores[:-1]}, "scores"),
            ({"0/classes": MASKS.classes[:-1]}, "classes"),
            ({"0/sources": MASKS.sources + 1}, "sources are damaged"),
            ({"0/sources": MASKS.sources - 1}, "sources are damaged"),
            ({"0/sources": MASKS.sources[:-1]}, "sources are damaged"),
            ({"0/scores": b""}, "truncated or damaged"),
            ({"0/scores": made.npy_with_header(
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }", b"1234"
            )}, "claims 4398046511104 bytes"),
        ],
    )  # fmt: skip
    def test_damaged(self, tmp_path, changes, match):
        path = rewritten(tmp_path / "a.npz", changes)
        with pytest.raises(DataError, match=match) as caught:
            npz.open_dataset(path).read("a")
        assert str(path) in str(caught.value)

    def test_one_id_twice(self, tmp_path):
        entry = {"id": "a", "shape": [2, 3], "source_names": ["unet"], "names": []}
        path = rewritten(tmp_path / "a.npz", {"about": about(images=[entry, entry])})
        with pytest.raises(DataError, match="comes twice"):
            npz.open_dataset(path)

    def test_every_truncation_is_refused(self, tmp_path):
        path = tmp_path / "a.npz"
        npz.write(path, [Sample("a", MASKS)])
        content = path.read_bytes()
        for end in range(len(content)):
            path.write_bytes(content[:end])
            with pytest.raises(DataError):
                npz.open_dataset(path)
        assert npz.matches(path)

    def test_files_of_other_kinds(self, tmp_path):
        np.savez(tmp_path / "foreign.npz", labels=LABELS)
        assert not npz.matches(tmp_path / "foreign.npz")
        with pytest.raises(DataError, match="not written by nucfuse"):
            npz.open_dataset(tmp_path / "foreign.npz")
        assert not npz.matches(tmp_path)
        (tmp_path / "a.npz").write_bytes(b"no zip")
        assert not npz.matches(tmp_path / "a.npz")

    @given(st.data())
    def test_changed_bytes(self, tmp_path_factory, data):
        path = tmp_path_factory.mktemp("npz") / "a.npz"
        npz.write(path, [Sample("a", MASKS)])
        broken = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(broken))
        with contextlib.suppress(DataError):
            dataset = npz.open_dataset(path)
            for image_id in dataset.ids:
                assert isinstance(dataset.read(image_id).masks, Instances)
        with contextlib.suppress(DataError):
            read_probabilities(path)

    @given(st.binary(max_size=200), st.booleans())
    def test_noise(self, tmp_path_factory, noise, as_zip):
        path = tmp_path_factory.mktemp("npz") / "a.npz"
        path.write_bytes(b"PK\3\4" + noise if as_zip else noise)
        with pytest.raises(DataError):
            npz.open_dataset(path)

    @given(st.sampled_from(["about", *(f"0/{name}" for name in npz._DTYPES)]), st.data())
    def test_any_array_for_any_field(self, tmp_path_factory, member, data):
        array = data.draw(
            hnp.arrays(
                st.sampled_from([np.uint8, *npz._DTYPES.values()]),
                st.one_of(st.tuples(st.integers(0, 5)), st.tuples(st.just(1), st.just(3))),
            )
        )
        path = rewritten(tmp_path_factory.mktemp("npz") / "a.npz", {member: array})
        with contextlib.suppress(DataError):
            assert isinstance(npz.open_dataset(path).read("a").masks, Instances)


def test_unknown_ids_and_strange_members(tmp_path):
    npz.write(tmp_path / "a.npz", [Sample("a", MASKS)])
    data = npz.open_dataset(tmp_path / "a.npz")
    for ask in (data.read, data.shape):
        with pytest.raises(DataError, match="has no image 'b'"):
            ask("b")
    # A damaged name of a member that may be absent, and would be missed by nobody.
    changed = (tmp_path / "a.npz").read_bytes().replace(b"0/classes.npy", b"0/clasres.npy")
    (tmp_path / "a.npz").write_bytes(changed)
    with pytest.raises(DataError, match=r"holds the member '0/clasres\.npy'"):
        npz.open_dataset(tmp_path / "a.npz")
