import json

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal
from strategies import instance_sets, label_images

from nucfuse.data.dataset import Sample
from nucfuse.data.image_facts import image_facts, touching
from nucfuse.data.statistics import exploration
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

DARK = np.zeros((6, 8, 3), np.uint8)
GREY = np.full((6, 8, 3), 200, np.uint8)


def naive_touching(masks):
    """Pixel by pixel."""
    found = []
    for i, mask in enumerate(masks):
        others = {
            (y, x)
            for j, other in enumerate(masks)
            if j != i
            for y, x in np.argwhere(other).tolist()
        }
        around = {
            (y + dy, x + dx)
            for y, x in np.argwhere(mask).tolist()
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        }
        found.append(bool(around & others))
    return found


@given(instance_sets())
def test_touching_matches_naive_with_overlaps(nuclei):
    assert touching(nuclei).tolist() == naive_touching(nuclei.to_masks())


@given(label_images(dtypes=("i4",), largest_id=9))
def test_touching_matches_naive_in_label_images(labels):
    nuclei = Instances.from_labels(np.maximum(labels, 0))
    assert touching(nuclei).tolist() == naive_touching(nuclei.to_masks())


def labels_of(*rows):
    return np.array([[int(c) for c in row.replace(".", "0")] for row in rows])


FIRST = labels_of("11..2...", "11..2...", "........", ".333.4..", ".3.3.4..", ".3334..4")
SECOND = labels_of("........", "...1....", "....2...", "........", "........", "........")
NONE = np.zeros((6, 8), int)


@pytest.fixture
def result():
    facts = [
        image_facts(Sample("a", FIRST), DARK),
        image_facts(Sample("b", SECOND), GREY),
        image_facts(Sample("c", NONE), DARK),
        image_facts(Sample("d", labels_of("111")), None),
    ]
    return exploration("folder", "labels", facts)


def test_rows_of_images_and_nuclei(result):
    rows = result.images.to_dict("records")
    assert rows[0] == {
        "image_id": "a", "height": 6, "width": 8, "modality": "fluorescence", "n_nuclei": 4,
        "touching": 2, "with_holes": 1, "in_pieces": 1,
    }  # fmt: skip
    assert [row["modality"] for row in rows] == [
        "fluorescence", "brightfield", "fluorescence", "unknown",
    ]  # fmt: skip
    assert result.nuclei["image_id"].tolist() == ["a"] * 4 + ["b"] * 2 + ["d"]
    assert result.nuclei["nucleus"].tolist() == [1, 2, 3, 4, 1, 2, 1]
    assert result.nuclei["area"].tolist() == [4, 2, 8, 4, 1, 1, 3]
    boxes = result.nuclei[["y0", "x0", "y1", "x1"]].to_numpy()
    assert boxes[[0, 2, 5]].tolist() == [[0, 0, 2, 2], [3, 1, 6, 4], [2, 4, 3, 5]]
    assert result.nuclei["touching"].tolist() == [False, False, True, True, True, True, False]
    assert_allclose(np.pi * (result.nuclei["diameter"] / 2) ** 2, result.nuclei["area"])


def test_tables_by_group(result):
    table = result.by_modality().set_index("modality")
    assert table.index[0] == "fluorescence"
    row = table.loc["fluorescence"]
    assert (row["images"], row["share"], row["nuclei"], row["touching"]) == (2, 0.5, 4, 0.5)
    assert_allclose(row["per_image_median"], 2)
    areas = np.array([4, 2, 8, 4])
    expected = np.percentile(2 * np.sqrt(areas / np.pi), [5, 50, 95])
    found = [row[f"diameter_{name}"] for name in ("p5", "median", "p95")]
    assert_allclose(found, expected)
    assert table.loc["brightfield", "touching"] == 1
    assert result.by_source()["source"].tolist()[0] == "6x8 fluorescence"
    assert set(result.by_source()["source"]) == {
        "6x8 fluorescence", "6x8 brightfield", "1x3 unknown",
    }  # fmt: skip
    for groups in (result.by_modality(), result.by_source(), result.total()):
        assert groups["images"].sum() == 4
        assert groups["nuclei"].sum() == 7
        assert_allclose(groups["share"].sum(), 1)


def test_json_has_no_nan_where_there_are_no_nuclei():
    result = exploration("folder", "labels", [image_facts(Sample("c", NONE), DARK)])
    said = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert said["total"]["diameter_median"] is None
    assert said["total"]["touching"] is None
    assert said["total"]["per_image_median"] == 0
    assert said["images_without_nuclei"] == 1


def test_the_summary_counts_flaws(result):
    said = result.to_dict()
    assert (said["with_holes"], said["in_pieces"], said["images_without_nuclei"]) == (1, 1, 1)
    assert said["total"]["nuclei"] == 7


def test_instances_and_label_images_say_the_same():
    one = image_facts(Sample("a", FIRST), DARK)
    other = image_facts(Sample("a", Instances.from_labels(FIRST)), DARK)
    assert_array_equal(one.areas, other.areas)
    assert_array_equal(one.touching, other.touching)


def test_volumes_and_other_sizes_are_refused():
    with pytest.raises(DataError, match=r"'a' has masks of shape \(2, 3, 4\); only flat images"):
        image_facts(Sample("a", np.zeros((2, 3, 4), int)), None)
    with pytest.raises(DataError, match=r"'a' is \(6, 8\) and its masks are \(1, 3\); they must"):
        image_facts(Sample("a", labels_of("111")), DARK)
