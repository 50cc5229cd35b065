"""What `import nucfuse as nf` gives; scores of arrays: tests/metrics/test_scoring.py."""

import importlib

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import nucfuse as nf
from nucfuse.data.dataset import Sample
from nucfuse.data.io import write_dataset

TRUTH = {name: np.array([[1, 1, 0, 2], [1, 1, k, 2]]) for k, name in enumerate(["b", "a", "001"])}
PRED = {name: np.where(labels == 2, 0, labels) for name, labels in TRUTH.items()}


@pytest.fixture
def folders(tmp_path):
    for name, labels in (("truth", TRUTH), ("pred", PRED)):
        write_dataset(tmp_path / name, [Sample(i, x) for i, x in labels.items()], "labels")
    return tmp_path / "truth", tmp_path / "pred"


def in_order(labels):
    return [labels[i] for i in sorted(labels)]


def test_paths_are_data_sets(folders):
    truth, pred = folders
    expected = nf.score(in_order(TRUTH), in_order(PRED), ids=sorted(TRUTH)).summary
    for scores in (nf.score(truth, pred), nf.score(str(truth), str(pred))):
        assert scores.summary == expected
        assert scores.image_ids == ("001", "a", "b")


def test_options_reach_the_files(folders):
    truth, pred = folders
    scores = nf.score(truth, pred, thresholds=[0.5], metrics=["boundary"], seed=3)
    assert (scores.request.percents, scores.seed, scores.boundary_ap > 0) == ((50,), 3, True)
    next(pred.glob("a*")).unlink()
    with pytest.raises(nf.DataError, match="1 of 3 images have no prediction"):
        nf.score(truth, pred)
    assert nf.score(truth, pred, missing="zero").n_images == 3
    assert nf.score(truth, pred, missing="skip").n_images == 2


def test_strata_come_in_any_order_with_ids_and_as_the_images_without(folders):
    table = pd.DataFrame({"image_id": ["b", "001", "a"], "plate": ["x", "y", "x"]})
    for strata in (table, table.set_index("image_id"), {"plate": ["y", "x", "x"]}):
        scores = nf.score(*folders, strata=strata)
        assert scores.strata == {"plate": ("y", "x", "x")}
    by = nf.score(*folders, strata=table).by("plate")
    assert by[["plate", "n_images"]].to_numpy().tolist() == [["x", 2], ["y", 1]]
    with pytest.raises(ValueError, match="no row for 1 images, such as 'b'"):
        nf.score(*folders, strata=table[1:])


def test_comparison_of_files_and_of_arrays(folders):
    truth, pred = folders
    files = nf.compare(truth, [pred, truth])
    assert files.names == ("pred", "truth")
    arrays = nf.compare(in_order(TRUTH), {"p": in_order(PRED), "t": in_order(TRUTH)})
    numbers = files.table.drop(columns=["first_name", "other_name"])
    assert numbers.equals(arrays.table.drop(columns=["first_name", "other_name"]))
    assert set(arrays.table["other_name"]) == {"t"}
    assert "t minus p, on 3 images" in repr(arrays) and len(repr(arrays).splitlines()) < 15
    assert nf.compare(TRUTH["a"], [PRED["a"], TRUTH["a"]]).names == ("set 1", "set 2")


def test_comparison_by_strata(folders):
    truth, pred = folders
    table = pd.DataFrame({"image_id": ["b", "001", "a"], "plate": ["x", "y", "x"]})
    files = nf.compare(truth, [pred, truth], strata=table).strata_table
    arrays = nf.compare(in_order(TRUTH), [in_order(PRED), in_order(TRUTH)],
                        strata={"plate": ["y", "x", "x"]}).strata_table  # fmt: skip
    names = ["first_name", "other_name"]
    assert files.drop(columns=names).equals(arrays.drop(columns=names))
    assert set(files["value"]) == {"x", "y"} and set(files["stratum"]) == {"plate"}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda t, p: nf.score(t, PRED["a"]), TypeError, "all paths or all masks"),
        (lambda t, p: nf.score(t, p, ids=["a"]), ValueError, "have their own"),
        (lambda t, p: nf.compare(t, [p]), ValueError, "at least two sets"),
        (lambda t, p: nf.score(t, t / "no"), nf.DataError, "no such file"),
    ],
)
def test_mistakes_are_said(folders, call, kind, message):
    with pytest.raises(kind, match=message):
        call(*folders)


