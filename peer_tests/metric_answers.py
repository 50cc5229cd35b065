"""Answers of other packages on scores, for an interpreter that has them: QUESTION IN.npz OUT.npz.

It imports nothing from nucfuse.
"""

import contextlib
import io
import json
import logging
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))


def stardist(true, pred, thresholds):
    """Hits and sums at each threshold, (I, P), and panoptic quality at 0.5, (I,)."""
    from stardist.matching import matching

    found = [
        [matching(t, p, thresh=float(h)) for h in thresholds]
        for t, p in zip(true, pred, strict=True)
    ]
    names = ("tp", "fp", "fn", "accuracy", "precision", "recall", "f1")
    answers = {name: np.array([[getattr(m, name) for m in row] for row in found]) for name in names}
    return answers | {"pq": np.array([row[0].panoptic_quality for row in found])}


def panoptica(true, pred, strict):
    """Panoptic quality of each image, (I,): hits above 0.5 (strict), or on it, too."""
    from panoptica import InputType, NaiveThresholdMatching, Panoptica_Evaluator

    logging.disable(logging.CRITICAL)
    evaluator = Panoptica_Evaluator(
        expected_input=InputType.UNMATCHED_INSTANCE,
        instance_matcher=NaiveThresholdMatching(
            matching_threshold=0.5, strict_threshold=bool(strict)
        ),
    )
    numbers = []
    for t, p in zip(true, pred, strict=True):
        with contextlib.redirect_stdout(io.StringIO()):
            result = evaluator.evaluate(p.astype(np.uint16), t.astype(np.uint16), verbose=False)
        numbers.append((result["ungrouped"].pq, result["ungrouped"].tp))
    pq, tp = np.array(numbers, np.float64).T
    return {"pq": pq, "tp": tp}


def hover_net(true, pred):
    """AJI, AJI+, PQ with SQ and DQ, and Dice 2 of each image, as defined by HoVer-Net."""
    import hover_net_statistics

    rows = [hover_net_statistics.statistics(t, p) for t, p in zip(true, pred, strict=True)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def pycocotools(documents):
    """The ten usual numbers of each document and its results, (D, 10)."""
    from coco_documents import pycocotools_curves

    rows = []
    for document, results in json.loads(str(documents)):
        precision, recall = pycocotools_curves(document, results)
        aps = [precision[:, 0], precision[:, 0, 0], precision[:, 0, 5]]
        aps += [precision[:, a] for a in (1, 2, 3)]
        rows.append([_mean(values) for values in (*aps, *(recall[:, a] for a in range(4)))])
    return {"numbers": np.array(rows)}


def supervision(documents):
    """Mean average precision of masks at 50 to 95, 50, 75 %, and of each size, (D, 6)."""
    from supervision.metrics import MeanAveragePrecision, MetricTarget

    rows = []
    for document, results in json.loads(str(documents)):
        metric = MeanAveragePrecision(MetricTarget.MASKS, max_detection_thresholds=(1, 10, 10**6))
        for image in sorted(document["images"], key=lambda image: image["id"]):
            shape = image["height"], image["width"]
            found, truths = (
                _detections([one for one in of if one["image_id"] == image["id"]], shape)
                for of in (results, document["annotations"])
            )
            metric.update(found, truths)
        answer = metric.compute()
        sizes = answer.small_objects, answer.medium_objects, answer.large_objects
        numbers = [answer.map50_95, answer.map50, answer.map75, *(s.map50_95 for s in sizes)]
        rows.append([np.nan if number < 0 else number for number in numbers])
    return {"numbers": np.array(rows, np.float64)}


def _detections(annotations, shape):
    """Annotations or results of one image as supervision has them."""
    from pycocotools import mask
    from supervision import Detections

    if not annotations:
        return Detections.empty()
    masks = np.array([mask.decode(one["segmentation"]) for one in annotations], bool)
    assert masks.shape[1:] == shape
    boxes = np.array([mask.toBbox(one["segmentation"]) for one in annotations])
    boxes[:, 2:] += boxes[:, :2]
    about = {}
    if "iscrowd" in annotations[0]:
        about["iscrowd"] = np.array([one["iscrowd"] for one in annotations])
        about["area"] = np.array([one["area"] for one in annotations])
    return Detections(
        boxes,
        mask=masks,
        confidence=np.array([one.get("score", 1.0) for one in annotations]),
        class_id=np.array([one["category_id"] for one in annotations]),
        data=about,
    )


def _mean(values):
    defined = values[~np.isnan(values)]
    return defined.mean() if defined.size else np.nan


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    question, given, answer = sys.argv[1:]
    with np.load(given) as arrays:
        np.savez(answer, **globals()[question](**arrays))
