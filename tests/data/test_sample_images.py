import cv2
import numpy as np
import pytest

from nucfuse.data.modality import MODALITIES, modality
from nucfuse.data.sample_images import copy_sample, sample_folder
from nucfuse.errors import DataError

FOLDER = sample_folder()
IDS = sorted(path.stem for path in (FOLDER / "images").glob("*.png"))


def test_every_image_has_its_truth():
    assert len(IDS) == 12
    assert sorted(path.stem for path in (FOLDER / "truth").iterdir()) == IDS
    for image_id in IDS:
        image = cv2.imread(str(FOLDER / "images" / f"{image_id}.png"))
        labels = cv2.imread(str(FOLDER / "truth" / f"{image_id}.png"), cv2.IMREAD_UNCHANGED)
        assert labels.dtype == np.uint16
        assert labels.shape == image.shape[:2]
        assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))


def test_all_modalities_are_there():
    images = [cv2.imread(str(FOLDER / "images" / f"{i}.png"))[..., ::-1] for i in IDS]
    assert {modality(image) for image in images} == set(MODALITIES)


def test_is_small_and_says_where_it_comes_from():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 4e6
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "CC0" in text
    assert all(f"`{image_id[:8]}…`" in text for image_id in IDS)


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_copy_is_the_same_and_leaves_other_files(tmp_path):
    copy_sample(tmp_path / "new")
    assert contents(tmp_path / "new") == contents(FOLDER)
    (tmp_path / "old" / "images").mkdir(parents=True)
    (tmp_path / "old" / "images" / "mine.png").write_bytes(b"mine")
    copy_sample(tmp_path / "old")
    assert contents(tmp_path / "old") == {
        **contents(FOLDER),
        (FOLDER / "images" / "mine.png").relative_to(FOLDER): b"mine",
    }


@pytest.mark.parametrize("inside", ["", "images", "new"])
def test_no_copy_into_the_sample_itself(inside):
    before = contents(FOLDER)
    with pytest.raises(DataError, match="cannot copy the sample into itself"):
        copy_sample(FOLDER / inside)
    assert contents(FOLDER) == before
