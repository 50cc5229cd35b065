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
