"""DSB2018 data as a folder and as a zip file that is not extracted."""

import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import made_files as made
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from nucfuse.data.dataset import Dataset
from nucfuse.data.formats import dsb
from nucfuse.errors import DataError

SHAPE = (5, 7)


def mask(*boxes, shape=SHAPE, value=255):
    """PNG of a mask of boxes (y0, x0, y1, x1)."""
    values = np.zeros(shape, np.uint8)
    for y0, x0, y1, x1 in boxes:
        values[y0:y1, x0:x1] = value
    return made.make_png(values)


def image(shape=SHAPE):
    colours = np.arange(shape[0] * shape[1] * 4, dtype=np.uint8).reshape(*shape, 4)
    return made.make_png(colours, 8, made.RGBA)


FILES = {
    "a/images/a.png": image(),
    "a/masks/m2.png": mask((0, 0, 2, 2)),
    "a/masks/m1.png": mask((3, 3, 5, 7)),
    "b/images/b.png": image((2, 3)),
    "b/masks/x.png": mask((0, 0, 1, 1), shape=(2, 3)),
}
LABELS_A = np.zeros(SHAPE, np.int32)
LABELS_A[3:5, 3:7], LABELS_A[0:2, 0:2] = 1, 2


def make_folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        if data is not None:
            (path / name).write_bytes(data)
    return path


def make_zip(path, files):
    path = path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k, (name, data) in enumerate(files.items()):
            kind = zipfile.ZIP_DEFLATED if k % 2 else zipfile.ZIP_STORED
            if data is None:
                archive.mkdir(str(Path(name).parent))
            else:
                archive.writestr(name, data, kind)
    return path


@pytest.fixture(params=["folder", "zip"])
def make(request, tmp_path):
    """Makes a data set of some files, where None stands for an empty folder around."""
    maker = make_folder if request.param == "folder" else make_zip
    return lambda files: maker(tmp_path, files)


def read_one(path, image_id="a"):
    return dsb.open_dataset(path).read(image_id)


