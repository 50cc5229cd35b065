"""What fusion is compared with: packages, each fed in its best form, and plain numpy on crops."""

from collections.abc import Sequence
from typing import Any

import ensemble_boxes
import lsnms
import numpy as np
import supervision
from numpy.typing import NDArray
from pycocotools import mask as pycoco
from sahi.postprocess.combine import nms as sahi_nms
from supervision.detection.compact_mask import CompactMask

import nucfuse as nf

Crop = tuple[int, int, NDArray[np.bool_]]


def pycocotools_nms(rles: list[Any], scores: NDArray[Any], iou: float) -> NDArray[np.int64]:
    """IoU of all pairs by pycocotools, then the greedy pass; places of what is kept, sorted."""
    order = np.argsort(-scores, kind="stable")
    ranked = [rles[k] for k in order]
    ious = pycoco.iou(ranked, ranked, [0] * len(ranked))
    kept = np.ones(len(ranked), bool)
    for k in range(len(ranked)):
        if kept[k]:  # the matrix is symmetric and its columns lie together in memory
            kept[k + 1 :] &= ious[k + 1 :, k] <= iou
    return np.sort(order[kept])


def compact_masks(instances: nf.Instances, rles: list[Any]) -> tuple[NDArray[Any], CompactMask]:
    """What supervision suppresses: corners (the last pixel included) with scores, and masks."""
    boxes = corners(instances) - [0, 0, 1, 1]
    masks = CompactMask.from_coco_rle(rles, boxes, instances.shape)
    return np.column_stack([boxes, instances.scores.astype(np.float64)]), masks


def supervision_nms(given: tuple[NDArray[Any], CompactMask], iou: float) -> NDArray[np.int64]:
    """Its mask suppression; places of what is kept, sorted."""
    return np.flatnonzero(supervision.mask_non_max_suppression(*given, iou))


def corners(instances: nf.Instances) -> NDArray[np.float64]:
    """Boxes as x0, y0, x1, y1."""
    return instances.boxes[:, [1, 0, 3, 2]].astype(np.float64, order="C")


def by_lsnms(boxes: NDArray[Any], scores: NDArray[Any], iou: float) -> NDArray[np.int64]:
    """Its tree in Rust."""
    return np.asarray(lsnms.nms(boxes, scores, iou_threshold=iou))


def by_sahi(rows: NDArray[Any], iou: float) -> NDArray[np.int64]:
    """Its numba loops or its tree, as it thinks best; rows are boxes and scores."""
    return np.asarray(sahi_nms(rows, "IOU", iou))


def by_supervision(rows: NDArray[Any], iou: float) -> NDArray[np.int64]:
    """Its numpy."""
    return np.flatnonzero(supervision.box_non_max_suppression(rows, iou))


def by_ensemble_boxes(parts: list[list[Any]], iou: float) -> NDArray[np.float64]:
    """Scores of what it keeps: it gives no places."""
    return np.asarray(ensemble_boxes.nms(*parts, iou_thr=iou)[1])


def normalised(sets: Sequence[nf.Instances]) -> list[list[Any]]:
    """Boxes in [0, 1], scores and labels of each model, as ensemble-boxes wants them."""
    height, width = sets[0].shape
    boxes = [corners(one) / [width, height, width, height] for one in sets]
    scores = [one.scores.astype(np.float64) for one in sets]
    return [boxes, scores, [np.zeros(len(one), int) for one in sets]]


