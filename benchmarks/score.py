"""The DSB score of label images in memory: stardist, the kernel of 2018, a plain memory pass."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import peers
from measure import Row, check, faster, within
from scenes import Scene
from stardist.matching import matching_dataset

import nucfuse as nf

PERCENTS = range(50, 100, 5)
_MATCHING = "stardist.matching at the ten thresholds"


def rows_of_real(scene: Scene) -> Iterator[Row]:
    """The three rows of the real images."""
    work = f"DSB score, {scene.name} in memory"

    def kaggle() -> list[tuple[float, list[int]]]:
        return [peers.kaggle_2018(t, p) for t, p in zip(scene.true, scene.pred, strict=True)]

    ours, theirs = nf.score(scene.true, scene.pred), kaggle()
    check(hits(ours) == np.sum([tp for _, tp in theirs], axis=0).tolist(), "hits, Kaggle kernel")
    mean = float(np.mean([ap for ap, _ in theirs]))
    check(abs(ours.dsb_ap - mean) < 1e-12, f"score {ours.dsb_ap}, Kaggle kernel {mean}")
    check_stardist(scene)

    yield faster(
        work, _MATCHING, lambda: stardist(scene), lambda: score(scene), 20, note=scene.size
    )
    yield faster(
        "the same", "the 2018 Kaggle kernel, np.histogram2d", kaggle, lambda: score(scene), 25
    )
    yield memory_row(scene, "the same", 5)


def rows_of_synthetic(scene: Scene) -> Iterator[Row]:
    """One image of 5,000 nuclei: stardist needs an assignment of 5,000 x 5,000."""
    check_stardist(scene)
    work = f"DSB score, {scene.name}"
    yield faster(
        work, _MATCHING, lambda: stardist(scene), lambda: score(scene), 500, note=scene.size
    )


def rows_of_large(scene: Scene) -> Iterator[Row]:
    """One image of 80,000 nuclei: the memory pass, and memory in a process of its own."""
    yield memory_row(scene, f"DSB score, {scene.name}", 12, note=scene.size)
    grown = [grown_megabytes(scene) for _ in range(3)]
    work = f"DSB score, {scene.name}: memory above the inputs"
    yield Row(work, "", float("nan"), max(grown), 1000, "below", "MB", runs={"nucfuse": grown})


def grown_megabytes(scene: Scene) -> float:
    """How far scoring lifts the peak of a process of its own, see `memory.py`."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "true.npy", scene.true[0])
        np.save(Path(folder) / "pred.npy", scene.pred[0])
        command = [sys.executable, str(Path(__file__).with_name("memory.py")), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def memory_row(scene: Scene, work: str, wanted: float, note: str = "") -> Row:
    """Against one plain pass over both arrays."""
    flat = [(t.ravel(), p.ravel()) for t, p in zip(scene.true, scene.pred, strict=True)]
    return within(
        work,
        "a plain pass over both arrays",
        lambda: [peers.memory_pass(t, p) for t, p in flat],
        lambda: score(scene),
        wanted,
        note,
    )


def score(scene: Scene) -> tuple[float, Any]:
    """The score and the table of images, so that nothing is put off until it is looked at."""
    scores = nf.score(scene.true, scene.pred)
    return scores.dsb_ap, scores.per_image


def stardist(scene: Scene) -> Any:
    """Its statistics per threshold; it takes all thresholds in one call."""
    thresholds = tuple(percent / 100 for percent in PERCENTS)
    return matching_dataset(scene.true, scene.pred, thresh=thresholds, show_progress=False)


def check_stardist(scene: Scene) -> None:
    """The same hits with >=, but for IoU on a threshold, where its float32 may fall below."""
    at_least = hits(nf.score(scene.true, scene.pred, rule=">="))
    above = hits(nf.score(scene.true, scene.pred))
    found = [result.tp for result in stardist(scene)]
    for percent, low, tp, high in zip(PERCENTS, above, found, at_least, strict=True):
        check(low <= tp <= high, f"hits at {percent} %: stardist {tp}, here {low} to {high}")


def hits(scores: Any) -> list[int]:
    """True positives of a data set per threshold."""
    return [int(scores.per_image[f"tp_{percent}"].sum()) for percent in PERCENTS]
