"""The doctor finds what is wrong, and nothing where nothing is."""

from pathlib import Path

import numpy as np

from nucfuse.data.dataset import Sample
from nucfuse.data.doctor import duplicate_images, examine
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances


class OneImage:
    path = Path("folder")
    format = "test"
    ids = ("x",)

    def __init__(self, masks, image=None, notes=()):
        self.masks, self.pixels, self.notes = masks, image, notes

    def read(self, image_id):
        if isinstance(self.masks, Exception):
            raise self.masks
        return Sample(image_id, self.masks, notes=self.notes)

    def shape(self, image_id):
        return None

    def image(self, image_id):
        return self.pixels


def kinds(masks, **rest):
    return {f.kind: f for f in examine(OneImage(masks, **rest), "x")[2]}


def disc(shape=(20, 20)):
    labels = np.zeros(shape, np.int32)
    labels[3:9, 3:9] = 1
    labels[12:18, 3:9] = 2
    return labels


def test_a_clean_image_has_no_findings():
    image = np.zeros((20, 20, 3), np.uint8)
    nuclei, digest, findings = examine(OneImage(disc(), image), "x")
    assert (nuclei, findings) == (2, [])
    assert digest is not None


def test_overlap_and_twins():
    mask = disc() == 1
    found = kinds(Instances.from_masks([mask, mask, disc() == 2]))
    assert found["overlap"].detail.startswith("36 pixels in two masks (nucleus 1, nucleus 2)")
    assert found["duplicate mask"].count == 2


def test_hole_pieces_and_speck():
    labels = disc()
    labels[5, 5] = 0
    labels[14, 3:9] = 0
    labels[0, 15] = 3
    found = kinds(labels)
    assert set(found) == {"hole", "pieces", "speck"}
    assert found["hole"].detail == "nucleus 1"
    assert found["pieces"].detail == "nucleus 2"
    assert found["speck"].detail.endswith("nucleus 3")


def test_empty_image_note_and_image_size():
    found = kinds(np.zeros((4, 4), int), image=np.zeros((4, 5, 3), np.uint8), notes=("odd",))
    assert set(found) == {"empty", "image size", "note"}
    assert found["image size"].detail == "masks are (4, 4), the image is (4, 5)"


def test_unreadable_file_is_a_finding():
    assert kinds(DataError("x.png: truncated"))["unreadable"].detail == "x.png: truncated"


def test_duplicate_images_name_the_first():
    found = list(duplicate_images({"a": "1", "b": "2", "c": "1", "d": "1"}))
    assert [(f.image_id, f.detail) for f in found] == [
        ("c", "same pixels as a"),
        ("d", "same pixels as a"),
    ]
