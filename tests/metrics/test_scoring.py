"""`nf.score`: what it takes, what it refuses, and the laws of the result."""

import numpy as np
import pytest
from hypothesis import given
from strategies import label_pairs

import nucfuse as nf
from nucfuse.metrics.request import ScoreRequest
from nucfuse.metrics.scoring import score_image

ONE = np.array([[1, 1, 0, 2], [1, 1, 0, 2]])
TWO = np.array([[5, 5, 0, 0], [5, 5, 7, 7]])


@given(label_pairs())
def test_against_itself_is_one_and_swapping_keeps_the_score(pair):
    true, pred = pair
    assert nf.score(true, true).dsb_ap == 1
    there, back = nf.score(true, pred), nf.score(pred, true)
    assert there.dsb_ap == back.dsb_ap
    assert there.per_image["fp_50"].tolist() == back.per_image["fn_50"].tolist()


def test_one_pair_lists_tuples_and_object_arrays_agree():
    one = nf.score(ONE, TWO).dsb_ap
    both = np.empty(2, object)
    both[:] = [ONE, TWO]
    for true, pred in (
        ([ONE, TWO], [TWO, TWO]),
        ((ONE, TWO), (TWO, TWO)),
        (both, [TWO, TWO]),
        (iter([ONE, TWO]), iter([TWO, TWO])),
    ):
        assert nf.score(true, pred).dsb_ap == (one + 1) / 2


def test_instances_labels_and_a_mix_agree():
    a, b = nf.Instances.from_labels(ONE), nf.Instances.from_labels(TWO)
    expected = nf.score(ONE, TWO).per_image
    for true, pred in ((a, b), (ONE, b), (a, TWO)):
        assert nf.score(true, pred).per_image.equals(expected)


def test_volumes_are_one_image():
    volume = np.stack([ONE, ONE])
    assert nf.score(volume, volume).per_image["n_true"].tolist() == [2]


def test_ids_and_strata_come_back():
    scores = nf.score([ONE, TWO], [ONE, ONE], ids=["a", "b"], strata={"plate": ["x", "y"]})
    assert scores.per_image["image_id"].tolist() == ["a", "b"]
    assert scores.by("plate")["plate"].tolist() == ["x", "y"]


def test_a_nucleus_on_the_threshold():
    true, pred = np.array([[1, 1]]), np.array([[1, 0]])
    assert nf.score(true, pred, thresholds=[0.5]).dsb_ap == 0
    assert nf.score(true, pred, thresholds=[0.5], rule=">=").dsb_ap == 1


def test_empty_images():
    nothing = np.zeros((2, 4), int)
    both = nf.score(nothing, nothing)
    assert both.dsb_ap == 1
    assert both.per_image["both_empty"].tolist() == [True]
    assert nf.score(ONE, nothing).dsb_ap == 0
    assert nf.score(nothing, ONE).dsb_ap == 0


def test_overlap_is_refused_or_allowed():
    masks = np.zeros((2, 4, 4), bool)
    masks[0, :3], masks[1, 2:] = True, True
    pred = nf.Instances.from_masks(masks)
    truth = np.ones((4, 4), int)
    with pytest.raises(ValueError, match="image '0': 4 pixels too many: predicted masks overlap"):
        nf.score(truth, pred)
    with pytest.raises(ValueError, match="true masks overlap"):
        nf.score(pred, truth)
    assert nf.score(truth, pred, allow_overlap=True).per_image["tp_50"].tolist() == [1]


def test_ranked_and_boundary_only_on_request():
    pred = nf.Instances.from_labels(TWO, scores=[0.9, 0.8])
    scores = nf.score(ONE, pred, metrics=["coco_ap", "boundary"])
    assert 0 < scores.summary["coco_ap"] < 1
    assert "boundary_ap" in scores.per_image
    plain = nf.score(ONE, pred)
    assert "coco_ap" not in plain.summary
    assert "boundary_ap" not in plain.per_image