class TestGoodData:
    @pytest.mark.parametrize("above", ["", "stage1_train/", "data/stage1_train/"])
    def test_masks_are_numbered_by_file_name(self, make, above):
        path = make({above + name: data for name, data in FILES.items()})
        assert dsb.matches(path)
        data = dsb.open_dataset(path)
        assert isinstance(data, Dataset)
        assert (data.ids, data.format, data.path) == (["a", "b"], "dsb", path)
        sample = data.read("a")
        assert_array_equal(sample.masks, LABELS_A)
        assert sample.masks.dtype == np.int32
        assert (sample.image_id, sample.names, sample.notes) == ("a", ("m1.png", "m2.png"), ())

    def test_shape_and_image(self, make):
        data = dsb.open_dataset(make(FILES))
        assert (data.shape("a"), data.shape("b")) == (SHAPE, (2, 3))
        expected = np.arange(SHAPE[0] * SHAPE[1] * 4, dtype=np.uint8).reshape(*SHAPE, 4)[:, :, :3]
        assert_array_equal(data.image("a"), expected)

    def test_masks_without_an_image(self, make):
        data = dsb.open_dataset(make({"a/masks/m.png": mask((0, 0, 1, 2))}))
        assert data.shape("a") == SHAPE
        assert data.image("a") is None
        assert data.read("a").masks.sum() == 2

    def test_ids_stay_as_written(self, make):
        ids = ["001", "1e3", "NA", "Zelle µ 細胞", "a%2Fb"]
        data = dsb.open_dataset(make({f"{i}/masks/m.png": mask((0, 0, 1, 1)) for i in ids}))
        assert data.ids == sorted(ids)
        for image_id in ids:
            assert data.read(image_id).masks.max() == 1

    def test_other_files_are_left_alone(self, make):
        extra = {
            "a/masks/.DS_Store": b"x", "a/masks/._m1.png": b"x", "a/masks/Thumbs.db": b"x",
            "__MACOSX/a/masks/m1.png": b"x", "readme.txt": b"x",
        }  # fmt: skip
        path = make(FILES | extra)
        assert dsb.open_dataset(path).ids == ["a", "b"]
        assert_array_equal(read_one(path).masks, LABELS_A)

    def test_any_number_of_threads_gives_the_same(self, make):
        rng = np.random.default_rng(0)
        files = {}
        for k in range(12):
            for m in range(5):
                files[f"{k}/masks/{m}.png"] = made.make_png(rng.integers(0, 2, (20, 30)) * 255)
        data = dsb.open_dataset(make(files))
        alone = [data.read(image_id) for image_id in data.ids]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(data.read, data.ids))
        for a, b in zip(alone, together, strict=True):
            assert_array_equal(a.masks, b.masks)
            assert (a.names, a.notes) == (b.names, b.notes)

    def test_survives_pickling_for_other_processes(self, make):
        data = pickle.loads(pickle.dumps(dsb.open_dataset(make(FILES))))
        assert_array_equal(data.read("a").masks, LABELS_A)

    @pytest.mark.parametrize("kind", ["rgb", "16 bit", "palette", "1 bit", "tiff"])
    def test_masks_of_other_kinds(self, make, kind):
        values = np.zeros(SHAPE, np.uint16)
        values[1:3, 2:5] = 1
        name, data = {
            "rgb": ("m.png", made.make_png(np.stack([values] * 3, axis=2) * 255, 8, made.RGB)),
            "16 bit": ("m.png", made.make_png(values * 256, 16)),
            "palette": ("m.png", made.make_png(values, 2, made.PALETTE, palette=np.zeros((2, 3)))),
            "1 bit": ("m.png", made.make_png(values, 1)),
            "tiff": ("m.TIF", made.make_tiff(values)),
        }[kind]
        sample = read_one(make({"a/images/a.png": image(), f"a/masks/{name}": data}))
        assert_array_equal(sample.masks, values)
        assert sample.notes == ()

    @given(hnp.arrays(bool, st.tuples(st.integers(0, 4), st.just(4), st.just(20))))
    def test_first_in_name_order_gets_the_pixel(self, tmp_path_factory, stack):
        folder = tmp_path_factory.mktemp("data")
        files = {f"a/masks/{k}.png": made.make_png(m * 255) for k, m in enumerate(stack)}
        sample = read_one(
            make_folder(folder, {"a/images/a.png": image((4, 20)), **files, "a/masks/x": b""})
        )
        expected = np.zeros((4, 20), int)
        names = []
        for k, inside in enumerate(stack):
            free = inside & (expected == 0)
            if free.any():
                names.append(f"{k}.png")
                expected[free] = len(names)
        assert_array_equal(sample.masks, expected)
        assert sample.names == tuple(names)
        twice = int((stack.sum(axis=0) - 1).clip(0).sum()) if len(stack) else 0
        assert any(f"more than one mask: {twice};" in note for note in sample.notes) == (twice > 0)


class TestNotes:
    def test_overlaps_are_counted_and_go_to_the_first(self, make):
        path = make({
            "a/masks/1.png": mask((0, 0, 2, 2)), "a/masks/2.png": mask((1, 1, 3, 3)),
            "a/masks/3.png": mask((4, 4, 5, 5)),
        })  # fmt: skip
        sample = read_one(path)
        assert sample.masks[1, 1] == 1
        assert sample.names == ("1.png", "2.png", "3.png")
        (note,) = sample.notes
        assert note.startswith("pixels in more than one mask: 1;")
        assert note.endswith("2.png")

    def test_masks_without_pixels_get_no_number(self, make):
        path = make({
            "a/masks/1.png": mask(), "a/masks/2.png": mask((1, 1, 3, 3)),
            "a/masks/3.png": mask((1, 1, 2, 2)), "a/masks/4.png": mask((4, 4, 5, 5)),
        })  # fmt: skip
        sample = read_one(path)
        assert sample.names == ("2.png", "4.png")
        assert_array_equal(np.unique(sample.masks), [0, 1, 2])
        assert "wholly inside earlier ones, left out: 3.png" in sample.notes[1]
        assert "without pixels, left out: 1.png" in sample.notes[2]

    def test_masks_of_several_values(self, make):
        values = np.zeros(SHAPE, np.uint8)
        values[0, 0], values[3, 3] = 1, 2  # a label image where a mask should be
        sample = read_one(make({"a/masks/1.png": made.make_png(values)}))
        assert_array_equal(sample.masks, values > 0)
        assert "several values, all but 0 taken for inside: 1.png" in sample.notes[0]

    def test_long_lists_are_cut(self, make):
        sample = read_one(
            make({"a/images/i.png": image(), **{f"a/masks/{k}.png": mask() for k in range(9)}})
        )
        assert sample.notes[0].endswith("0.png, 1.png, 2.png and 6 more")

    def test_empty_masks_folder_is_an_image_without_nuclei(self, make):
        sample = read_one(make({"a/images/a.png": image(), "a/masks/none": None}))
        assert sample.masks.shape == SHAPE
        assert not sample.masks.any()
        assert sample.notes == ("the folder masks is empty: no nuclei",)


