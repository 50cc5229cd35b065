"""Ranked average precision: equals pycocotools with its cap lifted, down to its ties."""

import numpy as np
import pytest
from coco_documents import pycocotools_curves
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from strategies import stack_pairs

from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import Overlaps, overlaps
from nucfuse.metrics.coco import AREA_RANGES, Truths, accumulate, rank_detections, resampled_ap


def overlaps_of(true, pred):
    """From boolean stacks by numpy, for images too large for kernels that are not compiled."""
    flat = [side.reshape(len(side), side.shape[1] * side.shape[2]) for side in (true, pred)]
    table = flat[0].astype(np.int64) @ flat[1].T.astype(np.int64)
    rows, cols = np.nonzero(table)
    areas = [side.sum(axis=1) for side in flat]
    ids = [np.arange(1, len(side) + 1) for side in flat]
    covered = [side.any(axis=0) for side in flat]
    return Overlaps(
        rows.astype(np.int32), cols.astype(np.int32), table[rows, cols], *areas, *ids,
        int(covered[0].sum()), int(covered[1].sum()), int((covered[0] & covered[1]).sum()),
        False, False, covered[0].size,
    )  # fmt: skip


def rle(mask):
    return coco_mask.encode(np.asfortranarray(mask, np.uint8))


def peer(images):
    """Precision (classes, ranges, thresholds, recalls) and recall of pycocotools, NaN for -1."""
    truths, found = [], []
    for i, (true, pred, scores, true_classes, pred_classes) in enumerate(images, 1):
        for mask, label in zip(true, true_classes, strict=True):
            truths.append(
                {"id": len(truths) + 1, "image_id": i, "category_id": int(label),
                 "segmentation": rle(mask), "area": int(mask.sum()), "iscrowd": 0}
            )  # fmt: skip
        for mask, score, label in zip(pred, scores, pred_classes, strict=True):
            found.append(
                {"image_id": i, "category_id": int(label), "segmentation": rle(mask),
                 "score": float(score)}
            )  # fmt: skip
    document = {
        "images": [
            {"id": i, "height": image[0].shape[1], "width": image[0].shape[2]}
            for i, image in enumerate(images, 1)
        ],
        "annotations": truths,
        "categories": [{"id": int(c)} for c in sorted({t["category_id"] for t in truths})],
    }
    return pycocotools_curves(document, found)


def random_image(rng, n_classes):
    """Few scores, many equal masks and equal IoUs; areas on both sides of 32^2 and 96^2."""
    side = rng.choice([3, 6, 40, 130])
    stacks = []
    for n in rng.integers(0, 6, 2):
        stack = np.zeros((n, side, side), bool)
        for mask in stack:
            y, x, height, width = rng.integers(0, side, 4)
            mask[y : y + height + 1, x : x + width + 1] = True
        stacks.append(stack)
    true, pred = stacks
    for p in range(len(pred)):
        if len(true) and rng.random() < 0.7:
            pred[p] = true[rng.integers(len(true))]
            pred[p] = np.roll(pred[p], rng.integers(-1, 2), axis=rng.integers(2))
    scores = rng.choice([0.1, 0.5, 0.9, 0.25], len(pred))
    classes = [rng.integers(1, n_classes + 1, len(s)) for s in stacks]
    return true, pred, scores, *classes


def ours(images, with_classes=True):
    results = []
    for true, pred, scores, true_classes, pred_classes in images:
        classes = (true_classes, pred_classes) if with_classes else ()
        results.append(rank_detections(overlaps_of(true, pred), scores, *classes))
    return results


@pytest.mark.compiled
@pytest.mark.parametrize("n_classes", [1, 3])
def test_equals_pycocotools(n_classes):
    rng = np.random.default_rng(n_classes)
    compared = 0
    while compared < 1000:
        images = [random_image(rng, n_classes) for _ in range(rng.integers(1, 5))]
        if not any(len(i[0]) for i in images) or not any(len(i[1]) for i in images):
            continue  # loadRes takes no empty list
        compared += 1
        precision, recall = peer(images)
        scores = accumulate(ours(images))
        np.testing.assert_array_equal(scores.precision, precision)
        np.testing.assert_array_equal(scores.recall, recall)


def test_no_classes_are_one_class():
    rng = np.random.default_rng(5)
    images = [random_image(rng, 1) for _ in range(20)]
    one, two = accumulate(ours(images)), accumulate(ours(images, with_classes=False))
    assert one.as_dict() == pytest.approx(two.as_dict(), nan_ok=True)


def test_the_usual_numbers():
    rng = np.random.default_rng(6)
    full = np.ones((1, 100, 100), bool)
    large = (full, full, np.array([0.7]), np.array([1]), np.array([1]))
    scores = accumulate(ours([large, *(random_image(rng, 2) for _ in range(80))]))
    numbers = scores.as_dict()
    assert numbers["coco_ap"] == pytest.approx(np.nanmean(scores.precision[:, 0]))
    assert numbers["coco_ap50"] == pytest.approx(np.nanmean(scores.precision[:, 0, 0]))
    assert numbers["coco_ap75"] == pytest.approx(np.nanmean(scores.precision[:, 0, 5]))
    for a, area in enumerate(AREA_RANGES):
        assert scores.ap(area=area) == pytest.approx(np.nanmean(scores.precision[:, a]))
        assert scores.ar(area) == pytest.approx(np.nanmean(scores.recall[:, a]))
    with pytest.raises(ValueError, match="thresholds are"):
        scores.ap(51)


