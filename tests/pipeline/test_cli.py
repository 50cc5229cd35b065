"""The commands as a user meets them: what they print, what they write, how they fail."""

import errno
import json
import re

import numpy as np
import pytest
from commands import disc, rows, run

import nucfuse as nf
from nucfuse.data.dataset import Sample
from nucfuse.data.io import write_dataset
from nucfuse.masks.instances import Instances
from nucfuse.pipeline import scoring

THRESHOLDS = range(50, 100, 5)
PER_IMAGE = [
    "image_id", "n_true", "n_pred", "dsb_ap", *(f"tp_{t}" for t in THRESHOLDS),
    *(f"fp_{t}" for t in THRESHOLDS), *(f"fn_{t}" for t in THRESHOLDS),
    "pq", "sq", "rq", "aji", "aji_plus", "dice", "missed", "spurious", "split", "merged",
]  # fmt: skip


def images():
    """Three label images with a truth and a prediction each."""
    made = {}
    for k, name in enumerate(["001", "NA", "1e3"]):
        true, pred = np.zeros((40, 50), np.int32), np.zeros((40, 50), np.int32)
        for n, x in enumerate((10, 25, 40)):
            disc(true, 15, x, 6, n + 1)
            disc(pred, 15 + k, x, 6, n + 5)
        disc(pred, 35, 45, 1, 99)
        made[name] = (true, pred)
    return made


@pytest.fixture
def folders(tmp_path):
    for side in (0, 1):
        samples = [Sample(name, pair[side]) for name, pair in images().items()]
        write_dataset(tmp_path / ("truth", "pred")[side], samples, "labels")
    return tmp_path / "truth", tmp_path / "pred"


def test_score_prints_the_score_of_the_library(folders):
    said = json.loads(run("score", *folders, "--json").stdout)["predictions"][0]
    true, pred = zip(*(pair for _, pair in sorted(images().items())), strict=True)
    assert said["dsb_ap"] == pytest.approx(nf.score(list(true), list(pred)).dsb_ap, abs=1e-12)
    assert (said["name"], said["n_images"], said["n_missing"], said["n_extra"]) == ("pred", 3, 0, 0)


def test_score_text_has_the_headline_the_errors_and_the_worst(folders):
    said = run("score", *folders, "--by", "size", "--worst", "1").stdout
    for words in ("dsb_ap", "95 % interval", "3 paired, 0 missing, 0 extra", "where the points are",
                  "imprecise", "by size", "worst images"):  # fmt: skip
        assert words in said


def test_tables_have_the_promised_names(folders, tmp_path):
    out = tmp_path / "deep" / "out"
    run("score", *folders, "--out", out)
    table = rows(out / "per_image.csv")
    assert list(table[0])[: len(PER_IMAGE)] == PER_IMAGE
    assert [row["image_id"] for row in table] == ["001", "1e3", "NA"]
    objects = rows(out / "objects.csv")
    assert {row["kind"] for row in objects if row["id"] == "99"} == {"spurious"}
    assert len(objects) == 3 * (3 + 4)
    record = json.loads((out / "run.json").read_text())
    assert record["versions"]["nucfuse"] == nf.__version__
    assert len(record["inputs"]) == 2
    summary = json.loads((out / "summary.json").read_text())
    assert summary["predictions"][0]["n_images"] == 3