ROOMS = ("masks", "clean", "data", "ensemble", "metrics", "models", "report", "pipeline")


@pytest.mark.parametrize("name", ["", *ROOMS])
def test_every_room_names_what_is_public(name):
    room = importlib.import_module(f"nucfuse.{name}".rstrip("."))
    assert len(set(room.__all__)) == len(room.__all__) > 5
    for public in set(room.__all__) - {"__version__"}:
        assert getattr(room, public) is not None
        assert public in dir(room)
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = room.nosuch


MASKS = np.array([[[1, 1, 1, 0]], [[0, 1, 1, 1]], [[0, 0, 0, 1]]], bool)
SUPPRESSIONS = (nf.nms, nf.soft_nms, nf.matrix_nms)


@pytest.mark.parametrize("suppress", SUPPRESSIONS)
@pytest.mark.parametrize("scores", [[0.9, 0.8, 0.7], pd.Series([0.2, 0.8, 0.7]), None])
def test_suppression_takes_boolean_masks_with_scores(suppress, scores):
    values = None if scores is None else list(scores)
    expected = suppress(nf.Instances.from_masks(MASKS, scores=values))
    for masks in (MASKS, MASKS.astype(int).tolist(), nf.Instances.from_masks(MASKS)):
        kept = suppress(masks, scores=scores)
        assert kept.to_rle() == expected.to_rle()
        assert_array_equal(kept.scores, expected.scores)


def test_indices_of_boolean_masks_that_stay():
    assert nf.nms_indices(MASKS, 0.4, scores=[3, 2, 1]).tolist() == [0, 2]
    assert nf.nms_indices(MASKS, 0.4, scores=[1, 2, 3]).tolist() == [1, 2]
    assert nf.nms_indices(np.zeros((0, 4, 4), bool)).tolist() == []
    for wrong, said in ((dict(scores=[1, 2]), "3"), (dict(iou=2), "iou must be a number in")):
        with pytest.raises(ValueError, match=said):
            nf.nms_indices(MASKS, **wrong)
    with pytest.raises(ValueError, match="must be a stack"):
        nf.nms(MASKS[0])


def test_fusion_of_plain_boxes_and_maps():
    """As numbers in lists, arrays or pandas."""
    boxes = [[[0, 0, 4, 4]], [[0, 0, 4, 6], [9, 9, 12, 12]]]
    plain = nf.fuse_boxes(boxes, [[0.9], [0.6, 0.5]], weights=[2, 1], iou=0.5)
    frames = [pd.DataFrame(part, columns=["y0", "x0", "y1", "x1"]) for part in boxes]
    scores = [pd.Series([0.9]), pd.Series([0.6, 0.5])]
    for one, other in zip(
        plain, nf.fuse_boxes(frames, scores, weights=[2, 1], iou=0.5), strict=True
    ):
        assert_array_equal(one, other)
    assert_array_equal(plain.votes, [2, 1])
    assert nf.nms_boxes(frames[1], scores[1]).tolist() == [0, 1]
    assert_array_equal(nf.fuse_maps([[[0.0, 1.0]], [[0.5, 0.5]]], "max"), [[0.5, 1.0]])


def test_scores_are_short_and_their_numbers_attributes():
    scores = nf.score(in_order(TRUTH), in_order(PRED))
    assert len(repr(scores)) < 400
    assert f"dsb_ap {scores.dsb_ap:.4f}" in repr(scores)
    html = scores._repr_html_()
    assert "<table" in html and len(html) < 3000
    for name, value in scores.summary.items():
        assert getattr(scores, name) == value or np.isnan(value)
        assert name in dir(scores)
    assert 0 < scores.f1_50 < 1
    for table in (scores.per_image, scores.objects, scores.thresholds, scores.errors):
        assert isinstance(table, pd.DataFrame)


def test_strata_may_be_a_table_of_pandas():
    table = pd.DataFrame({"image_id": sorted(TRUTH), "plate": ["x", "y", "x"]})
    scores = nf.score(in_order(TRUTH), in_order(PRED), ids=sorted(TRUTH), strata=table)
    assert scores.by("plate")["n_images"].tolist() == [2, 1]