class TestBadData:
    def refuses(self, path, match, image_id="a"):
        with pytest.raises(DataError, match=match) as caught:
            read_one(path, image_id)
        assert str(path) in str(caught.value)

    def test_no_masks_folder(self, make):
        path = make({"a/images/a.png": image()})
        assert dsb.open_dataset(path).shape("a") == SHAPE
        self.refuses(path, "sample 'a' has no folder masks")

    def test_empty_masks_folder_and_no_image(self, make):
        path = make({"a/masks/none": None})
        assert dsb.open_dataset(path).shape("a") is None
        self.refuses(path, "neither masks nor an image")

    def test_mask_of_another_size_than_the_image(self, make):
        path = make({"a/images/a.png": image(), "a/masks/m.png": mask(shape=(7, 5))})
        self.refuses(
            path, r"m\.png: the mask has shape \(7, 5\), the image has \(5, 7\); transposing"
        )

    def test_masks_of_two_sizes(self, make):
        path = make({"a/masks/1.png": mask(), "a/masks/2.png": mask(shape=(5, 8))})
        self.refuses(path, r"2\.png: the mask has shape \(5, 8\), mask 1\.png has \(5, 7\)$")

    @pytest.mark.parametrize(
        "data", [b"", b"no image", mask()[:-9], mask()[:40], made.make_npy(np.ones((2, 2)))[:20]]
    )
    def test_broken_masks(self, make, data):
        self.refuses(make({"a/images/a.png": image(), "a/masks/m.png": data}), r"a/masks/m\.png")

    @pytest.mark.parametrize("data", [b"", b"no image", image()[:20]])
    def test_broken_images(self, make, data):
        path = make({"a/images/i.png": data, "a/masks/m.png": mask()})
        self.refuses(path, r"a/images/i\.png")
        with pytest.raises(DataError, match=r"a/images/i\.png"):
            dsb.open_dataset(path).image("a")

    def test_volume_as_mask(self, make):
        self.refuses(make({"a/masks/m.npy": made.make_npy(np.ones((2, 3, 4), np.uint8))}), "shape")

    def test_folder_of_images_beside_folder_of_label_images(self, make):
        path = make({
            "train/images/1.png": image(), "train/images/2.png": image(),
            "train/masks/1.png": mask(), "train/masks/2.png": mask(),
        })  # fmt: skip
        self.refuses(path, "holds 2 images, DSB2018 has one per sample", "train")

    def test_nothing_of_the_kind(self, make):
        path = make({"a.png": image(), "b/c.png": image()})
        assert not dsb.matches(path)
        with pytest.raises(DataError, match="found no ID/images/"):
            dsb.open_dataset(path)

    def test_links_in_a_circle(self, tmp_path):
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "y").symlink_to(tmp_path / "x", target_is_directory=True)
        assert not dsb.matches(tmp_path)

    def test_folder_that_may_not_be_listed(self, tmp_path, monkeypatch):
        data = dsb.open_dataset(make_folder(tmp_path, FILES))

        def refuse(path):
            raise PermissionError(13, "Permission denied", path)

        monkeypatch.setattr(os, "listdir", refuse)
        with pytest.raises(DataError, match="a/masks: Permission denied"):
            data.read("a")
        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(DataError, match="Permission denied"):
            dsb.open_dataset(tmp_path)


