"""COCO JSON: equal to pycocotools, what is written comes back, what is wrong is named."""

import itertools
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from strategies import instance_sets, label_images, mask_stacks, shapes

from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.formats import coco
from nucfuse.data.image_ids import id_of_file
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

SQUARE = [1, 1, 3, 1, 3, 3, 1, 3]
TEXT = Instances.from_polygons([[SQUARE]], (4, 5)).to_rle("coco")[0]
RLE = {"size": [4, 5], "counts": TEXT}
ODD_IDS = [
    "NA",
    "001",
    "1e3",
    "../x",
    "größe/細胞",
    "a.png",
    "a.ome",
    "img_1.2",
    "a_mask",
    "",
    " ",
    "7",
]

ids = st.sampled_from(ODD_IDS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6
)


@pytest.fixture
def opened(tmp_path):
    """Opens a data set from the content of a file, or what JSON makes of a document."""
    numbers = itertools.count()

    def open_content(content, shape_of=None):
        path = tmp_path / f"{next(numbers)}.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return coco.open_dataset(path, shape_of)

    return open_content


def document(*segmentations, **fields):
    """A document of one image "a" with these masks; ``fields`` go into each annotation."""
    annotations = [
        {"id": k + 1, "image_id": 3, "category_id": 1, "segmentation": segmentation, **fields}
        for k, segmentation in enumerate(segmentations)
    ]
    return {
        "images": [{"id": 3, "file_name": "train/a.png", "height": 4, "width": 5}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "nucleus"}],
    }


def changed(content, *path_and_value):
    """A deep copy of a document with one value replaced, or removed if it is Ellipsis."""
    *path, last, value = path_and_value
    copy = json.loads(json.dumps(content))
    at = copy
    for step in path:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return copy


def without_sources(masks):
    """What COCO keeps: masks, scores, classes; no names of sources."""
    return Instances.from_runs(masks.shape, *masks.runs, scores=masks.scores, classes=masks.classes)


class TestRoundTrip:
    @given(data=st.data())
    @quick
    def test_instances(self, data, tmp_path):
        names = data.draw(st.lists(ids, min_size=1, max_size=4, unique=True))
        with_classes = data.draw(st.booleans())
        sets = [data.draw(instance_sets(with_classes=with_classes)) for _ in names]
        coco.write(tmp_path / "a.json", map(Sample, names, sets))
        dataset = coco.open_dataset(tmp_path / "a.json")
        assert dataset.ids == sorted(names)
        # A file with a single class reads as one without classes.
        several = with_classes and len({c for s in sets for c in s.classes.tolist()}) > 1
        for name, masks in zip(names, sets, strict=True):
            expected = without_sources(masks)
            if not several:
                expected = Instances.from_runs(masks.shape, *masks.runs, scores=masks.scores)
            sample = dataset.read(name)
            expected = expected[expected.areas > 0]  # annotations without pixels are left out
            assert (sample.image_id, sample.masks) == (name, expected)
            assert len(sample.notes) == (len(expected) < len(masks))
            assert dataset.shape(name) == masks.shape
            assert dataset.image(name) is None

    @given(labels=label_images())
    @quick
    def test_label_images(self, labels, tmp_path):
        coco.write(tmp_path / "a.json", [Sample("x", labels)])
        back = coco.open_dataset(tmp_path / "a.json").read("x").masks
        assert back == Instances.from_labels(labels)

    def test_what_is_written(self, tmp_path):
        masks = Instances.from_polygons([[SQUARE], [SQUARE]], (4, 5), scores=[0.9, np.nan])
        coco.write(tmp_path / "a.json", [Sample("../x", masks), Sample("y", np.zeros((2, 3), int))])
        written = json.loads((tmp_path / "a.json").read_bytes())
        assert written["images"] == [
            {"id": 1, "file_name": "%2E.%2Fx.png", "height": 4, "width": 5},
            {"id": 2, "file_name": "y.png", "height": 2, "width": 3},
        ]
        assert written["categories"] == [{"id": 1, "name": "nucleus"}]
        common = {"image_id": 1, "category_id": 1, "segmentation": RLE, "bbox": [1, 1, 2, 2]}
        assert written["annotations"] == [
            {"id": 1, **common, "area": 4, "iscrowd": 0, "score": 0.9},
            {"id": 2, **common, "area": 4, "iscrowd": 0},
        ]

    def test_categories_are_classes(self, tmp_path):
        masks = Instances.from_polygons([[SQUARE]] * 3, (4, 5), classes=[2, 0, 2])
        coco.write(tmp_path / "a.json", [Sample("x", masks)])
        categories = json.loads((tmp_path / "a.json").read_bytes())["categories"]
        assert categories == [{"id": 0, "name": "class 0"}, {"id": 2, "name": "class 2"}]

    def test_no_nuclei_at_all(self, tmp_path):
        coco.write(tmp_path / "a.json", [Sample("x", np.zeros((2, 3), int))])
        assert len(coco.open_dataset(tmp_path / "a.json").read("x").masks) == 0


