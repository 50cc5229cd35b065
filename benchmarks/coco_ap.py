"""Ranked average precision of all images from RLE, against four evaluations."""

import contextlib
import copy
import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import faster_coco_eval
import hotcoco
import numpy as np
import peers
import ultrafast_pycocotools
from measure import Row, check, faster
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scenes import Labels, Scene

import nucfuse as nf
from nucfuse.metrics.coco import accumulate, match_image

NO_CAP = [1, 10, 100_000]
Documents = tuple[dict[str, Any], list[dict[str, Any]]]


def rows(scene: Scene) -> Iterator[Row]:
    """A row per package; all start from COCO strings in memory and end with AP by area range."""
    texts = [
        [nf.encode_labels(x, dialect="coco") for x in side] for side in (scene.true, scene.pred)
    ]
    shapes = [labels.shape for labels in scene.true]
    # Multiples of 2**-18 are the same in float32 and float64, and no two are equal.
    drawn = np.random.default_rng(0).permutation(2**18)[: sum(map(len, texts[1]))] / 2**18
    scores = np.split(drawn, np.cumsum([len(of_image) for of_image in texts[1]])[:-1])
    document = truth_document(texts[0], scene.true), results(texts[1], shapes, scores)

    job = partial(nucfuse_ap, texts, shapes, scores)
    expected = job()
    work, note = f"ranked COCO AP, {scene.name} from RLE", f"{len(drawn)} predictions"
    for name, evaluate in EVALUATIONS.items():
        # They write into what they are given; copies are made outside of the timed call.
        copies = [copy.deepcopy(document) for _ in range(6)]
        found = evaluate(copies.pop())
        check(np.allclose(found, expected, rtol=0, atol=1e-9), f"{name} {found}, here {expected}")
        yield faster(
            work,
            f"{name} {peers.version(name)}",
            lambda evaluate=evaluate, copies=copies: evaluate(copies.pop()),
            job,
            10 if name == "pycocotools" else 1,
            note,
        )
        work, note = "the same", ""


def truth_document(texts: list[list[str]], labels: list[Labels]) -> dict[str, Any]:
    """COCO document of one class, with the areas that COCO asks for."""
    annotations = []
    for image, (of_image, image_labels) in enumerate(zip(texts, labels, strict=True), start=1):
        areas = np.bincount(image_labels.ravel())[1:].tolist()
        for rle, area in zip(peers.as_rles(of_image, image_labels.shape), areas, strict=True):
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "iscrowd": 0,
                 "area": area, "bbox": [0, 0, 1, 1], "segmentation": as_text(rle)}
            )  # fmt: skip
    images = [
        {"id": image, "height": x.shape[0], "width": x.shape[1]}
        for image, x in enumerate(labels, start=1)
    ]
    categories = [{"id": 1, "name": "nucleus"}]
    return {"info": {}, "images": images, "annotations": annotations, "categories": categories}


def results(texts: list[list[str]], shapes: list[Any], scores: list[Any]) -> list[dict[str, Any]]:
    """COCO result list."""
    return [
        {"image_id": image, "category_id": 1, "score": score, "segmentation": as_text(rle)}
        for image, (of_image, shape, of_scores) in enumerate(
            zip(texts, shapes, scores, strict=True), start=1
        )
        for rle, score in zip(peers.as_rles(of_image, shape), of_scores.tolist(), strict=True)
    ]


def as_text(rle: dict[str, Any]) -> dict[str, Any]:
    """As it stands in a JSON file."""
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def nucfuse_ap(texts: list[list[list[str]]], shapes: list[Any], scores: list[Any]) -> list[float]:
    """AP over all thresholds: of all nuclei, and of small, medium and large ones."""
    images = []
    for true, pred, shape, of_image in zip(*texts, shapes, scores, strict=True):
        pairs = nf.overlaps(
            nf.Instances.from_rle(true, shape, dialect="coco"),
            nf.Instances.from_rle(pred, shape, dialect="coco"),
        )
        images.append(match_image(pairs, of_image))
    ranked = accumulate(images)
    return [ranked.ap(area=area) for area in ("all", "small", "medium", "large")]


def evaluated(
    coco: Callable[..., Any], evaluation: Callable[..., Any], documents: Documents
) -> Any:
    """AP of a package that is used as pycocotools is, its cap lifted."""
    truth, detections = documents
    with contextlib.redirect_stdout(io.StringIO()):
        of_truth = coco(truth)
        evaluated = evaluation(of_truth, of_truth.loadRes(detections), "segm")
        evaluated.params.maxDets = NO_CAP
        evaluated.evaluate()
        evaluated.accumulate()
    precision = np.asarray(evaluated.eval["precision"])[:, :, 0, :, -1]
    return [float(one[one > -1].mean()) for one in precision.transpose(2, 0, 1)]


def pycocotools_truth(document: dict[str, Any]) -> Any:
    """pycocotools' COCO takes a path only; filled by hand it is ready."""
    truth = COCO()
    truth.dataset = document
    truth.createIndex()
    return truth


EVALUATIONS: dict[str, Callable[[Documents], Any]] = {
    "pycocotools": partial(evaluated, pycocotools_truth, COCOeval),
    "ultrafast-pycocotools": partial(
        evaluated, ultrafast_pycocotools.COCO, ultrafast_pycocotools.COCOeval
    ),
    "faster-coco-eval": partial(evaluated, faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
    "hotcoco": partial(evaluated, hotcoco.COCO, hotcoco.COCOeval),
}
