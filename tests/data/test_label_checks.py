"""Sets of binary masks, photographs and maps are refused; a few odd images are not."""

import pickle

import numpy as np
import pytest
from commands import disc
from numpy.testing import assert_array_equal

from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.io import open_dataset, write_dataset
from nucfuse.data.label_checks import CheckedLabels, LabelRules, NotLabels, checked
from nucfuse.masks.instances import Instances

CENTRES = [(12, 12), (12, 60), (50, 15), (50, 65)]


def nuclei(n=4, first=1):
    labels = np.zeros((70, 80), np.int32)
    for k, (y, x) in enumerate(CENTRES[:n]):
        disc(labels, y, x, 7, first + k)
    return labels


BINARY = (nuclei() > 0).astype(np.int32) * 255
RULES = LabelRules()
PHOTO = np.random.default_rng(0).normal(60, 9, (70, 80)).astype(np.int32)


@pytest.fixture
def a_set(tmp_path):
    def make(*images):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        samples = [Sample(f"{k:02}", labels) for k, labels in enumerate(images)]
        write_dataset(folder, samples, "labels")
        return open_dataset(folder)

    return make


def refused(dataset, words, rules=RULES):
    with pytest.raises(NotLabels, match=words):
        checked(dataset, rules)


def test_labels_come_as_they_are_and_are_read_once(a_set):
    data = a_set(nuclei(), nuclei(3), nuclei(2))
    looked = checked(data, LabelRules())
    assert isinstance(looked, Dataset)
    assert (looked.path, looked.format, looked.ids) == (data.path, "labels", data.ids)
    assert looked.shape("00") == (70, 80)
    assert looked.image("00") is None
    assert list(looked.kept) == ["00", "01"]  # two label images decide
    assert looked.read("00").masks is not None
    assert list(looked.kept) == ["01"]
    assert_array_equal(looked.read("00").masks, nuclei())
    assert pickle.loads(pickle.dumps(looked)).kept == {}


def test_binary_masks_are_refused_with_the_remedy(a_set):
    refused(a_set(BINARY), r"its image looks like binary masks.*id 255 on 4\).*--binary components")
    refused(a_set(BINARY, np.zeros_like(BINARY), BINARY), "2 of the 3 images that were looked at")
    refused(a_set(np.where(BINARY > 0, 2, 1)), "masks of classes")


def test_the_most_of_the_images_decide(a_set):
    mostly = a_set(BINARY, nuclei(), nuclei(), nuclei())
    assert_array_equal(checked(mostly, LabelRules()).read("00").masks, BINARY)
    refused(a_set(nuclei(), BINARY, BINARY), "binary masks")
    single = a_set(*[nuclei(1, 255)] * 20)
    assert checked(single, LabelRules()).read("03").masks.max() == 255


def test_components_become_nuclei(a_set):
    rules = LabelRules(binary="components")
    sample = checked(a_set(BINARY, nuclei(1, 255)), rules).read("00")
    assert_array_equal(sample.masks, nuclei())
    assert sample.notes == ("a binary mask: 1 values became 4 nuclei, one for each piece",)
    beside = nuclei(2)
    beside[11:14] = 255  # one piece: both nuclei and what joins them
    assert checked(a_set((beside > 0) * 1), rules).read("00").masks.max() == 1
    # Label images keep torn nuclei.
    torn = nuclei()
    torn[12] = 0
    assert_array_equal(checked(a_set(torn, nuclei()), rules).read("00").masks, torn)


def test_photographs_are_refused_one_by_one_or_all(a_set):
    refused(a_set(PHOTO, PHOTO), "2 of the 2 images .* photographs or probability maps")
    mixed = checked(a_set(nuclei(), PHOTO), LabelRules())
    mixed.read("00")
    with pytest.raises(NotLabels, match=r"image '01' looks like a photograph .* --map-max 255"):
        mixed.read("01")


def test_labels_anyway(a_set):
    for image in (BINARY, PHOTO):
        data = a_set(image)
        assert checked(data, LabelRules(anyway=True)) is data


def test_files_that_cannot_be_read_have_no_say(a_set):
    data = a_set(nuclei(), BINARY, BINARY)
    (data.path / "01.png").write_bytes(b"nothing")
    assert isinstance(checked(data, LabelRules()), CheckedLabels)


def test_other_formats_are_not_looked_at(tmp_path):
    write_dataset(tmp_path / "a.npz", [Sample("a", Instances.from_labels(BINARY))], "npz")
    data = open_dataset(tmp_path / "a.npz")
    assert checked(data, LabelRules()) is data