class TestAgainstPycocotools:
    @given(stack=mask_stacks(max_size=4))
    @quick
    def test_reads_what_we_write(self, stack, tmp_path):
        masks = Instances.from_masks(stack)
        coco.write(tmp_path / "a.json", [Sample("x", masks)])
        peer = COCO(str(tmp_path / "a.json"))
        annotations = peer.loadAnns(peer.getAnnIds(imgIds=[1]))
        found = np.array([peer.annToMask(a) for a in annotations], bool).reshape(stack.shape)
        assert_array_equal(found, stack)
        for annotation, mask in zip(annotations, stack, strict=True):
            rle = peer.annToRLE(annotation)
            assert annotation["area"] == coco_mask.area(rle) == mask.sum()
            assert annotation["bbox"] == coco_mask.toBbox(rle).tolist()

    @given(data=st.data())
    @quick
    def test_we_read_the_same_from_every_kind_of_mask(self, data, opened, tmp_path):
        stack = data.draw(mask_stacks(min_size=1, max_size=5))
        height, width = stack.shape[1:]
        segmentations = []
        for mask in Instances.from_masks(stack):
            kind = data.draw(st.sampled_from(["text", "counts", "polygons", "any polygon"]))
            [rings] = mask.to_polygons()
            if kind == "any polygon" or (kind == "polygons" and not rings):
                points = st.lists(st.floats(-9, 99), min_size=6, max_size=6)
                rings = data.draw(st.lists(points, min_size=1, max_size=2))
            segmentations.append(
                {
                    "text": {"size": [height, width], "counts": mask.to_rle("coco")[0]},
                    "counts": {"size": [height, width], "counts": mask.to_counts()[0]},
                }.get(kind, rings)
            )
        content = document(*segmentations)
        content["images"][0] |= {"height": height, "width": width}
        sample = opened(content).read("a")
        (tmp_path / "peer.json").write_text(json.dumps(content))
        peer = COCO(str(tmp_path / "peer.json"))
        expected = [peer.annToMask(a) for a in peer.loadAnns(range(1, len(stack) + 1))]
        drawn = np.flatnonzero([mask.any() for mask in expected])
        assert_array_equal(sample.masks.to_masks(), np.array(expected, bool)[drawn])
        assert sample.names == tuple(f"annotation {k + 1}" for k in drawn)