@given(stack_pairs(), st.integers(0, 2**32 - 1))
def test_overlaps_of_instances_give_the_same(stacks, seed):
    scores = np.random.default_rng(seed).choice([0.2, 0.4, 0.8], len(stacks[1]))
    one = rank_detections(overlaps(*map(Instances.from_masks, stacks)), scores)
    assert (one.codes == rank_detections(overlaps_of(*stacks), scores).codes).all()


def test_resampled_ap_is_that_of_images_drawn_so_often():
    rng = np.random.default_rng(7)
    drawn = [random_image(rng, 2) for _ in range(6)]
    # Equal scores in one image would be ranked image by image if it came twice.
    images = ours([(t, p, rng.random(len(p)), *classes) for t, p, _, *classes in drawn])
    weights = np.array([[1, 1, 1, 1, 1, 1], [0, 2, 1, 0, 3, 0], [6, 0, 0, 0, 0, 0]], float)
    drawn = [[image for image, w in zip(images, row, strict=True) for _ in range(int(w))]
             for row in weights]  # fmt: skip
    expected = [accumulate(sample).ap() for sample in drawn]
    np.testing.assert_allclose(resampled_ap(images, weights), expected, rtol=1e-12)


def test_no_truths_leave_everything_undefined():
    nothing = rank_detections(overlaps(np.zeros((2, 2), int), np.ones((2, 2), int)), [0.5])
    scores = accumulate([nothing])
    assert np.isnan(list(scores.as_dict().values())).all()
    assert np.isnan(resampled_ap([nothing], np.ones((2, 1)))).all()


def test_no_predictions_score_zero():
    missed = rank_detections(overlaps(np.ones((2, 2), int), np.zeros((2, 2), int)), [])
    assert accumulate([missed]).ap() == accumulate([missed]).ar() == 0.0


def test_a_side_without_masks_loses_no_class():
    found = rank_detections(PAIR, [0.9], [1, 2], [1])
    missed = rank_detections(overlaps(np.array([[1, 2]]), np.zeros((1, 2), int)), [], [1, 2])
    spurious = rank_detections(overlaps(np.zeros((1, 2), int), np.array([[1, 0]])), [1], None, [1])
    assert accumulate([found, missed]).ap() == pytest.approx(51 / 202)
    assert accumulate([found, spurious]).ap(50) == pytest.approx(0.25)


def test_classes_of_some_images_only_are_an_error():
    images = [rank_detections(PAIR, [0.9], [1, 2], [1]), rank_detections(PAIR, [0.9])]
    with pytest.raises(ValueError, match="nuclei of 1 of 2 images have no class"):
        accumulate(images)


def test_truths_have_the_area_that_is_stated():
    truths = Truths(np.array([2000.0, 20000.0]), np.zeros(2, bool))
    scores = accumulate([rank_detections(PAIR, [0.9], truths=truths)]).as_dict()
    assert np.isnan(scores["coco_ap_small"])
    assert (scores["coco_ap_medium"], scores["coco_ap_large"]) == (pytest.approx(1), 0)


CROWDED = Truths(np.ones(2), np.array([True, False]))


def test_what_is_found_in_a_crowd_does_not_count():
    pair = overlaps(np.array([[1, 1, 1, 2]]), np.array([[3, 4, 0, 5]]))
    scores = accumulate([rank_detections(pair, [0.9, 0.8, 0.7], truths=CROWDED)])
    assert scores.ap() == pytest.approx(1) and scores.ar() == 1


def test_crowds_have_classes():
    pair = overlaps(np.array([[1, 1, 1, 2]]), np.array([[3, 4, 0, 5]]))
    ranked = rank_detections(pair, [0.9, 0.8, 0.7], [2, 1], [1, 2, 1], CROWDED)
    assert accumulate([ranked]).ap() == pytest.approx(0.5)  # class 1: a false one, then a hit


def test_resampled_ap_leaves_out_what_does_not_count():
    rng = np.random.default_rng(8)
    drawn = [random_image(rng, 2) for _ in range(8)]
    images = []
    for true, pred, _, *classes in drawn:
        areas = rng.choice([5.0, 1e11], len(true), p=[0.8, 0.2])
        truths = Truths(areas, rng.random(len(true)) < 0.3)
        pair = overlaps_of(true, pred)
        images.append(rank_detections(pair, rng.random(len(pred)), *classes, truths))
    weights = rng.integers(0, 3, (5, 8)).astype(float)
    drawn = [[image for image, w in zip(images, row, strict=True) for _ in range(int(w))]
             for row in weights]  # fmt: skip
    expected = [accumulate(sample).ap() for sample in drawn]
    np.testing.assert_allclose(resampled_ap(images, weights), expected, rtol=1e-12)


PAIR = overlaps(np.array([[1, 2]]), np.array([[1, 0]]))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (([0.5, 0.5],), "scores must hold a number for each of the 1"),
        (([float("nan")],), "1 NaN"),
        (([0.5], [1, 1]), "both sides"),
        (([0.5], [1], [1]), "true_classes must have 2"),
        (([0.5], [1, 1], [1, 1]), "pred_classes must have 1"),
    ],
)
def test_bad_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        rank_detections(PAIR, *args)


def test_no_image_is_an_error():
    with pytest.raises(ValueError, match="at least one image"):
        accumulate([])
