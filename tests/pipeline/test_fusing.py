"""nucfuse fuse, clean and route as a user meets them."""

import csv
import json
import math
import re

import numpy as np
import pytest
from commands import disc, rows, run

from nucfuse.data.dataset import Sample
from nucfuse.data.formats.probabilities import write_probabilities
from nucfuse.data.io import open_dataset, write_dataset
from nucfuse.data.readers.raster import read_labels
from nucfuse.data.sample_images import sample_folder
from nucfuse.ensemble.nuclei.methods import METHODS
from nucfuse.masks.instances import Instances
from nucfuse.report.pictures import write_png

SHAPE = (40, 50)
IMAGES = sample_folder() / "images"


def labels_of(*discs):
    labels = np.zeros(SHAPE, np.int32)
    for k, (y, x, r) in enumerate(discs):
        disc(labels, y, x, r, k + 1)
    return labels


# Three models that all find the first nucleus; the second one only two, the third only one.
MODELS = {
    "a": [(10, 10, 6), (10, 30, 6)],
    "b": [(11, 10, 6), (10, 31, 6)],
    "c": [(10, 10, 6), (30, 40, 5)],
}


@pytest.fixture
def sets(tmp_path):
    for name, discs in MODELS.items():
        samples = [Sample(i, labels_of(*discs)) for i in ("x", "y")]
        write_dataset(tmp_path / name, samples, "labels")
    return [tmp_path / name for name in MODELS]


@pytest.fixture
def maps(tmp_path):
    for name, discs in MODELS.items():
        (tmp_path / f"map_{name}").mkdir()
        for i in ("x", "y"):
            probability = 0.1 + 0.8 * (labels_of(*discs) > 0)
            write_probabilities(
                tmp_path / f"map_{name}" / f"{i}.npz", probability[np.newaxis], ["nucleus"]
            )
    return [tmp_path / f"map_{name}" for name in MODELS]


def read(path, image_id="x"):
    masks = open_dataset(path).read(image_id).masks
    return masks if isinstance(masks, Instances) else Instances.from_labels(masks)