class TestDocument:
    def test_is_a_dataset(self, opened):
        dataset = opened(document(RLE))
        assert isinstance(dataset, Dataset)
        assert (dataset.format, dataset.numbered) == ("coco", False)
        assert dataset.read("a").masks.to_rle("coco") == [TEXT]

    @pytest.mark.parametrize(
        ("file_name", "image_id"),
        [
            ("a.png", "a"),
            ("x/y/a.TIFF", "a"),
            ("C:\\x\\a.jpg", "a"),
            ("a.ome.tif", "a"),
            ("a_masks.png", "a"),
            ("img_1.2", "img_1.2"),
            ("a", "a"),
            (".png", ".png"),
            ("001.png", "001"),
            ("1e3.png", "1e3"),
        ],
    )
    def test_ids_are_file_names(self, opened, file_name, image_id):
        assert id_of_file(file_name) == image_id
        dataset = opened(changed(document(RLE), "images", 0, "file_name", file_name))
        assert (dataset.ids, dataset.aliases) == ([image_id], {"3": image_id})

    @pytest.mark.parametrize("file_name", [..., "", None, 5])
    def test_without_file_name_the_id_counts(self, opened, file_name):
        dataset = opened(changed(document(RLE), "images", 0, "file_name", file_name))
        assert (dataset.ids, dataset.aliases) == (["3"], {})

    def test_repeated_file_names_fall_back_to_ids(self, opened):
        content = document(RLE)
        content["images"] += [
            {"id": "b", "file_name": "val/a.png", "height": 4, "width": 5},
            {"id": 5, "file_name": "c.png", "height": 4, "width": 5},
        ]
        dataset = opened(content)
        assert (dataset.ids, dataset.aliases) == (["3", "5", "b"], {})
        assert len(dataset.read("3").masks) == 1
        assert "file name 'a'" in dataset.read("b").notes[0]
        assert dataset.read("5").notes == ()

    def test_images_without_annotations_have_no_nuclei(self, opened):
        sample = opened(document()).read("a")
        assert (len(sample.masks), sample.masks.shape) == (0, (4, 5))

    def test_text_and_number_ids(self, opened):
        content = changed(document(RLE), "images", 0, "id", "x7")
        content = changed(content, "annotations", 0, "image_id", "x7")
        assert opened(content).aliases == {"x7": "a"}

    def test_size_from_rle_or_elsewhere(self, opened):
        content = changed(document(RLE), "images", 0, {"id": 3, "file_name": "a.png"})
        assert opened(content).shape("a") == (4, 5)
        content["annotations"][0]["segmentation"] = [SQUARE]
        assert opened(content).shape("a") is None
        dataset = opened(content, {"a": (6, 7)}.get)
        assert dataset.read("a").masks.shape == (6, 7)

    def test_crowds_are_left_out(self, opened):
        content = document(RLE, RLE)
        content["annotations"][0]["iscrowd"] = 1
        sample = opened(content).read("a")
        assert sample.names == ("annotation 2",)
        assert sample.notes == (
            "annotation 1 is left out: it is a crowd region (iscrowd 1), not one nucleus. coco_ap "
            "does not count what is found in it; for all other scores that is spurious",
        )
        assert len(sample.masks) == 1
        assert sample.annotations.is_crowd.tolist() == [True, False]
        assert len(sample.annotations.regions) == 2

    def test_a_crowd_is_no_category_of_nuclei(self, opened):
        content = document(RLE, RLE, category_id=1)
        content["annotations"][0] |= {"iscrowd": 1, "category_id": 2}
        sample = opened(content).read("a")
        assert sample.masks.classes is None and not sample.annotations.has_several
        assert sample.annotations.categories.tolist() == [2, 1]

    def test_what_masks_do_not_hold_is_kept_beside_them(self, opened):
        content = document(RLE, RLE, score=0.5)
        content["annotations"][0] |= {"area": 7.5, "score": 0.5 + 1e-9}
        about = opened(content).read("a").annotations
        assert about.areas.tolist() == [7.5, about.regions.areas[1]]
        assert about.scores.tolist() == [0.5 + 1e-9, 0.5]
        assert about.categories.tolist() == [1, 1] and not about.has_several
        del content["annotations"][0]["category_id"]
        assert opened(content).read("a").annotations.categories is None

    @pytest.mark.parametrize(("ids", "places"), [([10, 9, 100], [1, 0, 2]),
                                                 (["10", "9", "100"], [0, 2, 1])])  # fmt: skip
    def test_images_have_the_order_of_their_ids(self, opened, ids, places):
        images = [{"id": i, "file_name": f"{9 - k}.png", "height": 4, "width": 5}
                  for k, i in enumerate(ids)]  # fmt: skip
        dataset = opened({"images": images, "annotations": [], "categories": []})
        assert [dataset.read(f"{9 - k}").annotations.place for k in range(3)] == places

    def test_scores(self, opened):
        sample = opened(document(RLE, RLE, score=0.25)).read("a")
        assert sample.masks.scores.tolist() == [0.25, 0.25]
        assert sample.masks.has_scores
        sample = opened(changed(document(RLE, RLE, score=1), "annotations", 0, "score", ...)).read(
            "a"
        )
        assert np.isnan(sample.masks.scores).tolist() == [True, False]

    def test_classes_only_where_there_are_several(self, opened):
        content = document(RLE, RLE)
        assert opened(content).read("a").masks.classes is None
        content["annotations"][1]["category_id"] = 4
        assert opened(content).read("a").masks.classes.tolist() == [1, 4]
        content = document(RLE)
        content["categories"].append({"id": 2, "name": "mitosis"})
        assert opened(content).read("a").masks.classes.tolist() == [1]

    def test_annotations_need_no_id(self, opened):
        sample = opened(changed(document(RLE), "annotations", 0, "id", ...)).read("a")
        assert sample.names == ("annotation at index 0",)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-le"])
    def test_encodings(self, opened, encoding):
        content = changed(document(RLE), "images", 0, "file_name", "é.png")
        assert opened(json.dumps(content, ensure_ascii=False).encode(encoding)).ids == ["é"]

    def test_matches_by_name(self, tmp_path):
        (tmp_path / "x.JSON").touch()
        assert coco.matches(tmp_path / "x.JSON")
        assert not coco.matches(tmp_path / "missing.json")
        assert not coco.matches(tmp_path)


