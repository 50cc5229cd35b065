"""COCO annotations without a mask or a pixel: counted, and left out if that is asked for."""

import json

import pytest
from commands import run
from numpy.testing import assert_array_equal

from nucfuse.data.formats import coco
from nucfuse.errors import DataError

SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]
SLIVER = [2.1, 2.1, 2.2, 2.1, 2.15, 2.2]
OUTSIDE = [50, 50, 60, 50, 60, 60, 50, 60]


def annotation(number, segmentation, **more):
    entry = {"id": number, "image_id": 1, "category_id": 1, "segmentation": segmentation}
    return {**entry, "bbox": [0, 0, 1, 1], **more}


@pytest.fixture
def write(tmp_path):
    def write_document(*annotations):
        images = [{"id": 1, "file_name": "a.png", "height": 6, "width": 7}]
        path = tmp_path / "truth.json"
        path.write_text(json.dumps({"images": images, "annotations": annotations}))
        return path

    return write_document


@pytest.mark.parametrize("ring", [SLIVER, OUTSIDE])
def test_annotations_without_a_pixel_are_left_out(write, ring):
    path = write(annotation(1, [SQUARE]), annotation(2, [ring]), annotation(3, [SQUARE]))
    sample = coco.open_dataset(path).read("a")
    assert_array_equal(sample.masks.areas, [4, 4])
    assert sample.names == ("annotation 1", "annotation 3")
    assert sample.notes == ("left out, as they cover no pixel of the image: 'annotation 2'",)


def test_results_without_a_pixel_stay(tmp_path):
    empty = {"size": [4, 5], "counts": [20]}
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{"image_id": 1, "score": 0.5, "segmentation": empty}]))
    assert_array_equal(coco.open_dataset(path).read("1").masks.areas, [0])


def test_all_annotations_without_a_mask_are_counted(write):
    path = write(annotation(1, [SQUARE]), *(annotation(k, []) for k in range(100, 115)))
    with pytest.raises(DataError) as caught:
        coco.open_dataset(path)
    said = str(caught.value)
    assert "15 annotations cannot be used: annotation 100, annotation 101," in said
    assert "annotation 109 and 5 more" in said
    assert "has a box but no mask" in said
    assert "--skip-bad leaves all of them out" in said


def test_one_bad_annotation_is_told_as_it_is(write):
    with pytest.raises(DataError, match=r"annotation 2: score must be .*--skip-bad leaves"):
        coco.open_dataset(write(annotation(1, [SQUARE]), annotation(2, [SQUARE], score="high")))


def test_bad_annotations_can_be_skipped(write):
    damaged = {"size": [6, 7], "counts": [1, 1]}  # 2 of 42 pixels
    bad = [annotation(2, []), annotation(3, damaged), annotation(4, [["x"]])]
    path = write(annotation(1, [SQUARE]), *bad)
    with pytest.raises(DataError):
        coco.open_dataset(path)
    with pytest.raises(DataError, match="--skip-bad leaves it out"):
        coco.open_dataset(write(annotation(1, [SQUARE]), annotation(3, damaged))).read("a")
    sample = coco.open_dataset(write(annotation(1, [SQUARE]), *bad), skip_bad=True).read("a")
    assert sample.names == ("annotation 1",)
    assert len(sample.notes) == 3
    assert all(note.startswith("left out (--skip-bad): ") for note in sample.notes)


def test_the_option_of_the_commands(write, tmp_path):
    path = write(annotation(1, [SQUARE]), annotation(2, []), annotation(3, []))
    refused = run("doctor", path)
    assert refused.exit_code == 3
    assert "2 annotations cannot be used" in refused.stderr
    assert run("convert", path, tmp_path / "x", "--to", "labels", "--skip-bad").exit_code == 0
    said = json.loads(run("score", path, path, "--skip-bad", "--json").stdout)
    assert said["predictions"][0]["dsb_ap"] == 1
    assert len(said["notes"]) == 4
