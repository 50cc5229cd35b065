"""`nf.score` and `nf.compare` of files; of arrays, see tests/metrics/test_scoring.py."""

import numpy as np
import pandas as pd
import pytest

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
