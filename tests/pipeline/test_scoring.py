"""Files against files: what is missing, ignored or left out."""

import gc
import json
import tracemalloc

import numpy as np
import pytest
from commands import rows, run

import nucfuse as nf
from nucfuse.metrics.names import SCORES
from nucfuse.pipeline.scoring import ScoreOptions, score_sets
from nucfuse.report.scores import score_text


@pytest.fixture
def csv(tmp_path):
    """A function: name and text of a CSV -> its path."""

    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_missing_image_scores_0_even_where_there_is_nothing_to_find(csv):
    truth = csv("t.csv", "ImageId,EncodedPixels,Height,Width\na,1 3,10,10\nc,,10,10\n")
    pred = csv("p.csv", "ImageId,EncodedPixels\na,1 3\n")
    scores = nf.score(truth, pred, missing="zero", metrics=["boundary"])
    assert {scores.summary[name] for name in (*SCORES, "boundary_ap", "boundary_f")} == {0.5}
    assert scores.both_empty == 0 and scores.gain_missed == 0
    assert scores.per_image["ap_50"].tolist() == [1, 0]
    said = nf.score(truth, csv("q.csv", "ImageId,EncodedPixels\na,1 3\nc,\n"))
    assert (said.dsb_ap, said.both_empty) == (1, 1)


def test_only_missing_images_score_0(csv):
    truth = csv("t.csv", "ImageId,EncodedPixels,Height,Width\na,1 3,10,10\nc,,10,10\n")
    pred = csv("p.csv", "ImageId,EncodedPixels\na,1 3\n")
    missing = nf.score(truth, pred, missing="zero").subset([1])
    assert {missing.summary[name] for name in (*SCORES, "precision_50", "f1_50")} == {0}
    assert np.all(missing.resampled(5)["f1_50"] == 0)


SOLUTION = """ImageId,EncodedPixels,Height,Width,Usage
a,1 3,10,10,Private
a,11 3,10,10,Private
b,1 3,10,10,Ignored
c,1 3,10,10,Public
"""
SUBMISSION = "ImageId,EncodedPixels\na,1 3\na,11 3\nb,\nc,\n"


@pytest.mark.parametrize(("options", "n_images", "ap", "note"), [
    ([], 2, 0.5, "1 of 3 images do not count, marked Ignored in its column Usage: 'b'"),
    (["--usage", "Private"], 1, 1.0, "2 of 3 images do not count, not marked Private"),
    (["--usage", "Public"], 1, 0.0, "2 of 3 images do not count, not marked Public"),
])  # fmt: skip
def test_ignored_images_do_not_count(csv, options, n_images, ap, note):
    truth, pred = csv("t.csv", SOLUTION), csv("p.csv", SUBMISSION)
    result = run("score", truth, pred, "--json", *options)
    said = json.loads(result.stdout)
    assert (said["predictions"][0]["n_images"], said["predictions"][0]["dsb_ap"]) == (n_images, ap)
    assert note in said["notes"][0] and result.exit_code == 0
    assert note in run("compare", truth, pred, pred, *options).stdout


def test_a_submission_may_leave_out_what_is_ignored(csv):
    truth = csv("t.csv", SOLUTION)
    pred = csv("p.csv", "ImageId,EncodedPixels\na,1 3\na,11 3\nc,\n")
    assert nf.score(truth, pred).n_images == 2


def test_all_images_count_if_none_is_ignored(csv):
    truth = csv("t.csv", SOLUTION.replace("Ignored", "public "))
    assert nf.score(truth, csv("p.csv", SUBMISSION)).n_images == 3
    other = csv("o.csv", SOLUTION.replace("Usage", "Fold"))
    assert nf.score(other, csv("p.csv", SUBMISSION)).n_images == 3


@pytest.mark.parametrize(("change", "options", "message"), [
    (("Usage", "Fold"), ["--usage", "Public"], "t.csv has no column Usage"),
    (("13,", "13,"), ["--usage", "Other"], "Invalid value for '--usage'"),
    (("Private", "Ignored"), ["--usage", "Private"], "all 3 images are not marked Private"),
    (("a,11 3,10,10,Private", "a,11 3,10,10,Public"), [],
     "rows of image 'a' have the Usage private and public; an image has one"),
])  # fmt: skip
def test_usages_that_make_no_sense(csv, change, options, message):
    truth, pred = csv("t.csv", SOLUTION.replace(*change)), csv("p.csv", SUBMISSION)
    result = run("score", truth, pred, *options)
    assert message in result.stderr and result.exit_code in (2, 3)


def test_usage_needs_a_solution(csv):
    pred = csv("p.csv", SUBMISSION)
    truth = csv("t.csv", SOLUTION.replace(",Usage", "").replace(",Private", "")
                .replace(",Ignored", "").replace(",Public", ""))  # fmt: skip
    assert "no column Usage" in run("score", truth, pred, "--usage", "Public").stderr


def test_compare_shows_strata_and_their_differences(csv, tmp_path):
    truth = csv("t.csv", SOLUTION.replace("Ignored", "Public"))
    pred = csv("p.csv", SUBMISSION)
    plates = csv("plates.csv", "image_id,plate\na,one\nb,two\nc,two\n")
    arguments = ("compare", truth, pred, truth, "--by", "plate", "--by", "size")
    result = run(*arguments, "--metadata", plates, "--out", tmp_path / "out")
    said = result.stdout
    assert "t minus p, by plate" in said and "t minus p, by size" in said
    line = next(line for line in said.splitlines() if line.startswith("two "))
    assert line.split()[1:5] == ["2", "0.0000", "1.0000", "+1.0000"]
    table = rows(tmp_path / "out" / "comparison_by.csv")
    wanted = [r["difference"] for r in table if (r["value"], r["score"]) == ("two", "dsb_ap")]
    assert wanted == ["1"]
    by = json.loads(run(*arguments, "--metadata", plates, "--json").stdout)["comparisons"][0]["by"]
    assert [row["plate"] for row in by["plate"]] == ["one", "two"]
    assert [row["recall_difference"] for row in by["size"]] == [0.5, None]
    assert run("compare", truth, pred, truth, "--by", "plate").exit_code == 3


def kept_memory(folder, n):
    """Bytes that a score of n images of eight nuclei keeps, once its text is written."""
    corners = [f"{1 + 16 * x} 8" for x in range(0, 16, 2)]
    for name in ("t.csv", "p.csv"):
        lines = [f"image {i},{text},16,16" for i in range(n) for text in corners]
        (folder / name).write_text("\n".join(["ImageId,EncodedPixels,Height,Width", *lines]))
    gc.collect()
    tracemalloc.start()
    try:
        result = score_sets(folder / "t.csv", [folder / "p.csv"], ScoreOptions())
        score_text(result)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_memory_grows_by_less_than_two_kilobytes_an_image(tmp_path):
    kept_memory(tmp_path, 10)  # compiles and fills the caches
    growth = (kept_memory(tmp_path, 300) - kept_memory(tmp_path, 100)) / 200
    assert growth < 2000
