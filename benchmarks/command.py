"""The whole command, from files to the table, against reading the same files with OpenCV."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import scenes
from measure import Row, check

JOBS = 2
NUCFUSE = str(Path(sys.executable).with_name("nucfuse"))


def rows(data: Path) -> Iterator[Row]:
    """The 664-image folder, the help text, and one small pair."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = scenes.real_scene(data)
        ids = sorted(path.parent.name for path in data.glob("*/masks"))
        for image_id, labels in zip(ids, scene.pred, strict=True):
            write_labels(folder / "pred" / f"{image_id}.png", labels)
        yield whole_command(data, folder / "pred", scene)
        yield help_row()
        for side in ("true", "pred"):
            write_labels(folder / "small" / side / "one.png", getattr(scene, side)[0])
        yield small_pair(folder / "small")


def write_labels(path: Path, labels: scenes.Labels) -> None:
    """A 16-bit PNG."""
    check(int(labels.max()) < 2**16, "an id beyond 16 bits")
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), labels.astype(np.uint16))


def whole_command(data: Path, pred: Path, scene: scenes.Scene) -> Row:
    """Wall seconds of the command and of bare reading, in turn, both with two threads.

    The peer is timed inside this process: starting Python and finding the files is not in it.
    """
    paths = sorted(map(str, data.glob("*/masks/*.png"))) + sorted(map(str, pred.glob("*.png")))
    command = [NUCFUSE, "score", str(data), str(pred), "--jobs", str(JOBS)]
    runs: dict[str, list[float]] = {"peer": [], "nucfuse": []}
    for k in range(4):
        peer, ours = wall_seconds(lambda: read_all(paths)), wall_seconds(lambda: run(command))
        if k > 0:  # the first one fills the cache of the disk
            runs["peer"].append(peer)
            runs["nucfuse"].append(ours)
    return Row(
        f"whole command `nucfuse score --jobs {JOBS}`, {scene.name}: DSB folder, label PNGs",
        f"bare cv2.imread of the same {len(paths):,} files, {JOBS} threads",
        min(runs["peer"]),
        min(runs["nucfuse"]),
        1.3,
        "within",
        note="wall seconds",
        runs=runs,
    )


def read_all(paths: list[str]) -> None:
    """Decode every file and forget it."""

    def read(path: str) -> int:
        return cv2.imread(path, cv2.IMREAD_UNCHANGED).size

    with ThreadPoolExecutor(JOBS) as pool:
        check(sum(pool.map(read, paths, chunksize=64)) > 0, "no pixels")


def help_row() -> Row:
    """CPU of `nucfuse --help`, and that it loads no numpy."""
    listing = subprocess.run(
        [sys.executable, "-X", "importtime", NUCFUSE, "--help"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    check("numpy" not in listing, "nucfuse --help loads numpy")
    runs = [child_cpu_seconds([NUCFUSE, "--help"]) * 1000 for _ in range(12)][2:]
    work = "`nucfuse --help`, CPU, no numpy imported"
    return Row(
        work, "", float("nan"), float(np.median(runs)), 150, "below", "ms", runs={"nucfuse": runs}
    )


def small_pair(folder: Path) -> Row:
    """Wall time of the command on one small pair, everything compiled before."""
    command = [NUCFUSE, "score", str(folder / "true"), str(folder / "pred")]
    runs = [wall_seconds(lambda: run(command)) for _ in range(6)][1:]
    work = "`nucfuse score` of one small pair, warm cache, wall time"
    return Row(
        work, "", float("nan"), float(np.median(runs)), 1.5, "below", "s", runs={"nucfuse": runs}
    )


def run(command: list[str]) -> None:
    """Run it; it may use as many threads as it is told to."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    check(done.returncode == 0, f"{' '.join(command)} failed:\n{done.stderr}")


def wall_seconds(job: Callable[[], None]) -> float:
    """Of one call."""
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def child_cpu_seconds(command: list[str]) -> float:
    """User and system time of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
