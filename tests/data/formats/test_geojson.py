"""GeoJSON as QuPath reads it: outlines that fill to the masks, files that are safe by name."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask
from strategies import instance_sets

from nucfuse.data.dataset import Sample
from nucfuse.data.formats import geojson
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def features(folder, name):
    """The features of one written file."""
    collection = json.loads((folder / f"{name}.geojson").read_bytes())
    assert collection["type"] == "FeatureCollection"
    return collection["features"]


def polygons(geometry):
    """The polygons of a geometry, each its outer ring and its holes."""
    if geometry["type"] == "Polygon":
        return [geometry["coordinates"]]
    assert geometry["type"] == "MultiPolygon"
    assert len(geometry["coordinates"]) > 1
    return geometry["coordinates"]


def filled(geometry, shape):
    """Even-odd filling of all rings by pycocotools."""
    mask = np.zeros(shape, bool)
    for polygon in polygons(geometry):
        for ring in polygon:
            flat = [float(value) for corner in ring for value in corner]
            [rle] = coco_mask.frPyObjects([flat], *shape)
            mask ^= coco_mask.decode(rle).astype(bool)
    return mask


def mask_of(text):
    """A mask from a drawing, rows parted by blanks, "#" inside."""
    return np.array([[char == "#" for char in row] for row in text.split()])


@given(masks=instance_sets())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_outlines_fill_to_the_masks(masks, tmp_path):
    geojson.write(tmp_path / "out", [Sample("a", masks)])
    found = features(tmp_path / "out", "a")
    kept = [(i, mask) for i, mask in enumerate(masks.to_masks()) if mask.any()]
    assert len(found) == len(kept)
    for feature, (i, mask) in zip(found, kept, strict=True):
        assert feature["type"] == "Feature"
        assert feature["properties"]["name"] == str(i + 1)
        assert_array_equal(filled(feature["geometry"], masks.shape), mask)
        for polygon in polygons(feature["geometry"]):
            assert all(ring[0] == ring[-1] and len(ring) > 4 for ring in polygon)


def test_hole_pieces_and_properties(tmp_path):
    stack = np.array([mask_of("###. #.#. ###. ...."), mask_of("#... .... ...# ...#")])
    masks = Instances.from_masks(stack, scores=[0.9, np.nan], classes=[2, 0])
    geojson.write(tmp_path / "out", [Sample("a", masks)])
    ring, pieces = features(tmp_path / "out", "a")
    assert ring["geometry"] == {
        "type": "Polygon",
        "coordinates": [
            [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]],
            [[1, 2], [2, 2], [2, 1], [1, 1], [1, 2]],
        ],
    }
    assert ring["properties"] == {
        "objectType": "detection",
        "name": "1",
        "classification": {"name": "class 2"},
        "measurements": {"score": 0.9},
    }
    assert pieces["geometry"] == {
        "type": "MultiPolygon",
        "coordinates": [
            [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]],
            [[[3, 2], [4, 2], [4, 4], [3, 4], [3, 2]]],
        ],
    }
    assert "measurements" not in pieces["properties"]


def test_label_images_annotations_and_no_nuclei(tmp_path):
    samples = [Sample("a", np.array([[0, 7]])), Sample("../x", np.zeros((2, 2), int))]
    geojson.write(tmp_path, samples, object_type="annotation")
    assert {path.name for path in tmp_path.iterdir()} == {"a.geojson", "%2E.%2Fx.geojson"}
    [feature] = features(tmp_path, "a")
    assert feature["properties"]["objectType"] == "annotation"
    assert feature["properties"]["classification"] == {"name": "nucleus"}
    assert features(tmp_path, "%2E.%2Fx") == []


def test_other_object_type(tmp_path):
    with pytest.raises(ValueError, match="must be 'annotation' or 'detection', got 'cell'"):
        geojson.write(tmp_path / "out", [], object_type="cell")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Sample("a", np.ones((1, 1), int)), "'a' comes twice"),
        (Sample("b", np.ones((1, 1, 1), int)), "volume of shape"),
        (Sample("b", np.array([[-1]])), "image 'b': labels holds the negative id"),
    ],
)
def test_nothing_is_half_written(tmp_path, bad, words):
    with pytest.raises(DataError, match=words):
        geojson.write(tmp_path / "out", [Sample("a", np.ones((1, 1), int)), bad])
    assert list(tmp_path.iterdir()) == []