def test_the_majority_wins_and_every_nucleus_is_accounted_for(sets, tmp_path):
    result = run("fuse", *sets, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert len(read(tmp_path / "out")) == 2
    assert "2 images, 4 nuclei" in result.stderr
    assert "c: 4 nuclei in; 0 kept, 2 fused, 0 suppressed, 2 dropped" in result.stderr


def test_a_vote_of_two_says_what_is_often_better(sets, maps, tmp_path):
    advice = "two sets cannot outvote each other"
    assert advice in run("fuse", *sets[:2], "--out", tmp_path / "1").stderr
    assert advice not in run("fuse", *sets, "--out", tmp_path / "2").stderr
    assert advice not in run("fuse", *maps[:2], "--out", tmp_path / "3").stderr
    assert (
        advice not in run("fuse", *sets[:2], "--method", "fallback", "--out", tmp_path / "4").stderr
    )


@pytest.mark.parametrize("ending", [".csv", ".json", ".npz", ""])
def test_output_by_its_name(sets, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    assert run("fuse", *sets, "--out", out).exit_code == 0
    dataset = open_dataset(out, None, lambda _: SHAPE)
    assert dataset.ids == ["x", "y"]


def test_a_csv_is_what_kaggle_takes(sets, tmp_path):
    run("fuse", *sets, "--out", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().startswith("ImageId,EncodedPixels\nx,")
    for ending, kind in ((".csv", "a Kaggle submission"), ("", "label images")):
        failed = run("fuse", *sets, "--out", tmp_path / f"no{ending}", "--allow-overlap")
        assert failed.exit_code == 3
        assert f"{kind} cannot hold overlaps" in failed.stderr
        assert not (tmp_path / f"no{ending}").exists()
    args = ["fuse", *sets, "--method", "union", "--allow-overlap"]
    assert run(*args, "--out", tmp_path / "out.json").exit_code == 0


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_disjoint_nuclei(sets, tmp_path, method):
    assert run("fuse", *sets, "--out", tmp_path / "o.npz", "--method", method).exit_code == 0
    assert read(tmp_path / "o.npz").disjoint
    assert len(read(tmp_path / "o.npz")) >= 1


def test_parameters_and_weights_reach_the_method(sets, tmp_path):
    run("fuse", *sets, "--out", tmp_path / "all", "--method", "consensus", "--set", "min_votes=1")
    assert len(read(tmp_path / "all")) == 3
    run("fuse", *sets, "--out", tmp_path / "c", "--weights", "0,0,1")
    assert read(tmp_path / "c") == read(sets[2])


@pytest.mark.parametrize("method", ["mean", "median", "max", "weighted"])
def test_maps_are_fused_by_pixel(maps, tmp_path, method):
    result = run("fuse", *maps, "--out", tmp_path / "out", "--method", method)
    assert "fused pixel by pixel" in result.stderr
    assert len(read(tmp_path / "out")) == (3 if method == "max" else 2)


def test_masks_and_maps_mix(sets, maps, tmp_path):
    mixed = [sets[0], sets[1], maps[2]]
    assert run("fuse", *mixed, "--out", tmp_path / "out").exit_code == 0
    assert len(read(tmp_path / "out")) == 2
    refused = run("fuse", *mixed, "--out", tmp_path / "no", "--method", "mean")
    assert refused.exit_code == 3
    assert "probability maps only" in refused.stderr


def test_report_and_explanation(sets, tmp_path):
    report = tmp_path / "report"
    run("fuse", *sets, "--out", tmp_path / "out", "--report", report, "--explain", "x")
    made = rows(report / "provenance.csv")
    assert {row["made_from"] for row in made if row["nucleus"] == "1"} == {"a:1 b:1 c:1"}
    assert all(0 < float(row["confidence"]) <= 1 for row in made)
    fates = rows(report / "fates.csv")
    assert len(fates) == 2 * 6
    assert {(f["fate"], f["by"]) for f in fates if (f["model"], f["nucleus"]) == ("c", "2")} == {
        ("dropped", "")
    }
    assert {(f["fate"], f["by"]) for f in fates if f["nucleus"] == "1"} == {("fused", "1")}
    doubtful = rows(report / "equivocal.csv")
    assert {row["votes"] for row in doubtful} == {"2"}
    for part in ("agreement/x.png", "agreement/y.png", "explain/x.png"):
        assert (report / part).exists()
    failed = run("fuse", *sets, "--out", tmp_path / "o2", "--report", tmp_path / "r2",
                 "--explain", "z")  # fmt: skip
    assert failed.exit_code == 3
    assert "no such image: z" in failed.stderr
    assert not (tmp_path / "r2").exists()
    assert not (tmp_path / "o2").exists()
    assert "--report" in run("fuse", *sets, "--out", tmp_path / "o3", "--explain", "x").stderr


def test_who_suppressed_whom(sets, tmp_path):
    run("fuse", *sets, "--out", tmp_path / "out", "--report", tmp_path / "report",
        "--method", "fallback")  # fmt: skip
    fates = [f for f in rows(tmp_path / "report" / "fates.csv") if f["image_id"] == "x"]
    said = {f"{f['model']}:{f['nucleus']}": f"{f['fate']} {f['by']}" for f in fates}
    assert said == {
        "a:1": "kept 1", "a:2": "kept 2", "b:1": "suppressed a:1", "b:2": "suppressed a:2",
        "c:1": "suppressed a:1", "c:2": "kept 3",
    }  # fmt: skip


def test_maps_are_compared_nucleus_by_nucleus(maps, tmp_path):
    report = tmp_path / "report"
    args = ["fuse", *maps, "--report", report, "--explain", "x"]
    assert run(*args, "--out", tmp_path / "out.npz").exit_code == 0
    made = [row for row in rows(report / "provenance.csv") if row["image_id"] == "x"]
    assert [row["votes"] for row in made] == ["3", "2"]
    assert [row["made_from"] for row in made] == ["map_a:1 map_b:2 map_c:1", "map_a:2 map_b:1"]
    assert [row["nucleus"] for row in rows(report / "equivocal.csv")] == ["2", "2"]
    assert (report / "explain" / "x.png").exists()


def test_maps_of_other_sizes(maps, tmp_path):
    for file in maps[1].glob("*.npz"):
        write_probabilities(file, np.full((1, 20, 25), 0.9, np.float32), ["nucleus"])
    args = ["fuse", *maps, "--report", tmp_path / "report", "--out", tmp_path / "out.npz"]
    refused = run(*args)
    assert refused.exit_code == 3
    assert "resample" in refused.stderr
    assert run(*args, "--set", "resample=false").exit_code == 3
    assert not (tmp_path / "out.npz").exists()
    assert run(*args, "--set", "resample=true").exit_code == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.5])
def test_bad_probabilities(maps, tmp_path, value):
    found = dict(np.load(maps[1] / "y.npz"))
    found["probabilities"] = found["probabilities"].astype(np.float32)
    found["probabilities"][0, 3, 4] = value
    np.savez(maps[1] / "y.npz", **found)
    said = r"y\.npz: probabilities must lie in \[0, 1\]"
    for command in (["fuse", *maps], ["clean", maps[1]]):
        out = tmp_path / f"of-{command[0]}"
        failed = run(*command, "--out", out)
        assert failed.exit_code == 1
        assert re.search(rf"not (fused|cleaned): 'y': .*{said}", failed.stderr)
        assert [file.name for file in out.iterdir()] == ["x.png"]
        whole = run(*command, "--out", tmp_path / "out.csv")
        assert whole.exit_code == 3
        assert re.search(said, whole.stderr)
        assert not (tmp_path / "out.csv").exists()
    (maps[1] / "x.npz").write_bytes((maps[1] / "y.npz").read_bytes())
    assert run("clean", maps[1], "--out", tmp_path / "none").exit_code == 3
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("images", ["solution.csv", "data.npz", "labels", "pictures"])
def test_sizes_come_from_whatever_knows_them(sets, tmp_path, images):
    for name in ("one.csv", "two.csv"):
        run("fuse", *sets, "--out", tmp_path / name)
    args = ["fuse", tmp_path / "one.csv", tmp_path / "two.csv", "--out", tmp_path / "out.npz"]
    failed = run(*args)
    assert failed.exit_code == 3
    assert "give the truth or the images" in failed.stderr
    samples = [Sample(i, labels_of((9, 9, 3))) for i in ("x", "y")]
    if images == "pictures":
        (tmp_path / images).mkdir()
        for i in ("x", "y"):
            write_png(tmp_path / images / f"{i}.png", np.zeros((*SHAPE, 3), np.uint8))
    else:
        kinds = {"solution.csv": "kaggle", "data.npz": "npz", "labels": "labels"}
        write_dataset(tmp_path / images, samples, kinds[images])
    report = ["--report", tmp_path / "report", "--explain", "x"] if images == "pictures" else []
    result = run(*args, "--images", tmp_path / images, *report)
    assert result.exit_code == 0, result.stderr
    assert read(tmp_path / "out.npz").shape == SHAPE


def test_without_its_primary_an_image_takes_the_next(sets, tmp_path):
    """The number of the primary set counts among all sets, also those without the image."""
    next(sets[1].glob("y*")).unlink()
    args = ["fuse", *sets, "--missing", "skip-model", "--out", tmp_path / "out.npz",
            "--method", "fallback"]  # fmt: skip

    def first_is(path, image_id):
        primary = read(path, image_id).to_masks()
        return np.array_equal(read(tmp_path / "out.npz", image_id).to_masks()[:2], primary)

    assert run(*args, "--set", "primary=2").exit_code == 0
    assert first_is(sets[2], "x")
    assert first_is(sets[2], "y")
    assert run(*args, "--set", "primary=1").exit_code == 0
    assert first_is(sets[1], "x")
    assert first_is(sets[0], "y")
    failed = run(*args, "--set", "primary=3")
    assert failed.exit_code == 3
    assert "0 to 2, got 3" in failed.stderr


def test_an_image_with_maps_only_is_fused_as_the_others(sets, maps, tmp_path):
    """Of masks and maps the nuclei are fused, also where the masks are missing."""
    next(sets[0].glob("y*")).unlink()
    result = run("fuse", sets[0], *maps[1:], "--missing", "skip-model", "--set", "absent=0",
                 "--out", tmp_path / "out.npz")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "pixel" not in result.stderr


def test_missing_images(sets, tmp_path):
    next(sets[2].glob("y*")).unlink()
    failed = run("fuse", *sets, "--out", tmp_path / "out")
    assert failed.exit_code == 3
    assert "1 of 2 images are missing: 'y'" in failed.stderr
    result = run("fuse", *sets, "--out", tmp_path / "out", "--missing", "skip-model")
    assert "c: no prediction for 1 images" in result.stderr
    assert len(read(tmp_path / "out", "y")) == 2


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--weights", "1,2"], "3 prediction sets need as many weights, got 2"),
        (["--weights", "1,x,2"], "must be numbers"),
        (["--weights", "1,-1,1"], "weight"),
        (["--weights", "nan,1,1"], "weight"),
        (["--method", "magic"], "unknown method 'magic'"),
        (["--set", "iou"], "NAME=VALUE"),
        (["--set", "iou=2"], r"iou must be a number in \[0, 1\]"),
        (["--set", "nosuch=1"], "no setting 'nosuch'"),
        (["--set", "names=1"], "no setting 'names'"),
        (["--set", "disjoint=0"], "no setting 'disjoint'"),
        (["--set", "split.threshold=0.4"], "about probability maps, but there are none"),
        (["--split", "magic"], "got 'magic'"),
        (["--weights", "inf,1,1"], r"weights\[0\] must be a finite number"),
        (["--weights", "0,0,0"], "weights are all 0"),
        (["--method", "fallback", "--set", "primary=3"], "0 to 2, got 3"),
        (["--map", "map.toml"], "needs --route"),
        (["--route", "default"], "--route needs --map"),
    ],
)
def test_wrong_words(sets, tmp_path, extra, message):
    failed = run("fuse", *sets, "--out", tmp_path / "out", *extra)
    assert failed.exit_code == 3
    assert not (tmp_path / "out").exists()
    assert re.search(message, failed.stderr)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--set", "iou=0.4"], "'weighted' for maps has no setting 'iou'; there are: resample"),
        (["--set", "trim=0.4"], "no setting 'trim'"),
        (["--set", "resample=perhaps"], "resample must be true or false"),
        (["--set", "split.threshold=2"], "threshold must be a number"),
        (["--set", "split.depht=1"], "splitting by 'watershed' has no setting 'depht'"),
        (["--method", "trimmed", "--set", "trim=1"], r"trim must be a number in \[0, 0.5\]"),
    ],
)
def test_wrong_words_about_maps(maps, tmp_path, extra, message):
    failed = run("fuse", *maps, "--out", tmp_path / "out", *extra)
    assert failed.exit_code == 3
    assert not (tmp_path / "out").exists()
    assert re.search(message, failed.stderr)