@pytest.mark.parametrize("workers", [["--jobs", "1"], ["--jobs", "4"], ["--engine", "serial"]])
def test_workers_change_nothing(folders, tmp_path, workers):
    assert run("score", *folders, "--out", tmp_path / "a").exit_code == 0
    run("score", *folders, "--out", tmp_path / "b", *workers)
    for name in ("per_image.csv", "objects.csv", "summary.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_several_sets_and_a_comparison(folders, tmp_path):
    truth, pred = folders
    run("score", truth, pred, truth, "--out", tmp_path / "out")
    assert (tmp_path / "out" / "pred" / "per_image.csv").exists()
    said = run("compare", truth, pred, truth)
    assert re.search(r"dsb_ap +\+0\.\d+ .* 3 / 0 / 0", said.stdout)
    document = json.loads(run("compare", truth, pred, truth, "--json").stdout)
    assert len(document["comparisons"]) == 1
    run("compare", truth, pred, truth, "--out", tmp_path / "compared")
    assert rows(tmp_path / "compared" / "comparison.csv")[0]["other_name"] == "truth"
    assert run("compare", truth, pred).exit_code == 2


def test_scores_by_column_of_a_table(folders, tmp_path):
    table = tmp_path / "meta.csv"
    table.write_text("ImageId,plate\n001,x\n1e3,y\nNA,x\n")
    said = run("score", *folders, "--by", "plate", "--metadata", table, "--json").stdout
    by = json.loads(said)["predictions"][0]["by"]["plate"]
    assert [(row["plate"], row["n_images"]) for row in by] == [("x", 2), ("y", 1)]
    assert run("score", *folders, "--by", "plate").exit_code == 3
    assert "--metadata" in run("score", *folders, "--by", "plate").stderr


def test_label_images_are_not_taken_for_images(folders):
    result = run("score", *folders, "--by", "modality")
    assert result.exit_code == 3
    assert "--by modality needs the images: give their folder as --images" in result.stderr


def test_thresholds_rule_and_extra_metrics(folders):
    said = json.loads(
        run("score", *folders, "--thresholds", "0.5,0.75", "--rule", ">=", "--metrics",
            "boundary", "--json").stdout
    )["predictions"][0]  # fmt: skip
    assert [row["threshold"] for row in said["thresholds"]] == [0.5, 0.75]
    assert 0 < said["boundary_ap"] <= 1
    for wrong in (["--thresholds", "half"], ["--thresholds", "1.5"], ["--metrics", "map"]):
        assert run("score", *folders, *wrong).exit_code == 3


def test_ranked_ap_needs_scores(folders, tmp_path):
    truth, pred = folders
    assert "scores" in run("score", truth, pred, "--metrics", "coco_ap").stderr
    samples = [
        Sample(name, Instances.from_labels(pair[1], scores=[0.9, 0.8, 0.7, 0.1]))
        for name, pair in images().items()
    ]
    write_dataset(tmp_path / "pred.npz", samples, "npz")
    said = json.loads(
        run("score", truth, tmp_path / "pred.npz", "--metrics", "coco_ap", "--json").stdout
    )
    assert 0 < said["predictions"][0]["coco_ap"] <= 1


def test_fail_under(folders):
    truth, pred = folders
    assert run("score", truth, pred, "--fail-under", "0.99").exit_code == 4
    assert run("score", truth, truth, "--fail-under", "0.99").exit_code == 0


def test_missing_predictions(folders, tmp_path):
    truth, pred = folders
    next(pred.glob("NA*")).unlink()
    (pred / "more.png").write_bytes(next(pred.glob("001*")).read_bytes())
    failed = run("score", truth, pred, "--out", tmp_path / "out")
    assert (failed.exit_code, (tmp_path / "out").exists()) == (3, False)
    assert "1 of 3 images have no prediction: 'NA'" in failed.stderr
    for rule, n_images in (("zero", 3), ("skip", 2)):
        result = run("score", truth, pred, "--missing", rule, "--json")
        said = json.loads(result.stdout)["predictions"][0]
        assert (result.exit_code, said["n_missing"], said["n_extra"]) == (1, 1, 1)
        assert (said["n_images"], said["missing"]) == (n_images, ["NA"])
    assert "1 missing, 1 extra" in run("score", truth, pred, "--missing", "zero").stdout


def test_unreadable_prediction_is_named_and_counts_as_missing(folders):
    truth, pred = folders
    broken = next(pred.glob("1e3*"))
    broken.write_bytes(broken.read_bytes()[:-20])
    failed = run("score", truth, pred)
    assert failed.exit_code == 3
    assert broken.name in failed.stderr
    result = run("score", truth, pred, "--missing", "zero", "--json")
    said = json.loads(result.stdout)["predictions"][0]
    assert (result.exit_code, said["n_missing"], list(said["failed"])) == (1, 1, ["1e3"])


def test_unreadable_truth_ends_the_run(folders):
    truth, pred = folders
    next(truth.glob("1e3*")).write_bytes(b"not an image")
    assert run("score", truth, pred, "--missing", "zero").exit_code == 3


def test_transposed_prediction_is_recognised(folders, tmp_path):
    turned = [Sample(name, pair[1].T.copy()) for name, pair in images().items()]
    write_dataset(tmp_path / "turned", turned, "labels")
    failed = run("score", folders[0], tmp_path / "turned")
    assert failed.exit_code == 3
    assert "transposing the prediction would fit" in failed.stderr
    assert "'001'" in failed.stderr


def test_overlapping_predictions_need_a_word(folders, tmp_path):
    masks = np.zeros((2, 40, 50), bool)
    masks[0, 5:15, 5:15] = masks[1, 10:20, 5:15] = True
    samples = [Sample(name, Instances.from_masks(masks)) for name in images()]
    write_dataset(tmp_path / "pred.json", samples, "coco")
    failed = run("score", folders[0], tmp_path / "pred.json")
    assert failed.exit_code == 3
    assert "--allow-overlap" in failed.stderr
    assert run("score", folders[0], tmp_path / "pred.json", "--allow-overlap").exit_code == 0


def test_no_image_in_common(folders, tmp_path):
    write_dataset(tmp_path / "other", [Sample("z", images()["NA"][0])], "labels")
    assert "Truth has '001'" in run("score", folders[0], tmp_path / "other").stderr


def test_output_must_not_be_an_input(folders):
    truth, pred = folders
    for out in (pred, pred / "scores"):
        failed = run("score", truth, pred, "--out", out)
        assert failed.exit_code == 3
        assert "output" in failed.stderr
    assert len(list(pred.iterdir())) == 3


def test_disk_full_leaves_nothing(folders, tmp_path, monkeypatch):
    def full(*_args, **_rest):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pandas.DataFrame.to_csv", full)
    failed = run("score", *folders, "--out", tmp_path / "out")
    assert failed.exit_code == 3
    assert "disk is full" in failed.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pred", "truth"]


def test_ctrl_c(folders, monkeypatch):
    def interrupted(*_args, **_rest):
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "score_sets", interrupted)
    assert run("score", *folders).exit_code == 130


