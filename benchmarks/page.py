"""The tables and the plot of docs/benchmarks.md."""

import datetime
import math
import platform
from collections.abc import Sequence
from pathlib import Path

from measure import Row
from peers import version

PACKAGES = (
    "nucfuse", "numpy", "numba", "opencv-python-headless", "stardist", "pycocotools",
    "ultrafast-pycocotools", "faster-coco-eval", "hotcoco", "supervision", "lsnms", "sahi",
    "ensemble-boxes",
)  # fmt: skip

INTRODUCTION = """\
# Benchmarks

Written by `make bench` (`python benchmarks/run.py --data stage1_train`), not by hand; the packages
compared with are those of `benchmarks/requirements.txt` and, in the same folder,
`requirements-no-deps.txt`. All rows come from one run.

- Seconds are CPU seconds, all threads together, and every library is held to one thread, unless a
  row says otherwise. The first call of each is not counted; of the others (one of a peer that needs
  more than five seconds, three of other peers, seven of nucfuse, twelve of each beside the memory
  pass, more of both sides until half a second is used) the fastest counts; garbage is collected
  before them and not in between. The command on one small pair and `--help` are medians, the whole
  command is the fastest of three, memory is the largest of three.
- Where a peer computes the same, both must agree before they are timed: in the hits at all ten
  thresholds, in every string, label and IoU, in AP by area range to nine digits.
- "Faster" is the peer's time over ours, "its time" ours over the peer's.
- The data are the 664 training images of the Data Science Bowl 2018 and a disturbed copy of them
  (shifted by two rows and a column, every ninth nucleus lost, every seventh cut in two), and
  ellipses on a jittered grid, seeded.
- pycocotools encodes masks, one a nucleus, which have to be built first. Both the usual way and the
  fastest one we know are given; so are both ways of decoding.
"""
TABLES = {
    "score": "## Masks and scores\n",
    "fusion": """\
## Fusion

- The real images are the first 100 as four models that each shift them by a pixel another way and
  lose another twelfth of the nuclei; one draws them a pixel larger, one a pixel smaller. The
  crowded image holds 2,000 jittered ellipses of each of four models. No two scores are equal.
- The threshold of suppression is 0.5001, which no IoU here hits, so that packages that suppress at
  the threshold and those that suppress above it keep the same nuclei; that is checked.
- Where both are fast (boxes, maps) the fastest of seven calls counts on either side.
- pycocotools reads its strings inside its IoU; the greedy pass on its matrix is numpy, along the
  columns that lie together in memory. Boxes, `CompactMask`, crops and stacks of maps are made
  before a peer is timed, unless a row says otherwise.
- lsnms and sahi are installed without their dependencies, for they want another numba or OpenCV.
- Weighted fusion keeps overlaps on both sides, and the outlines of all results are compared.
""",
    "growth": """\
## Growth

Microseconds per mask for ever more discs of 37 pixels at one density, 36 pixels of image a mask, as
four models with scores in random order. Suppression by masks goes through the image from place to
place. Overlap removal goes from score to score, so that it jumps all over the image, and the masks
of the larger images are not in the cache of the processor. Memory is what a call needs at its peak
beside its input.

![time per mask](growth.png)
""",
}


def write_page(path: Path, rows: Sequence[Row]) -> None:
    """Write the page to a path."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        INTRODUCTION,
        f"{datetime.date.today()}, {machine()}, Python {platform.python_version()}; {versions}.",
        "",
    ]
    for topic, about in TABLES.items():
        lines += [
            about,
            "| work | peer | peer | nucfuse | ratio | wanted | met |",
            "|---|---|---:|---:|---:|---:|---|",
            *[table_row(row) for row in rows if row.topic == topic],
            "",
        ]
    path.write_text("\n".join(lines), encoding="utf-8")
    plot_growth(path.with_name("growth.png"), [row for row in rows if row.masks])


def plot_growth(path: Path, rows: Sequence[Row]) -> None:
    """Draw time per mask over the number of masks, a line for each work."""
    from growth import SIZES
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for work in dict.fromkeys(row.work for row in rows):
        of_work = [row for row in rows if row.work == work]
        points = [(SIZES[0], of_work[0].peer_figure), *((r.masks, r.figure) for r in of_work)]
        axes.plot(*zip(*points, strict=True), marker="o", label=work)
    axes.set(xscale="log", xlabel="masks in one image", ylabel="µs per mask", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=2)
    figure.savefig(path, dpi=120)


def table_row(row: Row) -> str:
    """One line of the table."""
    work = f"{row.work} ({row.note})" if row.note else row.work
    if row.rule == "below":
        cells = [work, "", "", figure(row.figure, row.unit), "", f"≤ {row.wanted:g} {row.unit}"]
    else:
        words = "{:.3g}× faster" if row.rule == "faster" else "{:.3g}× its time"
        wanted = f"≥ {row.wanted:g}×" if row.rule == "faster" else f"≤ {row.wanted:g}×"
        figures = [figure(row.peer_figure, row.unit), figure(row.figure, row.unit)]
        cells = [work, row.peer, *figures, words.format(row.ratio), wanted]
    return "| " + " | ".join([*cells, "yes" if row.met else "**no**"]) + " |"


def figure(value: float, unit: str) -> str:
    """Three digits and the unit."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{digits}f} {unit}"


def machine() -> str:
    """Kind of processor and how many of them this process may use."""
    import os

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{name}, {len(os.sched_getaffinity(0))} cores"