def weighted_crops(
    sets: list[list[Crop]], scores: list[NDArray[Any]], iou: float, share: float, bound: bool
) -> tuple[list[Crop], list[float]]:
    """Weighted mask fusion in numpy, crop by crop; ``bound`` skips pairs whose boxes rule it out.

    Pairs of two models with IoU above a threshold are joined from the highest on, unless two nuclei
    of one model would meet; then the pixels of each cluster are voted on by score.
    """
    masks = [crop for one in sets for crop in one]
    models = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
    strengths = np.concatenate(scores).astype(np.float64)
    boxes = np.array([(y, x, y + m.shape[0], x + m.shape[1]) for y, x, m in masks])
    areas = np.array([np.count_nonzero(m) for _, _, m in masks])
    pairs = _candidates(models, boxes, areas, iou if bound else 0.0)
    ious = np.array([_crop_iou(masks[a], masks[b], areas[a], areas[b]) for a, b in pairs])
    pairs, ious = pairs[ious > iou], ious[ious > iou]
    ranks = np.empty(len(masks), int)
    ranks[np.argsort(-strengths)] = np.arange(len(masks))
    levels = np.sort(ranks[pairs], axis=1)
    pairs = pairs[np.lexsort((levels[:, 1], levels[:, 0], -ious))]
    fused, fused_scores = [], []
    for members in _joined(pairs.tolist(), models.tolist()):
        cast = float(strengths[members].sum())
        crop = _voted(masks, boxes[members], members, strengths,
                      share * (cast + len(sets) - len(members)))  # fmt: skip
        if crop[2].any():
            fused.append(crop)
            fused_scores.append(cast / len(sets))
    return fused, fused_scores


def _candidates(
    models: NDArray[Any], boxes: NDArray[Any], areas: NDArray[Any], least: float
) -> NDArray[np.int64]:
    """Pairs of masks of two models whose boxes and areas allow an IoU above the least."""
    found = []
    for a in range(int(models[-1])):
        first = np.flatnonzero(models == a)[:, np.newaxis]
        second = np.flatnonzero(models > a)
        p, q = boxes[first], boxes[second]
        h = np.minimum(p[..., 2], q[:, 2]) - np.maximum(p[..., 0], q[:, 0])
        w = np.minimum(p[..., 3], q[:, 3]) - np.maximum(p[..., 1], q[:, 1])
        i, j = np.nonzero((h > 0) & (w > 0))
        one, other = first[i, 0], second[j]
        most = np.minimum(h[i, j] * w[i, j], np.minimum(areas[one], areas[other]))
        possible = most > least * (areas[one] + areas[other] - most)
        found.append(np.column_stack([one, other])[possible])
    return np.concatenate(found)


def _crop_iou(a: Crop, b: Crop, area_a: int, area_b: int) -> float:
    (ay, ax, p), (by, bx, q) = a, b
    y0, x0 = max(ay, by), max(ax, bx)
    y1, x1 = min(ay + p.shape[0], by + q.shape[0]), min(ax + p.shape[1], bx + q.shape[1])
    both = p[y0 - ay : y1 - ay, x0 - ax : x1 - ax] & q[y0 - by : y1 - by, x0 - bx : x1 - bx]
    shared = np.count_nonzero(both)
    return shared / (area_a + area_b - shared)


def _joined(pairs: list[list[int]], models: list[int]) -> list[list[int]]:
    cluster_of = [[k] for k in range(len(models))]
    for a, b in pairs:
        one, other = cluster_of[a], cluster_of[b]
        if one is other or {models[k] for k in one} & {models[k] for k in other}:
            continue
        one.extend(other)
        for k in other:
            cluster_of[k] = one
    return list({id(cluster): cluster for cluster in cluster_of}.values())


def _voted(
    masks: list[Crop], boxes: NDArray[Any], members: list[int], strengths: NDArray[Any],
    needed: float,
) -> Crop:  # fmt: skip
    y0, x0 = boxes[:, :2].min(axis=0).tolist()
    y1, x1 = boxes[:, 2:].max(axis=0).tolist()
    votes = np.zeros((y1 - y0, x1 - x0))
    for k in members:
        y, x, m = masks[k]
        votes[y - y0 : y - y0 + m.shape[0], x - x0 : x - x0 + m.shape[1]] += strengths[k] * m
    return y0, x0, votes > needed


def painted(masks: list[Crop], scores: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Crops painted into a label image, the most confident last; mask k has the number k + 1."""
    labels = np.zeros(shape, np.int32)
    for k in np.argsort(scores, kind="stable").tolist():
        y, x, mask = masks[k]
        labels[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = k + 1
    return labels


def painted_crops(masks: list[Crop], scores: NDArray[Any], shape: tuple[int, int]) -> list[Crop]:
    """What is left of each crop, those without pixels left out."""
    labels = painted(masks, scores, shape)
    left = (
        (y, x, labels[y : y + m.shape[0], x : x + m.shape[1]] == k + 1)
        for k, (y, x, m) in enumerate(masks)
    )
    return [crop for crop in left if crop[2].any()]
