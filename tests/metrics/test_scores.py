"""Scores of a data set: means, pooled shares, strata, intervals; any split gives the same."""

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import instance_sets, label_pairs

from nucfuse.masks.instances import Instances
from nucfuse.metrics.request import ScoreRequest
from nucfuse.metrics.scores import Scores
from nucfuse.metrics.scoring import score_images

FIRST_COLUMNS = [
    "image_id", "n_true", "n_pred", "dsb_ap",
    *(f"{what}_{p}" for what in ("tp", "fp", "fn") for p in range(50, 100, 5)),
    "pq", "sq", "rq", "aji", "aji_plus", "dice", "missed", "spurious", "split", "merged",
]  # fmt: skip
MEANS = ("dsb_ap", "pq", "sq", "rq", "aji", "aji_plus", "dice", "pixel_iou", "object_dice")


def made(n=9, seed=0, metrics=("coco_ap", "boundary")):
    """Scores of small random images, some of them empty, in two strata."""
    rng = np.random.default_rng(seed)
    true, pred = [], []
    for i in range(n):
        labels = rng.integers(0, 5, (4, 4)).repeat(2, axis=0) * (i != 2)
        other = np.where(rng.random(labels.shape) < 0.8, labels, 0) * (i != 3)
        masks = Instances.from_labels(other)
        true.append(Instances.from_labels(labels))
        pred.append(masks.with_scores(rng.random(len(masks))))
    strata = {"modality": ["dark", "light", "light"] * (n // 3)}
    ids = [f"{7 * i % 10}-{i}" for i in range(n)]  # not in alphabetical order
    return score_images(true, pred, ScoreRequest(extra=metrics), ids=ids, strata=strata)


SCORES = made()


def same(one, two):
    assert one.summary == pytest.approx(two.summary, abs=1e-12, nan_ok=True)


# -------------------------------------------------------------------------------------- definition


def test_table_of_images_begins_as_promised():
    assert list(SCORES.per_image.columns[: len(FIRST_COLUMNS)]) == FIRST_COLUMNS
    assert SCORES.per_image.columns[-1] == "modality"
    assert len(SCORES.per_image) == len(SCORES) == 9
    for name in ("n_true", "tp_50", "missed", "poor_boundary"):
        assert SCORES.per_image[name].dtype == np.int64


def test_scores_are_means_over_images():
    for name in (*MEANS, "boundary_iou", "boundary_ap", "boundary_f", "ap_50", "missed"):
        assert SCORES.summary[name] == pytest.approx(SCORES.per_image[name].mean())
    assert SCORES.dsb_ap == SCORES.summary["dsb_ap"] and SCORES.pq == SCORES.summary["pq"]


def test_every_number_of_the_summary_is_an_attribute():
    for name, value in SCORES.summary.items():
        assert getattr(SCORES, name) == value or np.isnan(value)
    assert {"f1_50", "missed", "gain_missed", "coco_ap", "per_image", "by"} <= set(dir(SCORES))
    with pytest.raises(AttributeError, match="no score 'f1_51'"):
        _ = SCORES.f1_51


def test_scores_show_themselves_on_one_screen():
    said = repr(SCORES)
    assert said.splitlines()[0].startswith("Scores of 9 images, ")
    assert f"dsb_ap {SCORES.dsb_ap:.4f}  f1_50 {SCORES.f1_50:.4f}" in said
    assert f"coco_ap {SCORES.coco_ap:.4f}" in said and len(said) < 400
    page = SCORES._repr_html_()
    assert "Scores of 9 images" in page and f"<td>{SCORES.dsb_ap:.4f}</td>" in page


def test_scores_survive_a_copy_and_a_pickle():
    for again in (copy.copy(SCORES), pickle.loads(pickle.dumps(SCORES))):
        same(again, SCORES)


def test_the_worst_images_come_first():
    ap = SCORES.per_image["dsb_ap"].to_numpy()
    worst = SCORES.worst(4)
    assert (np.diff(ap[worst]) >= 0).all() and ap[worst].max() <= np.delete(ap, worst).min()
    assert worst == SCORES.per_image.nsmallest(4, "dsb_ap").index.tolist()


def test_precision_and_recall_are_those_of_all_hits():
    table = SCORES.per_image
    for row in SCORES.thresholds.itertuples():
        p = round(100 * row.threshold)
        tp, fp, fn = (table[f"{what}_{p}"].sum() for what in ("tp", "fp", "fn"))
        assert (row.tp, row.fp, row.fn) == (tp, fp, fn)
        assert row.precision == pytest.approx(tp / (tp + fp))
        assert row.recall == pytest.approx(tp / (tp + fn))
        assert row.f1 == pytest.approx(2 * tp / (2 * tp + fp + fn))
        assert row.ap == pytest.approx(table[f"ap_{p}"].mean())


def test_count_error():
    table = SCORES.per_image
    assert (table["count_error"] == table["n_pred"] - table["n_true"]).all()
    assert SCORES.summary["count_error"] == pytest.approx(table["count_error"].mean())
    assert SCORES.summary["count_error_abs"] == pytest.approx(table["count_error"].abs().mean())


def test_errors_and_what_mending_gives():
    table = SCORES.per_image
    for row in SCORES.errors.itertuples():
        gain = (table[f"mended_{row.kind}"] - table["dsb_ap"]).mean()
        assert row.gain == pytest.approx(gain) and row.gain >= 0
        if row.kind != "imprecise":
            assert row.count == table[row.kind].sum()


def test_table_of_nuclei():
    table = SCORES.objects
    sizes = table.groupby("image_id", sort=False)["side"].value_counts().unstack(fill_value=0)
    images = SCORES.per_image.set_index("image_id").loc[sizes.index]
    assert (sizes["true"] == images["n_true"]).all() and (sizes["pred"] == images["n_pred"]).all()
    for kind in ("missed", "spurious"):
        assert (table["kind"] == kind).sum() == SCORES.per_image[kind].sum()
    hits = table[table["kind"] == "hit"]
    assert (hits["iou"] > 0.5).all() and (hits["match_id"] > 0).all()
    others = table[table["kind"] != "hit"]
    assert not others["iou"].any() and not others["match_id"].any()
    keys = ["image_id", "side", "id"]
    back = hits.assign(side=hits["side"].map({"true": "pred", "pred": "true"}))
    back = back.rename(columns={"id": "match_id", "match_id": "id"})[[*keys, "match_id"]]
    assert len(hits.merge(back, on=[*keys, "match_id"])) == len(hits)


def test_nuclei_keep_their_labels():
    table = score_images(np.array([[7, 7, 0, 2]]), np.array([[5, 5, 0, 0]])).objects
    assert table[["side", "id", "match_id", "area"]].to_numpy().tolist() == [
        ["true", 2, 0, 1], ["true", 7, 5, 2], ["pred", 5, 7, 2],
    ]  # fmt: skip


# -------------------------------------------------------------------------------------------- laws


@pytest.mark.compiled
@given(st.lists(label_pairs(), min_size=1, max_size=4), st.data())
def test_any_split_of_the_images_gives_the_same(pairs, data):
    ids = [str(i) for i in range(len(pairs))]
    true, pred = map(list, zip(*pairs, strict=True))
    cut = data.draw(st.integers(1, len(pairs)))
    parts = [score_images(true[a:b], pred[a:b], ids=ids[a:b])
             for a, b in ((0, cut), (cut, None)) if true[a:b]]  # fmt: skip
    same(Scores.concat(parts[::-1]), score_images(true, pred, ids=ids))


@pytest.mark.compiled
def test_any_split_gives_the_same_ranking():
    parts = [SCORES.subset([4, 1, 8]), SCORES.subset([0, 3]), SCORES.subset([2, 7, 6, 5])]
    whole = Scores.concat(parts)
    same(whole, SCORES)
    assert "coco_ap" in whole.summary
    intervals = whole.intervals()
    for name, bounds in SCORES.intervals().items():
        assert intervals[name] == pytest.approx(bounds)
    by = [s.by("modality").set_index("modality")["dsb_ap"].to_dict() for s in (whole, SCORES)]
    assert by[0] == pytest.approx(by[1])


@given(st.lists(instance_sets(shape=(5, 6)), min_size=1, max_size=3))
def test_numbers_of_overlapping_masks_are_defined(sets):
    scores = score_images(sets, sets, ScoreRequest(allow_overlap=True))
    assert all(np.isfinite(list(scores.summary.values())))


def test_strata_are_the_scores_of_their_images():
    table = SCORES.by("modality")
    assert table["modality"].tolist() == ["dark", "light"]
    assert table["n_images"].tolist() == [3, 6]
    dark = SCORES.subset(np.array(SCORES.strata["modality"]) == "dark")
    assert table["pq"][0] == dark.pq and table["coco_ap"][0] == dark.summary["coco_ap"]


def test_sizes():
    table = SCORES.by_size([3, 6])
    objects = SCORES.objects
    true = objects[objects["side"] == "true"]
    pred = objects[objects["side"] == "pred"]
    bounds = [(0, 3), (3, 6), (6, np.inf)]
    for row, (above, up_to) in zip(table.itertuples(), bounds, strict=True):
        own = true[(true["area"] > above) & (true["area"] <= up_to)]
        found = own[own["kind"] == "hit"]
        assert (row.n_true, row.n_found) == (len(own), len(found))
        assert row.recall == pytest.approx(
            len(found) / len(own) if len(own) else np.nan, nan_ok=True
        )
        assert row.mean_iou == pytest.approx(found["iou"].mean(), nan_ok=True)
        theirs = pred[(pred["area"] > above) & (pred["area"] <= up_to)]
        assert row.n_pred == len(theirs)
        hit = (theirs["kind"] == "hit").mean()
        assert row.precision == pytest.approx(hit, nan_ok=True)
    quartiles = SCORES.by("size")
    assert quartiles["n_true"].sum() == len(true) and quartiles["n_pred"].sum() == len(pred)


def test_draws_are_the_scores_of_the_drawn_images():
    from nucfuse.metrics.bootstrap import resamplings

    drawn = SCORES.resampled(6)
    weights = next(resamplings(len(SCORES), 6, SCORES.seed))
    by_id = sorted(range(len(SCORES)), key=SCORES.image_ids.__getitem__)
    for row, counts in zip(drawn.to_dict("records"), weights, strict=True):
        picked = [i for i, n in zip(by_id, counts, strict=True) for _ in range(int(n))]
        results = [SCORES.image_scores[i] for i in picked]
        names = [f"{SCORES.image_ids[i]} {k:02}" for k, i in enumerate(picked)]
        sample = Scores.build(names, results, SCORES.request)
        expected = {name: sample.summary[name] for name in row}
        assert row == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.compiled
def test_intervals_are_seeded_and_hold_most_draws():
    one, two = SCORES.intervals(), made().intervals()
    assert one == two and set(one) >= {*MEANS, "f1_50", "gain_missed", "coco_ap", "count_error"}
    assert all(low <= high for low, high in one.values())
    drawn = SCORES.resampled()["dsb_ap"]
    inside = drawn.between(*one["dsb_ap"]).mean()
    assert 0.94 < inside < 0.97
    assert one["dsb_ap"][0] < SCORES.dsb_ap < one["dsb_ap"][1]


def test_one_image_has_an_interval_of_no_width():
    one = SCORES.subset([0])
    assert one.intervals()["pq"] == pytest.approx((one.pq, one.pq))


# ------------------------------------------------------------------------------------------- edges

EMPTY = np.zeros((3, 3), int)


def test_empty_images_score_one_and_are_counted():
    scores = score_images([EMPTY, EMPTY], [EMPTY, np.ones((3, 3), int)])
    assert scores.dsb_ap == 0.5 and scores.summary["both_empty"] == 1
    assert scores.per_image["both_empty"].tolist() == [True, False]
    assert scores.summary["recall_50"] == 0.0 and scores.summary["precision_50"] == 0.0


def test_only_empty_images():
    scores = score_images(EMPTY, EMPTY)
    assert {scores.summary[name] for name in (*MEANS, "precision_50", "recall_50", "f1_50")} == {1}
    assert scores.objects.empty and scores.by_size()["n_true"].tolist() == [0]
    json.dumps(scores.to_dict(), allow_nan=False)


def test_the_summary_is_json_without_nan():
    document = json.loads(json.dumps(SCORES.to_dict(), allow_nan=False))
    assert document["dsb_ap"] == SCORES.dsb_ap and document["n_images"] == 9
    assert document["coco_ap_large"] is None  # no nucleus is so large
    assert document["by"]["modality"][0]["n_images"] == 3
    assert document["by"]["size"][-1]["area_up_to"] is None
    assert document["intervals"]["dsb_ap"] == list(SCORES.intervals()["dsb_ap"])
    assert [e["kind"] for e in document["errors"]][-1] == "imprecise"


def test_other_thresholds_name_other_columns():
    scores = score_images(np.eye(3, dtype=int), np.eye(3, dtype=int), ScoreRequest((25, 50), ">="))
    assert {"tp_25", "fn_50", "ap_25"} <= set(scores.per_image.columns)
    assert "tp_75" not in scores.per_image and scores.thresholds["threshold"].tolist() == [
        0.25,
        0.5,
    ]


def test_ids_are_kept_as_written():
    ids = ["001", "1e3", "NA", "../x"]
    scores = score_images([EMPTY] * 4, [EMPTY] * 4, ids=ids)
    assert scores.per_image["image_id"].tolist() == ids
    assert pd.api.types.is_string_dtype(scores.per_image["image_id"].dtype)


# ------------------------------------------------------------------------------------------ errors


def test_no_image():
    with pytest.raises(ValueError, match="at least one"):
        Scores.build([], [], SCORES.request)


def test_an_id_twice():
    with pytest.raises(ValueError, match="different ids"):
        Scores.concat([SCORES, SCORES])


def test_lengths_that_differ():
    with pytest.raises(ValueError, match="image_scores must have 2 values, got 1"):
        Scores.build(["a", "b"], SCORES.image_scores[:1], SCORES.request)
    with pytest.raises(ValueError, match="stain must have 1 values, got 2"):
        Scores.build(["a"], SCORES.image_scores[:1], SCORES.request, strata={"stain": ["x", "y"]})


def test_a_stratum_named_as_a_score():
    with pytest.raises(ValueError, match="rename dice, image_id"):
        Scores.build(
            ["a"],
            SCORES.image_scores[:1],
            SCORES.request,
            strata={"dice": ["x"], "image_id": ["y"]},
        )


def test_an_unknown_stratum():
    with pytest.raises(ValueError, match="no stratum 'stain'; there are size, modality"):
        SCORES.by("stain")


def test_parts_scored_in_different_ways():
    one = score_images(EMPTY, EMPTY, ids=["a"])
    with pytest.raises(ValueError, match="thresholds or rule"):
        Scores.concat([one, score_images(EMPTY, EMPTY, ScoreRequest(rule=">="), ids=["b"])])
    with pytest.raises(ValueError, match="same strata"):
        Scores.concat([one, score_images(EMPTY, EMPTY, ids=["b"], strata={"stain": ["x"]})])
    with pytest.raises(ValueError, match="at least one Scores"):
        Scores.concat([])
