"""Two sets of predictions on the same images."""

import json

import numpy as np
import pytest

from nucfuse.metrics.comparison import Comparison, Difference
from nucfuse.metrics.request import ScoreRequest
from nucfuse.metrics.scores import Scores
from nucfuse.metrics.scoring import score_images


def made(rng, share, ids):
    """Predictions that keep so much of each of some random images."""
    images = [np.random.default_rng(i).integers(0, 6, (6, 6)) for i in range(len(ids))]
    preds = [np.where(rng.random(x.shape) < share, x, 0) for x in images]
    return score_images(images, preds, ids=ids)


IDS = [f"image {i}" for i in range(12)]
WORSE = made(np.random.default_rng(1), 0.5, IDS)
BETTER = made(np.random.default_rng(2), 0.9, IDS)


def test_differences_and_wins():
    table = Difference.of(WORSE, BETTER).table
    row = table.loc["dsb_ap"]
    assert row["first"] == WORSE.dsb_ap and row["other"] == BETTER.dsb_ap
    assert row["difference"] == BETTER.dsb_ap - WORSE.dsb_ap
    assert 0 < row["low"] <= row["difference"] <= row["high"]
    change = BETTER.per_image["dsb_ap"] - WORSE.per_image["dsb_ap"]
    expected = [(change > 0).sum(), (change < 0).sum(), (change == 0).sum()]
    assert [row["wins"], row["losses"], row["ties"]] == expected


def test_fewer_errors_are_a_win():
    row = Difference.of(WORSE, BETTER).table.loc["missed"]
    fewer = BETTER.per_image["missed"] < WORSE.per_image["missed"]
    assert row["wins"] == fewer.sum() and row["difference"] < 0


def test_pooled_numbers_have_no_wins():
    table = Difference.of(WORSE, BETTER).table
    assert table.loc["f1_50", "wins":].isna().all() and table.loc["f1_50", "low"] > 0


def test_swapping_the_two_turns_everything_round():
    one, two = Difference.of(WORSE, BETTER).table, Difference.of(BETTER, WORSE).table
    np.testing.assert_allclose(one["difference"], -two["difference"])
    np.testing.assert_allclose(one["low"], -two["high"], atol=1e-12)
    assert one["wins"].equals(two["losses"].rename("wins")) and one["ties"].equals(two["ties"])


def test_a_set_against_itself():
    table = Difference.of(BETTER, BETTER).table
    assert not table[["difference", "low", "high"]].to_numpy().any()
    assert table["ties"].dropna().eq(len(IDS)).all()


def test_only_common_images_count_in_any_order():
    some, others = BETTER.subset([7, 2, 5]), WORSE.subset([2, 7, 5, 0])
    pair = Difference.of(others, some)
    assert (pair.n_images, pair.n_left_out) == (3, 1)
    assert pair.table.loc["pq", "first"] == pytest.approx(WORSE.subset([2, 5, 7]).pq)


def test_the_same_seed_gives_the_same_interval():
    one, two, three = (
        Difference.of(WORSE, BETTER, seed=s).table.loc["pq", "low"] for s in (1, 1, 2)
    )
    assert one == two != three


def test_json():
    document = json.loads(json.dumps(Difference.of(WORSE, BETTER, ("a", "b")).to_dict()))
    assert document["names"] == ["a", "b"] and document["scores"][0]["score"] == "dsb_ap"
    assert {row["wins"] for row in document["scores"] if row["score"] == "f1_50"} == {None}


PLATES = ["x", "y", "y"] * 4


def on_plates(scores):
    return Scores.build(
        scores.image_ids, scores.image_scores, scores.request, strata={"plate": PLATES}
    )


def test_strata_are_compared_on_their_images():
    whole = Difference.of(on_plates(WORSE), on_plates(BETTER).subset(range(11)), by=["plate"])
    assert list(whole.strata) == ["plate"] and list(whole.strata["plate"]) == ["x", "y"]
    for plate, n in (("x", 4), ("y", 7)):
        own = [i for i in range(11) if PLATES[i] == plate]
        expected = Difference.of(WORSE.subset(own), BETTER.subset(own))
        found = whole.strata["plate"][plate]
        assert found.n_images == n and found.table.equals(expected.table)
    document = json.loads(json.dumps(whole.to_dict(), allow_nan=False))
    assert [(row["plate"], row["n_images"]) for row in document["by"]["plate"]] == [
        ("x", 4), ("y", 7),
    ]  # fmt: skip
    table = Comparison.of([on_plates(WORSE), on_plates(BETTER)], ["a", "b"], by=["plate"])
    rows = table.strata_table.set_index(["value", "score"])
    mean = BETTER.subset(np.array(PLATES) == "y").pq
    assert rows.loc[("y", "pq"), "other"] == pytest.approx(mean)


def test_sizes_are_compared():
    rows = Difference.of(WORSE, BETTER, by=["size"]).sizes
    for row, one, two in zip(rows, WORSE.stratum_rows("size"), BETTER.stratum_rows("size"),
                             strict=True):  # fmt: skip
        assert (row["area_up_to"], row["n_true"]) == (one["area_up_to"], one["n_true"])
        assert row["recall_difference"] == two["recall"] - one["recall"]
        assert (row["precision_first"], row["precision_other"]) == (
            pytest.approx(one["precision"], nan_ok=True),
            pytest.approx(two["precision"], nan_ok=True),
        )


def test_without_a_word_nothing_is_told_apart():
    pair = Difference.of(on_plates(WORSE), on_plates(BETTER))
    assert not pair.strata and not pair.sizes and "by" not in pair.to_dict()
    with pytest.raises(ValueError, match="no stratum 'stain'; there are size, plate"):
        Difference.of(on_plates(WORSE), on_plates(BETTER), by=["stain"])


def test_nothing_in_common():
    with pytest.raises(ValueError, match="no image in common"):
        Difference.of(WORSE.subset([0]), BETTER.subset([1]))


def test_scored_in_different_ways():
    other = score_images(np.eye(2, dtype=int), np.eye(2, dtype=int), ScoreRequest((50,)))
    with pytest.raises(ValueError, match="thresholds or rule"):
        Difference.of(WORSE, other)