def test_ranked_ap_of_nothing_found_needs_no_scores():
    result = score_image(ONE, np.zeros_like(ONE), ScoreRequest.of(metrics=["coco_ap"]))
    assert result.ranked is not None
    scores = nf.score(ONE, np.zeros_like(ONE), metrics=["coco_ap"])
    assert scores.summary["coco_ap"] == 0


@pytest.mark.parametrize(
    ("true", "pred", "options", "message"),
    [
        ([ONE], [ONE, TWO], {}, "1 true images but 2 predicted"),
        ([], [], {}, "no image"),
        ([ONE], [ONE], {"ids": ["a", "b"]}, "ids must name each of the 1 images"),
        ([ONE, ONE], [ONE, ONE], {"ids": ["a", "a"]}, "different ids"),
        (ONE, TWO.T, {}, "image '0': .*transposing the prediction would fit"),
        (ONE, -TWO, {}, "negative id -7"),
        (ONE, TWO + 0.5, {}, "whole numbers"),
        (ONE, TWO * np.nan, {}, "NaN"),
        (ONE, TWO, {"thresholds": [0.505]}, "0.505"),
        (ONE, TWO, {"rule": "<"}, "rule"),
        (ONE, TWO, {"metrics": ["map"]}, "unknown metric 'map'"),
        (ONE, TWO, {"metrics": ["coco_ap"]}, "coco_ap ranks predictions by their scores"),
        (ONE, TWO, {"strata": {"plate": ["x", "y"]}}, "plate must have 1 values"),
    ],
)
def test_wrong_input_says_what_and_where(true, pred, options, message):
    with pytest.raises(ValueError, match=message):
        nf.score(true, pred, **options)


def test_text_is_no_label_image():
    with pytest.raises(TypeError, match=r"image .0.: .*must hold integers"):
        nf.score(np.array([["a"]]), np.array([["a"]]))


def stack(*boxes):
    masks = np.zeros((len(boxes), 4, 4), bool)
    for mask, (y, x) in zip(masks, boxes, strict=True):
        mask[y : y + 2, x : x + 2] = True
    return masks


@pytest.mark.parametrize("nothing", [
    nf.Instances.empty((4, 4)), nf.Instances.from_masks(stack(), classes=[], scores=[]),
])  # fmt: skip
def test_ranked_ap_of_an_image_without_predictions_or_truths_keeps_its_classes(nothing):
    true = nf.Instances.from_masks(stack((0, 0)), classes=[1])
    pred = nf.Instances.from_masks(stack((0, 0)), classes=[1], scores=[0.5])
    for n, right in ((2, 51 / 101), (10, 91 / 101)):
        scores = nf.score([true] * n, [pred] * (n - 1) + [nothing], metrics=["coco_ap"])
        assert scores.coco_ap == pytest.approx(right)
    scores = nf.score([nothing, true], [pred, pred], metrics=["coco_ap"])
    assert scores.coco_ap == pytest.approx(0.5)  # a false positive first, of the same class


def test_equal_confidences_are_ranked_in_the_order_of_the_images():
    true = nf.Instances.from_masks(stack((0, 0)))
    hit, miss = (nf.Instances.from_masks(stack(at), scores=[0.5]) for at in ((0, 0), (2, 2)))
    scores = nf.score([true] * 12, [hit] * 6 + [miss] * 6, metrics=["coco_ap"])
    assert scores.coco_ap == pytest.approx(51 / 101)


def test_classes_of_some_images_only_are_an_error():
    true = nf.Instances.from_masks(stack((0, 0)), classes=[1])
    pred = nf.Instances.from_masks(stack((0, 0)), classes=[1], scores=[0.5])
    plain = nf.Instances.from_masks(stack((0, 0)), scores=[0.5])
    with pytest.raises(ValueError, match="nuclei of 1 of 2 images have no class"):
        nf.score([true, true], [pred, plain], metrics=["coco_ap"])
    assert nf.score([true, true], [plain, plain], metrics=["coco_ap"]).coco_ap == pytest.approx(1)