@pytest.mark.parametrize("to", ["kaggle", "coco", "npz", "labels"])
def test_convert_keeps_every_nucleus(folders, tmp_path, to):
    truth, pred = folders
    ending = {"kaggle": ".csv", "coco": ".json", "npz": ".npz", "labels": ""}[to]
    assert run("convert", pred, tmp_path / f"as{ending}", "--to", to).exit_code == 0
    before = json.loads(run("score", truth, pred, "--json").stdout)
    after = json.loads(run("score", truth, tmp_path / f"as{ending}", "--json").stdout)
    assert before["predictions"][0]["dsb_ap"] == after["predictions"][0]["dsb_ap"]


@pytest.mark.parametrize("to", ["geojson", "imagej"])
def test_convert_for_viewers(folders, tmp_path, to):
    assert run("convert", folders[1], tmp_path / "view", "--to", to).exit_code == 0
    assert len(list((tmp_path / "view").iterdir())) == 3


def test_submission_is_legal(folders, tmp_path):
    masks = np.zeros((2, 40, 50), bool)
    masks[0, 5:15, 5:15] = masks[1, 10:20, 5:15] = True
    samples = [
        Sample("b", Instances.from_masks(masks, scores=[0.1, 0.9])),
        Sample("a", Instances.empty((40, 50))),
    ]
    write_dataset(tmp_path / "pred.npz", samples, "npz")
    wanted = tmp_path / "sample.csv"
    wanted.write_text("ImageId,EncodedPixels\nb,1 1\na,1 1\n")
    target = tmp_path / "sub.csv"
    result = run("submit", tmp_path / "pred.npz", target, "--sample-submission", wanted)
    assert "2 nuclei in; 1 cut (50 pixels lay in several masks, each went to one by score)" in (
        result.stderr
    )
    table = rows(target)
    assert [row["ImageId"] for row in table] == ["b", "b", "a"]
    assert table[2]["EncodedPixels"] == ""
    decoded = nf.decode_labels([row["EncodedPixels"] for row in table[:2]], (40, 50))
    assert np.count_nonzero(decoded == 2) == 100
    wanted.write_text("ImageId,EncodedPixels\nb,1 1\nc,1 1\n")
    failed = run("submit", tmp_path / "pred.npz", target, "--sample-submission", wanted)
    assert "have no prediction: 'c'" in failed.stderr
    wanted.write_text("ImageId,EncodedPixels\nb,1 1\n")
    failed = run("submit", tmp_path / "pred.npz", target, "--sample-submission", wanted)
    assert "are not in" in failed.stderr