def test_wrong_sets(sets, maps, tmp_path):
    out = tmp_path / "out"
    assert "at least two" in run("fuse", sets[0], "--out", out).stderr
    assert run("fuse", "--out", out).exit_code == 2
    assert "given twice" in run("fuse", sets[0], sets[0], "--out", out).stderr
    write_dataset(tmp_path / "other", [Sample("z", labels_of((9, 9, 5)))], "labels")
    assert "no image in common" in run("fuse", sets[0], tmp_path / "other", "--out", out).stderr
    turned = [Sample(i, labels_of((9, 9, 5)).T.copy()) for i in ("x", "y")]
    write_dataset(tmp_path / "turned", turned, "labels")
    failed = run("fuse", sets[0], tmp_path / "turned", "--out", out)
    assert "shape" in failed.stderr
    assert "'x'" in failed.stderr
    (maps[0] / "x.npz").write_bytes((maps[0] / "x.npz").read_bytes()[:-30])
    failed = run("fuse", *maps, "--out", out)
    assert failed.exit_code == 3
    assert "x.npz" in failed.stderr
    assert not out.exists()


def test_empty_sets_fuse_to_nothing(tmp_path):
    for name in ("a", "b"):
        write_dataset(tmp_path / f"{name}.csv", [Sample("x", Instances.empty(SHAPE))], "kaggle")
    run("fuse", tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out.npz")
    assert len(read(tmp_path / "out.npz")) == 0


def test_clean(sets, maps, tmp_path):
    write_dataset(
        tmp_path / "dirty.npz",
        [Sample("x", labels_of((10, 10, 6), (30, 30, 6), (3, 45, 1)))],
        "npz",
    )
    run("clean", tmp_path / "dirty.npz", "--out", tmp_path / "out")
    assert len(read(tmp_path / "out")) == 2
    run("clean", maps[0], "--out", tmp_path / "split")
    assert len(read(tmp_path / "split")) == 2
    for extra, words in (
        (["--set", "nosuch=1"], "cleaning has no setting 'nosuch'"),
        (["--set", "small=2"], "small must be a number"),
        (["--split", "magic"], "got 'magic'"),
        (["--set", "split.high=2"], "splitting by 'watershed' has no setting 'high'"),
    ):
        failed = run("clean", maps[0], "--out", tmp_path / "no", *extra)
        assert failed.exit_code == 3
        assert words in failed.stderr
        assert not (tmp_path / "no").exists()
    failed = run("clean", sets[0], "--out", tmp_path / "no", "--set", "split.threshold=0.4")
    assert "about probability maps" in failed.stderr


def test_clean_leaves_overlaps_where_they_are_allowed(tmp_path):
    masks = Instances.concatenate(
        [Instances.from_labels(labels_of(disc)) for disc in ((20, 20, 8), (20, 26, 8), (3, 45, 1))]
    )
    write_dataset(tmp_path / "pred.npz", [Sample("x", masks)], "npz")
    run("clean", tmp_path / "pred.npz", "--allow-overlap", "--out", tmp_path / "out.json")
    assert read(tmp_path / "out.json").areas.tolist() == masks.areas[:2].tolist()
    failed = run("clean", tmp_path / "pred.npz", "--allow-overlap", "--out", tmp_path / "out.csv")
    assert failed.exit_code == 3
    assert "a Kaggle submission cannot hold overlaps" in failed.stderr


@pytest.fixture
def routed(tmp_path):
    """Two prediction sets of two sample images of different clusters, and the routes."""
    table = tmp_path / "routes.csv"
    assert run("route", "apply", IMAGES, "--out", table).exit_code == 0
    by_cluster = {row["cluster"]: row["image_id"] for row in rows(table)}
    ids = [by_cluster["fluorescence"], by_cluster["histology"]]
    chosen = tmp_path / "images"
    chosen.mkdir()
    for name in ids:
        (chosen / f"{name}.png").write_bytes((IMAGES / f"{name}.png").read_bytes())
    shapes = [read_labels(sample_folder() / "truth" / f"{name}.png").shape for name in ids]
    for k, name in enumerate(("one", "two")):
        samples = []
        for image_id, shape in zip(ids, shapes, strict=True):
            labels = np.zeros(shape, np.int32)
            disc(labels, 40, 40 + 60 * k, 10, 1)
            samples.append(Sample(image_id, labels))
        write_dataset(tmp_path / name, samples, "labels")
    return tmp_path, ids


def test_each_cluster_gets_its_own_model(routed):
    tmp_path, ids = routed
    map_ = tmp_path / "map.toml"
    map_.write_text('[fluorescence]\nuse = "one"\n[histology]\nuse = "two"\n')
    args = ["fuse", tmp_path / "one", tmp_path / "two", "--out", tmp_path / "out.npz",
            "--route", "default", "--map", map_, "--images", tmp_path / "images"]  # fmt: skip
    result = run(*args)
    assert result.exit_code == 0, result.stderr
    assert "cluster fluorescence: 1 images" in result.stderr
    boxes = [read(tmp_path / "out.npz", name).boxes[0].tolist() for name in ids]
    assert [box[1] for box in boxes] == [30, 90]
    map_.write_text('[fluorescence]\nuse = "three"\n')
    assert "'three'" in run(*args).stderr
    map_.write_text('[brightfield]\nmethod = "consensus"\nparams = {iuo = 0.4}\n')
    failed = run(*args)  # though no image goes there
    assert failed.exit_code == 3
    assert "[brightfield]: method 'consensus' has no setting 'iuo'" in failed.stderr
    map_.write_text('[moon]\nuse = "one"\n')
    assert "'moon'" in run(*args).stderr


def test_route_fit_and_show(tmp_path):
    router = tmp_path / "router.json"
    assert "fluorescence: 7 images" in run("route", "fit", IMAGES, "--out", router).stderr
    result = run("route", "show", IMAGES, "--router", router, "--out", tmp_path / "sheets")
    assert result.exit_code == 0
    assert len(list((tmp_path / "sheets").glob("*.png"))) == 3
    inside = run("route", "apply", tmp_path / "sheets", "--out", tmp_path / "sheets" / "r.csv")
    assert "must not lie inside the input" in inside.stderr
    document = json.loads(router.read_text())
    document["nucfuse_router"] = 99
    router.write_text(json.dumps(document))
    failed = run("route", "apply", IMAGES, "--router", router, "--out", tmp_path / "r.csv")
    assert failed.exit_code == 3
    assert "router of version 99, and this nucfuse reads version 1" in failed.stderr


def test_provenance_is_a_csv_of_one_row_per_result(sets, tmp_path):
    run("fuse", *sets, "--out", tmp_path / "out", "--report", tmp_path / "report")
    with (tmp_path / "report" / "provenance.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 1 + 2 * len(read(tmp_path / "out"))
