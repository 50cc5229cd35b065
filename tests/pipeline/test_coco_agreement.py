"""`coco_ap` of COCO files is that of pycocotools with its cap lifted, down to ties and crowds."""

import copy
import json

import numpy as np
import pytest
from coco_documents import document_and_results, pycocotools_curves

from nucfuse.metrics.coco import AREA_RANGES
from nucfuse.metrics.request import ScoreRequest
from nucfuse.pipeline.scoring import ScoreOptions, score_sets

OPTIONS = ScoreOptions(
    ScoreRequest(extra=("coco_ap",), allow_overlap=True),
    missing="zero",  # a list of results cannot say that an image has none
)


def scored(folder, document, results):
    truth, pred = folder / "truth.json", folder / "pred.json"
    truth.write_text(json.dumps(document))
    pred.write_text(json.dumps(results))
    return score_sets(truth, [pred], OPTIONS).scores[0]


def check_documents(folder, seed, n):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        document, results = document_and_results(rng)
        if not results:
            continue  # neither takes an empty list
        scores = scored(folder, document, results)
        precision, recall = pycocotools_curves(copy.deepcopy(document), copy.deepcopy(results))
        ours = scores.ranked
        labels = [category["id"] for category in document["categories"]]
        # Where there is one class only, ours has no name.
        kept = np.isin(labels, ours.classes) if len(labels) > 1 else [ours.classes.size > 0]
        assert np.isnan(recall[np.logical_not(kept)]).all()
        np.testing.assert_allclose(ours.precision, precision[kept], rtol=0, atol=1e-12)
        np.testing.assert_allclose(ours.recall, recall[kept], rtol=0, atol=1e-12)
        for a, area in enumerate(AREA_RANGES):
            expected = mean_of_defined(precision[:, a])
            assert ours.ap(area=area) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def mean_of_defined(values):
    return values[~np.isnan(values)].mean() if (~np.isnan(values)).any() else np.nan


def test_some_documents(tmp_path):
    check_documents(tmp_path, 0, 60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_thousands_of_documents(tmp_path, seed):
    check_documents(tmp_path, seed, 1000)


def square(y, x, side):
    return [[x, y, x + side, y, x + side, y + side, x, y + side]]


def truth_of(*annotations):
    return {
        "images": [{"id": i, "file_name": f"{i}.png", "height": 60, "width": 80} for i in (1, 2)],
        "annotations": [
            {"id": k, "iscrowd": 0, "category_id": 1, **one} for k, one in enumerate(annotations)
        ],
        "categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}],
    }


def test_results_of_one_category_against_a_truth_of_two(tmp_path):
    truth = truth_of(*({"image_id": i, "category_id": i, "segmentation": square(5, 5, 9)}
                       for i in (1, 2)))  # fmt: skip
    results = [
        {"image_id": i, "category_id": 1, "segmentation": square(5, 5, 9), "score": 1 - 0.1 * i}
        for i in (1, 2)
    ]
    assert scored(tmp_path, truth, results).coco_ap == pytest.approx(0.5)


def test_another_number_of_the_only_category_says_nothing(tmp_path):
    truth = truth_of({"image_id": 1, "segmentation": square(5, 5, 9)})
    truth["categories"] = truth["categories"][:1]
    results = [{"image_id": 1, "category_id": 7, "segmentation": square(5, 5, 9), "score": 1}]
    assert scored(tmp_path, truth, results).coco_ap == pytest.approx(1)


@pytest.mark.parametrize(("x", "right"), [(30, 1.0), (60, 0.5), (44, 0.7)])
def test_a_detection_in_a_crowd(tmp_path, x, right):
    """Two thirds of it inside (44): ignored at four thresholds, false at six."""
    truth = truth_of(
        {"image_id": 1, "segmentation": square(2, 2, 10)},
        {"image_id": 1, "segmentation": square(20, 20, 30), "iscrowd": 1},
    )
    results = [
        {"image_id": 1, "category_id": 1, "segmentation": square(2, 2, 10), "score": 0.5},
        {"image_id": 1, "category_id": 1, "segmentation": square(30, x, 9), "score": 0.9},
    ]
    scores = scored(tmp_path, truth, results)
    assert scores.coco_ap == pytest.approx(right)
    assert scores.precision_50 == 0.5  # the crowd is no nucleus to all others
