"""Random COCO truths and results, and what pycocotools with its cap lifted makes of them."""

import contextlib
import io

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

# On, beside and far from the bounds of small, medium and large.
AREAS = (1, 1023.5, 1024, 1024.25, 5000, 9216, 9217, 10**10 + 1)
# Two of them are the same in single precision.
SCORES = (0.25, 0.5, 0.5 + 1e-9, 0.75, 0.9)


def document_and_results(rng):
    """A COCO truth, several classes, crowds and all, and results that resemble it; or None."""
    n_images, n_classes = rng.integers(1, 14), rng.integers(1, 4)
    ids = rng.choice(20, n_images, replace=False).tolist()
    annotations, results = [], []
    knows_one = rng.random() < 0.2
    for image_id in ids:
        side = int(rng.choice([4, 7, 40]))
        true, pred = _masks(rng, side)
        for mask in true:
            annotations.append(_annotation(rng, image_id, mask, n_classes, len(annotations) + 1))
        for mask in pred:
            label = 1 if knows_one else int(rng.integers(1, n_classes + 1))
            results.append(
                {"image_id": image_id, "category_id": label, "score": float(rng.choice(SCORES)),
                 "segmentation": _rle(mask)}
            )  # fmt: skip
    sizes = {a["image_id"]: a["segmentation"]["size"] for a in [*annotations, *results]}
    images = [
        {"id": i, "file_name": f"{rng.integers(10)}-{i}.png", "height": size[0], "width": size[1]}
        for i in ids
        for size in [sizes.get(i, [5, 5])]
    ]
    for entries in (images, annotations, results):
        rng.shuffle(entries)
    categories = [{"id": c, "name": f"class {c}"} for c in range(1, n_classes + 1)]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def _masks(rng, side):
    """Rectangles of both sides (N, side, side); many predictions are truths, moved or not."""
    true, pred = (_rectangles(rng, side, n) for n in rng.integers(0, 6, 2) * (rng.random(2) < 0.8))
    for p in range(len(pred)):
        if len(true) and rng.random() < 0.7:
            moved = np.roll(true[rng.integers(len(true))], rng.integers(-1, 2), rng.integers(2))
            pred[p] = moved
    return true, pred


def _rectangles(rng, side, n):
    masks = np.zeros((n, side, side), bool)
    for mask in masks:
        y, x, height, width = rng.integers(0, side, 4)
        mask[y : y + height + 1, x : x + width + 1] = True
    return masks


def _annotation(rng, image_id, mask, n_classes, number):
    area = float(mask.sum() if rng.random() < 0.5 else rng.choice(AREAS))
    return {
        "id": number,
        "image_id": image_id,
        "category_id": int(rng.integers(1, n_classes + 1)),
        "segmentation": _rle(mask),
        "area": area,
        "iscrowd": int(rng.random() < 0.2),
    }


def _rle(mask):
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode()}


def pycocotools_curves(document, results):
    """Precision (classes, ranges, thresholds, recalls) and recall, NaN where undefined."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = document
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "segm")
        evaluation.params.maxDets = [10**6]
        evaluation.evaluate()
        evaluation.accumulate()
    precision, recall = evaluation.eval["precision"][..., 0], evaluation.eval["recall"][..., 0]
    precision, recall = precision.transpose(2, 3, 0, 1), recall.transpose(1, 2, 0)
    return np.where(precision < 0, np.nan, precision), np.where(recall < 0, np.nan, recall)