RESULTS = [
    {"image_id": 3, "category_id": 1, "segmentation": RLE, "score": 0.5},
    {"image_id": 12, "category_id": 1, "segmentation": RLE, "score": 0.25},
    {"image_id": 3, "category_id": 1, "segmentation": [SQUARE], "score": 0.75},
]


class TestResultList:
    def test_ids_scores_and_order(self, opened):
        dataset = opened(RESULTS)
        assert dataset.ids == ["12", "3"]
        assert (dataset.aliases, dataset.numbered) == ({}, True)
        assert dataset.shape("3") == (4, 5)
        sample = dataset.read("3")
        assert sample.masks.scores.tolist() == [0.5, 0.75]
        assert sample.masks.to_rle("coco") == [TEXT, TEXT]
        assert sample.names == ("result at index 0", "result at index 2")
        assert sample.masks.classes is None

    def test_truth_says_which_image(self, opened):
        aliases = opened(document(RLE)).aliases
        assert [aliases.get(name, name) for name in opened(RESULTS).ids] == ["12", "a"]

    def test_polygons_take_the_size_from_elsewhere(self, opened):
        results = [{"image_id": "x", "segmentation": [SQUARE]}]
        assert opened(results, lambda _: (9, 9)).read("x").masks.shape == (9, 9)
        with pytest.raises(DataError, match=r"'x'.*no size .*give the truth"):
            opened(results).read("x")

    def test_same_ids_in_results_are_no_matter(self, opened):
        results = [{"id": 0, "image_id": 3, "segmentation": RLE}] * 2
        assert len(opened(results).read("3").masks) == 2

    @pytest.mark.parametrize(
        ("results", "words"),
        [
            ([], "empty list"),
            ([5], "result at index 0 must be an object, got int 5"),
            ([{"segmentation": RLE}], "result at index 0: image_id must be"),
            ([{"image_id": 1}], "result at index 0 has no mask"),
            (
                [RESULTS[0], {"image_id": 3, "segmentation": {"size": [5, 4], "counts": TEXT}}],
                "result at index 1: its RLE is for 5 x 4 pixels, but the image has 4 x 5; height "
                "and width may be swapped",
            ),
        ],
    )
    def test_errors(self, opened, results, words):
        with pytest.raises(DataError, match=words):
            opened(results)


