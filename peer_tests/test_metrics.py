"""Our scores against those of other packages, which another interpreter runs: make test-peers.

Where a peer means something else by a name, the test says what and compares what both mean.
"""

import json

import numpy as np
import pytest
from coco_documents import document_and_results
from numpy.testing import assert_allclose, assert_array_equal

import nucfuse as nf

N = 400
PERCENTS = list(range(50, 100, 5))
THRESHOLDS = [p / 100 for p in PERCENTS]


@pytest.fixture(scope="module")
def ask(asking):
    return asking("metric_answers.py")


def random_labels(rng, side):
    """Blocks painted over one another, so that nuclei touch, are cut and may be in pieces."""
    labels = np.zeros((side, side), np.int32)
    for label in range(1, rng.integers(1, 9)):
        y, x, height, width = rng.integers(0, side, 4)
        labels[y : y + height // 2 + 1, x : x + width // 2 + 1] = label
    return labels


def random_pairs(seed=0, side=16):
    """(N, H, W) each; half of the predictions are the truth, moved, joined and cut a little."""
    rng = np.random.default_rng(seed)
    true = np.stack([random_labels(rng, side) for _ in range(N)])
    pred = np.stack([random_labels(rng, side) for _ in range(N)])
    for i in range(0, N, 2):
        pred[i] = np.roll(true[i], rng.integers(-1, 2, 2), axis=(0, 1))
        pred[i][pred[i] == rng.integers(0, 9)] = rng.integers(0, 9)
        pred[i, :: rng.integers(2, 9)] *= rng.random() < 0.5
    true[1::40] = 0
    pred[2::40] = 0
    return true, pred


TRUE, PRED = random_pairs()
HAS_BOTH = TRUE.any(axis=(1, 2)) & PRED.any(axis=(1, 2))


def ours(rule=">"):
    return nf.score(list(TRUE), list(PRED), thresholds=THRESHOLDS, rule=rule).per_image


def test_stardist_hits_at_or_above_the_threshold(ask):
    """stardist's hit is an IoU >= threshold, ours above it unless rule=">=" is asked for.

    Its "accuracy" is our precision TP / (TP + FP + FN), and 0 where both sides are empty, ours 1.
    """
    known = ask("stardist", true=TRUE, pred=PRED, thresholds=THRESHOLDS)
    table = ours(">=")
    for what in ("tp", "fp", "fn"):
        names = [f"{what}_{p}" for p in PERCENTS]
        assert_array_equal(table[names].to_numpy(), known[what])
    both_empty = table["both_empty"].to_numpy()[:, np.newaxis]
    ap = np.where(both_empty, 0, table[[f"ap_{p}" for p in PERCENTS]])
    assert_allclose(ap, known["accuracy"], atol=1e-12)
    assert (known["tp"] != ours()[[f"tp_{p}" for p in PERCENTS]].to_numpy()).any()


def test_stardist_panoptic_quality(ask):
    """In single precision; and with pairs of exactly 0.5, which the paper's and ours leave out."""
    known = ask("stardist", true=TRUE, pred=PRED, thresholds=THRESHOLDS)
    table = ours()
    same = (table["tp_50"] == ours(">=")["tp_50"]).to_numpy()
    assert 0.8 < same.mean() < 1
    pq = np.where(table["both_empty"], 0, table["pq"])
    assert_allclose(pq[same], known["pq"][same], atol=1e-6)
    assert (pq[~same] < known["pq"][~same]).all()


def test_panoptica(ask):
    """Its default hit is an IoU >= 0.5; ``strict_threshold`` makes it the paper's, and ours.

    An image without nuclei on one or both sides is an edge case there (NaN or 0), and 0 or 1 here.
    """
    table = ours()
    known = ask("panoptica", true=TRUE, pred=PRED, strict=True)
    assert_array_equal(table["tp_50"][HAS_BOTH], known["tp"][HAS_BOTH])
    assert_allclose(table["pq"][HAS_BOTH], known["pq"][HAS_BOTH], atol=1e-9)
    default = ask("panoptica", true=TRUE, pred=PRED, strict=False)
    same = HAS_BOTH & (table["tp_50"] == ours(">=")["tp_50"]).to_numpy()
    assert_allclose(table["pq"][same], default["pq"][same], atol=1e-9)


def test_hover_net(ask):
    """PQ, SQ and DQ (our RQ) are smaller there by 1e-6 in a denominator.

    Of two predictions of one IoU, AJI takes the first there, here the one of more shared pixels;
    AJI+ takes any matching of the largest total IoU there, here the one that shares most pixels.
    Both leave AJI open only there, so that ours is never far and most often equal.
    """
    known = ask("hover_net", true=TRUE, pred=PRED)
    table = ours()
    for name, theirs in (("pq", "pq"), ("sq", "sq"), ("rq", "dq")):
        assert_allclose(table[name][HAS_BOTH], known[theirs][HAS_BOTH], atol=2e-6)
    assert_allclose(table["dice"][HAS_BOTH], known["dice_1"][HAS_BOTH], atol=1e-12)
    for name in ("aji", "aji_plus"):
        apart = np.abs(table[name][HAS_BOTH] - known[name][HAS_BOTH]) > 1e-9
        assert apart.mean() < 0.02
        for i in np.flatnonzero(HAS_BOTH)[apart]:
            assert has_tied_ious(TRUE[i], PRED[i])


def has_tied_ious(true, pred):
    """Whether two pairs of nuclei have one IoU, so that choosing between them is open."""
    iou = nf.overlaps(true, pred).iou
    return np.unique(iou).size < iou.size


def test_hover_net_dice_2(ask):
    """nucfuse does not report it (a pair that merely touches weighs in fully); overlaps give it."""
    known = ask("hover_net", true=TRUE, pred=PRED)["dice_2"]
    for i in np.flatnonzero(HAS_BOTH):
        pairs = nf.overlaps(TRUE[i], PRED[i])
        areas = pairs.true_areas[pairs.true_index] + pairs.pred_areas[pairs.pred_index]
        ours = 2 * pairs.pixels.sum() / areas.sum() if pairs.pixels.size else 0
        assert ours == pytest.approx(known[i], abs=1e-12)


NUMBERS = ("coco_ap", "coco_ap50", "coco_ap75", "coco_ap_small", "coco_ap_medium", "coco_ap_large",
           "coco_ar", "coco_ar_small", "coco_ar_medium", "coco_ar_large")  # fmt: skip


@pytest.fixture(scope="module")
def documents():
    """COCO truths with results, several classes, crowds, stated areas and ties among them."""
    rng = np.random.default_rng(0)
    made = [document_and_results(rng) for _ in range(300)]
    return [(document, results) for document, results in made if results]


@pytest.fixture(scope="module")
def our_numbers(documents, tmp_path_factory):
    folder, rows = tmp_path_factory.mktemp("documents"), []
    for document, results in documents:
        (folder / "t.json").write_text(json.dumps(document))
        (folder / "p.json").write_text(json.dumps(results))
        scores = nf.score(folder / "t.json", folder / "p.json", missing="zero",
                          metrics=["coco_ap"], allow_overlap=True)  # fmt: skip
        rows.append([scores.summary[name] for name in NUMBERS])
    return np.array(rows)


def test_pycocotools(ask, documents, our_numbers):
    """With its cap of 100 detections per image lifted: nuclei are more."""
    known = ask("pycocotools", documents=json.dumps(documents))["numbers"]
    assert_allclose(our_numbers, known, rtol=0, atol=1e-9)


def test_supervision(ask, documents, our_numbers):
    """Its precisions and areas are in single precision: 1e-7 at most, and 10^10 + 1 is in range."""
    areas = [[a["area"] for a in document["annotations"]] for document, _ in documents]
    some = np.array([max(of, default=0) <= 10**10 for of in areas])
    assert some.sum() > 50
    chosen = [pair for pair, is_chosen in zip(documents, some, strict=True) if is_chosen]
    known = ask("supervision", documents=json.dumps(chosen))["numbers"]
    assert_allclose(our_numbers[some][:, :6], known, rtol=0, atol=1e-7)