def test_a_submission_is_cleaned_as_clean_would_and_says_it(folders, tmp_path):
    _, pred = folders
    said = run("submit", pred, tmp_path / "sub.csv")
    assert "3 images, 9 nuclei" in said.stderr
    assert "12 nuclei in; 3 dropped (3 too small)" in said.stderr
    run("clean", pred, "--out", tmp_path / "cleaned.csv")
    assert (tmp_path / "cleaned.csv").read_text() == (tmp_path / "sub.csv").read_text()
    kept = run("submit", pred, tmp_path / "all.csv", "--set", "speck=0", "--set", "small=0")
    assert "12 nuclei" in kept.stderr
    assert "dropped" not in kept.stderr
    wrong = run("submit", pred, tmp_path / "x.csv", "--set", "speck=-1")
    assert (wrong.exit_code, "speck" in wrong.stderr) == (3, True)


def test_doctor_examines_a_submission_with_what_knows_the_sizes(folders, tmp_path):
    truth, pred = folders
    target = tmp_path / "sub.csv"
    run("submit", pred, target)
    alone = run("doctor", target)
    assert alone.exit_code == 3
    for option in ("--truth", "--images"):
        said = run("doctor", target, option, truth)
        assert (said.exit_code, "9 nuclei" in said.stdout) == (0, True)
    lines = target.read_text().splitlines()
    target.write_text("\n".join([*[x for x in lines if not x.startswith("1e3")], "other,1 1"]))
    said = run("doctor", target, "--truth", truth).stdout
    assert "missing image: 1 in 1 images" in said
    assert "unknown image: 1 in 1 images" in said


def test_doctor_finds_masks_of_another_size_than_the_images(folders, tmp_path):
    _, pred = folders
    write_dataset(tmp_path / "other", [Sample("001", np.ones((9, 9), int))], "labels")
    said = run("doctor", pred, "--truth", tmp_path / "other")
    assert said.exit_code == 3
    assert "masks are (40, 50), the truth say" in said.stdout


def test_doctor(folders):
    result = run("doctor", folders[1])
    assert result.exit_code == 0
    assert "speck: 3 in 3 images" in result.stdout
    assert run("doctor", folders[0]).exit_code == 0
    assert json.loads(run("doctor", folders[1], "--json").stdout)["n_nuclei"] == 12


def test_sample_predict_score(tmp_path):
    run("sample", "--out", tmp_path / "sample")
    chosen = tmp_path / "few"
    chosen.mkdir()
    for path in sorted((tmp_path / "sample" / "images").iterdir())[:2]:
        (chosen / path.name).write_bytes(path.read_bytes())
    assert run("predict", chosen, "--out", tmp_path / "otsu").exit_code == 0
    truth, images_ = tmp_path / "sample" / "truth", tmp_path / "sample" / "images"
    result = run("score", truth, tmp_path / "otsu", "--missing", "skip", "--by", "modality",
                 "--images", images_, "--json")  # fmt: skip
    said = json.loads(result.stdout)["predictions"][0]
    assert said["n_images"] == 2
    assert said["dsb_ap"] > 0.05
    unknown = run("predict", chosen, "--model", "nosuch", "--out", tmp_path / "x")
    assert unknown.exit_code == 3
    assert "otsu" in unknown.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["score", "nowhere", "nowhere"],
        ["score", "--no-such-option"],
        ["convert", "nowhere", "out", "--to", "labels"],
        ["predict", "nowhere", "--out", "out"],
        ["doctor", "nowhere"],
        ["submit", "nowhere", "out.csv"],
    ],
)
def test_wrong_paths_and_options(args):
    result = run(*args)
    assert result.exit_code in (2, 3)
    assert result.stderr