class TestErrors:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "no valid JSON"),
            (b'{"images": [', "no valid JSON, perhaps cut off"),
            (b"\xff\xfe\xfa", "no valid JSON"),
            (b'{"a": ' + b"1" * 10_000 + b"}", "no valid JSON"),
            (b"[" * 100_000, "nested too deeply"),
            (b'{"a":' * 100_000, "nested too deeply"),
            (b"null", "must hold a COCO document"),
            (b'"images"', "must hold a COCO document"),
            (b"{}", "needs a list 'images'"),
            (b'{"images": [], "annotations": {}}', "needs a list 'annotations'"),
            (b'{"images": [], "annotations": []}', "lists no images"),
            (b'{"images": [1], "annotations": []}', r"images\[0\] must be an object"),
        ],
    )
    def test_file(self, opened, content, words):
        with pytest.raises(DataError, match=words):
            opened(content)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (("id", ...), "id must be a whole number or a text, got NoneType"),
            (("id", 1.0), "id must be a whole number or a text, got float 1.0"),
            (("id", True), "got bool True"),
            (("id", [3]), "got list"),
            (("height", 0), "from 1"),
            (("height", "4"), "height, width must be two whole numbers"),
            (("height", 4.5), "height, width must be two whole numbers"),
            (("height", True), "height, width must be two whole numbers"),
            (("width", ...), "height, width must be two whole numbers"),
            (("height", 10**9), "its RLE is for 4 x 5 pixels"),
            (("height", 10**30), "beyond any image"),
            (("width", 6), "its RLE is for 4 x 5 pixels, but the image has 4 x 6"),
        ],
    )
    def test_image(self, opened, change, words):
        with pytest.raises(DataError, match=words):
            opened(changed(document(RLE), "images", 0, *change))

    def test_image_id_twice(self, opened):
        content = document()
        content["images"].append({"id": "3", "height": 1, "width": 1})
        with pytest.raises(DataError, match=r"images\[1\]: the image id '3' comes twice"):
            opened(content)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ((..., 5), "annotation at index 1 must be an object, got int 5"),
            (("id", 1), "annotation at index 1: annotation id '1' comes twice"),
            (("id", "1"), "annotation at index 1: annotation id '1' comes twice"),
            (("id", None), "annotation at index 1: id must be"),
            (("image_id", 4), "annotation 2: image_id '4' is not among the images"),
            (("image_id", ...), "annotation 2: image_id must be"),
            (("image_id", 3.0), "annotation 2: image_id must be .* got float 3.0"),
            (("segmentation", ...), "annotation 2 has no mask"),
            (("segmentation", None), "annotation 2 has no mask"),
            (("segmentation", []), "annotation 2 has no mask"),
            (("segmentation", 7), "annotation 2: segmentation must be RLE or polygons, got int 7"),
            (("segmentation", TEXT), "segmentation must be RLE or polygons, got str"),
            (("segmentation", SQUARE), r"polygons must be lists in a list \[\[x0"),
            (("segmentation", {"size": [4, 5]}), "'counts' must be .* got NoneType"),
            (("segmentation", {"size": [4, 5], "counts": 5}), "'counts' must be"),
            (("segmentation", {"size": [4, 5], "counts": [1.0, 19]}), "'counts' must be"),
            (("segmentation", {"size": [4, 5], "counts": [True, 19]}), "'counts' must be"),
            (("segmentation", {"counts": TEXT}), "'size' of the RLE must be two"),
            (("segmentation", {"size": 20, "counts": TEXT}), "'size' of the RLE must be two"),
            (("segmentation", {"size": [4, 5, 1], "counts": TEXT}), "must be two whole numbers"),
            (("segmentation", {"size": [4.0, 5], "counts": TEXT}), "must be two whole numbers"),
            (("segmentation", {"size": [0, 5], "counts": TEXT}), "from 1"),
            (("segmentation", {"size": [10**9, 10**9], "counts": TEXT}), "beyond any image"),
            (("segmentation", {"size": [5, 4], "counts": TEXT}), "may be swapped"),
            (("score", "0.5"), "annotation 2: score must be a finite number, got str '0.5'"),
            (("score", float("nan")), "annotation 2: score must be a finite number, got float nan"),
            (("score", float("inf")), "score must be a finite number"),
            (("score", -float("inf")), "score must be a finite number"),
            (("score", 1e300), "score must be a finite number"),
            (("score", 10**400), "score must be a finite number"),
            (("score", True), "score must be a finite number"),
            (("category_id", "1"), "annotation 2: category_id must be a whole number"),
            (("category_id", 2**31), "category_id must be a whole number"),
            (("iscrowd", 2), "annotation 2: iscrowd must be 0 or 1"),
            (("area", "large"), "annotation 2: area must be a finite number of pixels"),
            (("area", float("nan")), "annotation 2: area must be a finite number of pixels"),
            (("iscrowd", "no"), "annotation 2: iscrowd must be 0 or 1"),
        ],
    )
    def test_annotation(self, opened, change, words):
        content = document(RLE, RLE)
        if change[0] is ...:
            content["annotations"][1] = change[1]
        else:
            content = changed(content, "annotations", 1, *change)
        with pytest.raises(DataError, match=words):
            opened(content)

    def test_only_a_box(self, opened):
        content = changed(document(RLE, bbox=[1, 1, 2, 2]), "annotations", 0, "segmentation", ...)
        with pytest.raises(DataError, match="annotation 1 has a box but no mask"):
            opened(content)

    def test_category_missing_among_several(self, opened):
        content = document(RLE, RLE, RLE)
        content["annotations"][0]["category_id"] = 2
        del content["annotations"][2]["category_id"]
        with pytest.raises(DataError, match="annotation 3: needs a category_id"):
            opened(content)

    @pytest.mark.parametrize(
        ("segmentation", "words"),
        [
            ({"size": [4, 5], "counts": ""}, "counts do not add up"),
            ({"size": [4, 5], "counts": "é"}, "not a number"),
            ({"size": [4, 5], "counts": TEXT[:-1]}, "counts do not add up|not a number"),
            ({"size": [4, 5], "counts": TEXT + "1"}, "past the end|no pixels"),
            (
                {"size": [4, 5], "counts": [5, 5]},
                "counts add up to 10, but the image has 4 x 5 = 20",
            ),
            ({"size": [4, 5], "counts": [10**30, 5]}, r"count 1 \(10{30}\) is not in 1..20"),
            ({"size": [4, 5], "counts": [-1, 21]}, r"count 1 \(-1\) is not in"),
            ({"size": [4, 5], "counts": []}, "counts add up to 0"),
            ([[]], "at least 3 corners"),
            ([SQUARE, [1, 1, 2, 2]], "at least 3 corners"),
            ([[*SQUARE, 1]], "at least 3 corners"),
            ([[*SQUARE, 1, float("nan")]], "finite corners"),
            ([[*SQUARE, 1, float("inf")]], "finite corners"),
            ([[*SQUARE, 1, 10**400]], "too large"),
            ([[*SQUARE, 1, "2"]], "must hold numbers, got '2'"),
            ([[*SQUARE, 1, [2]]], "must hold numbers"),
            ([[*SQUARE, 1, True]], "must hold numbers, got True"),
        ],
    )
    def test_mask(self, opened, segmentation, words):
        dataset = opened(document(RLE, segmentation, [SQUARE]))
        with pytest.raises(DataError, match=rf"\.json, annotation 2 \(image 'a'\): .*({words})"):
            dataset.read("a")

    def test_counts_that_wrap_around_64_bits(self, opened):
        segmentation = {"size": [2**24, 2**24], "counts": [2**48, 1] * 2**16 + [2**48 - 2**16]}
        content = document(segmentation)
        content["images"][0] |= {"height": 2**24, "width": 2**24}
        with pytest.raises(DataError, match="counts add up to"):
            opened(content).read("a")

    def test_unknown_id(self, opened):
        dataset = opened(document(RLE))
        for ask in (dataset.read, dataset.shape):
            with pytest.raises(DataError, match="has no image 'b'"):
                ask("b")

    def test_unreadable(self, tmp_path):
        with pytest.raises(DataError, match=r"cannot read .*No such file"):
            coco.open_dataset(tmp_path / "missing.json")
        with pytest.raises(DataError, match="cannot read"):
            coco.open_dataset(tmp_path)

    @pytest.mark.parametrize(
        ("samples", "words"),
        [
            ([Sample("a", np.ones((1, 1), int))] * 2, "'a' comes twice"),
            ([Sample("a", np.ones((1, 1, 1), int))], "volume of shape"),
            ([Sample("a\ud800", np.ones((1, 1), int))], "cannot be a file name"),
        ],
    )
    def test_write(self, tmp_path, samples, words):
        with pytest.raises(DataError, match=words):
            coco.write(tmp_path / "a.json", samples)
        assert list(tmp_path.iterdir()) == []