class TestBadZips:
    @pytest.mark.parametrize(
        "member", ["../a/masks/m.png", "a/../../masks/m.png", "/a/masks/m.png", "C:/a/masks/m.png",
                   "a\\masks\\m.png"],
    )  # fmt: skip
    def test_members_outside_of_the_zip(self, tmp_path, member):
        path = make_zip(tmp_path, {**FILES, "x" * len(member): mask()})
        # zipfile itself tidies names up, so the name is changed afterwards.
        content = path.read_bytes().replace(b"x" * len(member), member.encode())
        path.write_bytes(content)
        assert dsb.matches(path)
        with pytest.raises(DataError, match="points outside of the zip file"):
            dsb.open_dataset(path)
        assert [p.name for p in tmp_path.iterdir()] == ["data.zip"]

    @pytest.mark.parametrize("end", [1, 30, 200, -100, -10, -1])
    def test_truncated(self, tmp_path, end):
        path = make_zip(tmp_path, FILES)
        path.write_bytes(path.read_bytes()[:end])
        with pytest.raises(DataError, match=r"data\.zip: the zip file is truncated or damaged"):
            dsb.open_dataset(path)

    def test_one_id_in_two_places(self, tmp_path):
        path = make_zip(
            tmp_path, {f"{t}/{name}": data for t in "ab" for name, data in FILES.items()}
        )
        with pytest.raises(DataError, match="a/a and b/a have one name"):
            dsb.open_dataset(path)

    def test_one_member_twice(self, tmp_path):
        path = make_zip(tmp_path, FILES)
        path.write_bytes(path.read_bytes().replace(b"m2.png", b"m1.png"))
        with pytest.raises(DataError, match=r"holds the member 'a/masks/m1\.png' twice"):
            dsb.open_dataset(path)

    def test_damaged_member(self, tmp_path):
        path = make_zip(tmp_path, {"a/masks/m.png": mask((0, 0, 2, 2))})
        content = bytearray(path.read_bytes())
        content[60] ^= 255
        path.write_bytes(bytes(content))
        with pytest.raises(DataError, match=r"a/masks/m\.png: truncated or damaged"):
            read_one(path)

    def test_member_that_claims_terabytes(self, tmp_path):
        path = make_zip(tmp_path, {"a/masks/m.png": mask()})
        content = bytearray(path.read_bytes())
        at = content.rindex(b"PK\1\2") + 24
        content[at : at + 4] = (2**32 - 2).to_bytes(4, "little")
        path.write_bytes(bytes(content))
        with pytest.raises(DataError, match=r"m\.png: its header claims 4294967294 bytes"):
            read_one(path)

    def test_encrypted(self, tmp_path):
        path = make_zip(tmp_path, {"a/masks/m.png": mask()})
        content = bytearray(path.read_bytes())
        content[content.rindex(b"PK\1\2") + 8] |= 1
        path.write_bytes(bytes(content))
        with pytest.raises(DataError, match=r"m\.png: is encrypted"):
            read_one(path)

    @given(st.data())
    def test_changed_bytes(self, tmp_path_factory, data):
        path = make_zip(tmp_path_factory.mktemp("zip"), {"t/a/masks/m.png": mask((0, 0, 2, 2))})
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(content))
        try:
            dataset = dsb.open_dataset(path)
            for image_id in dataset.ids:
                dataset.read(image_id)
        except DataError:
            pass


class TestStrangeMembers:
    """What nothing recognises is not dropped without a word."""

    def test_they_are_named(self, tmp_path, caplog):
        members = {**FILES, "a/notes/x.txt": b"x", "b/.DS_Store": b"x", "__MACOSX/y": b"y"}
        path = make_zip(tmp_path, {**members, "a/masks/list.csv": b"x"})
        dsb.open_dataset(path)
        said = "2 members are not read, as they are no images in ID/images/ or ID/masks/"
        assert f"{said}: 'a/notes/x.txt', 'a/masks/list.csv'" in caplog.text

    @pytest.mark.parametrize(
        ("old", "new"), [(b"/masks/", b"/mesks/"), (b".png", b".pog"), (b"m1.", b".1.")]
    )
    def test_a_damaged_name(self, tmp_path, old, new):
        """Of the two names of a member, that in the list at the end was changed."""
        path = make_zip(tmp_path, {"a/masks/m0.png": mask(), "a/masks/m1.png": mask((0, 0, 2, 2))})
        data = bytearray(path.read_bytes())
        at = data.rindex(old)
        data[at : at + len(old)] = new
        path.write_bytes(data)
        with pytest.raises(DataError, match="the names of a member differ"):
            dsb.open_dataset(path)

    def test_unknown_samples(self, make):
        data = dsb.open_dataset(make(FILES))
        for ask in (data.read, data.shape, data.image):
            with pytest.raises(DataError, match="has no image 'nosuch'"):
                ask("nosuch")