# Values that no field expects, and some that some do.
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.sampled_from([10**30, -(10**400), 2**31, 2**63, 1e308])
    | st.floats()
    | st.text(max_size=5)
    | st.just(RLE)
    | st.just([SQUARE]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


def places(value):
    """Paths to every value in a document."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (key,)
            yield from ((key, *rest) for rest in places(value[key]))


class TestFuzz:
    @given(content=st.binary(max_size=100))
    @quick
    def test_any_bytes(self, content, opened):
        check_error_or_result(opened, content)

    @given(content=junk)
    @quick
    def test_any_json(self, content, opened):
        check_error_or_result(opened, content)

    @given(data=st.data())
    @quick
    def test_mutated_documents(self, data, opened):
        counts = {"size": [4, 5], "counts": [5, 2, 2, 2, 9]}
        content = document(RLE, counts, [SQUARE, SQUARE], score=0.5)
        if data.draw(st.booleans()):
            content = content["annotations"]
        for _ in range(data.draw(st.integers(1, 3))):
            path = data.draw(st.sampled_from(sorted(places(content), key=repr)))
            content = changed(content, *path, data.draw(junk | st.just(...)))
            if not isinstance(content, dict | list) or not content:
                break
        check_error_or_result(opened, content)

    @given(data=st.data())
    @quick
    def test_mutated_bytes(self, data, opened):
        content = bytearray(json.dumps(document(RLE, [SQUARE])).encode())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content)))
            n_cut = data.draw(st.integers(0, 2))
            content[at : at + n_cut] = data.draw(
                st.sampled_from([b",", b'"', b"[", b"]", b"}", b"9", b"-", b"e9", b"NaN", b"null"])
                | st.binary(max_size=2)
            )
        check_error_or_result(opened, bytes(content))

    @given(text=st.text(max_size=12), shape=shapes(5))
    @quick
    def test_any_rle_text(self, text, shape, opened):
        content = document({"size": list(shape), "counts": text})
        content["images"][0] |= {"height": shape[0], "width": shape[1]}
        check_error_or_result(opened, content)

    @pytest.mark.parametrize("depth", [10, 300, 900, 990, 1000])
    def test_deep_nesting_anywhere(self, opened, depth):
        nested = "[" * depth + "]" * depth
        for field in ("id", "image_id", "segmentation", "score", "category_id", "iscrowd", "bbox"):
            content = json.dumps(document(RLE)["annotations"][0] | {field: "HERE"})
            check_error_or_result(opened, f"[{content}]".replace('"HERE"', nested).encode())
        counts = json.dumps(document({"size": [4, 5], "counts": "HERE"}, [["THERE"] * 6]))
        for word in ('"HERE"', '"THERE"'):
            check_error_or_result(opened, counts.replace(word, nested).encode())

    @pytest.mark.parametrize(
        "segmentation",
        [
            {"size": [10**9, 10**5], "counts": [10**14]},
            {"size": [10**9, 10**9], "counts": [10**18]},
            {"size": [4, 5], "counts": [10**30]},
            {"size": [10**9, 10**5], "counts": "0" * 1000},
            [[0, 0, 10**4, 0, 10**4, 10**9, 0, 10**9]],
            [[0, 0, 1e9, 1e9, 0, 1e9]] * 1000,
        ],
    )
    def test_memory_is_that_of_the_file(self, opened, segmentation):
        content = document(segmentation)
        content["images"][0] |= {"height": 10**9, "width": 10**5}
        if isinstance(segmentation, list):
            content["images"][0] |= {"height": 2, "width": 2**31 - 1}
        tracemalloc.start()
        check_error_or_result(opened, content)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10_000_000


def check_error_or_result(opened, content):
    """A DataError, or samples that are what they should be."""
    try:
        dataset = opened(content, lambda _: (4, 5))
    except DataError:
        return
    assert dataset.ids == sorted(set(dataset.ids))
    assert set(dataset.aliases.values()) <= set(dataset.ids)
    for image_id in dataset.ids:
        try:
            sample = dataset.read(image_id)
        except DataError:
            continue
        masks = sample.masks
        again = Instances.from_runs(
            dataset.shape(image_id), *masks.runs, scores=masks.scores, classes=masks.classes
        )
        assert masks == again
        assert len(sample.names) == len(masks)
