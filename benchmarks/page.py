"""The table of docs/benchmarks.md."""

import datetime
import math
import platform
from collections.abc import Sequence
from pathlib import Path

from measure import Row
from peers import version

PACKAGES = (
    "nucfuse", "numpy", "numba", "opencv-python-headless", "stardist", "pycocotools",
    "ultrafast-pycocotools", "faster-coco-eval", "hotcoco",
)  # fmt: skip

INTRODUCTION = """\
# Benchmarks

Written by `make bench` (`python benchmarks/run.py --data stage1_train`), not by hand; the packages
compared with are those of `benchmarks/requirements.txt`. All rows come from one run.

- Seconds are CPU seconds, all threads together, and every library is held to one thread, unless a
  row says otherwise. The first call of each is not counted; of the others (one of a peer that needs
  more than five seconds, up to three of other peers, seven of nucfuse, twelve of each beside the
  memory pass) the fastest counts. The command on one small pair and `--help` are medians, the whole
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


def write_page(path: Path, rows: Sequence[Row]) -> None:
    """Write the page to a path."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        INTRODUCTION,
        f"{datetime.date.today()}, {machine()}, Python {platform.python_version()}; {versions}.",
        "",
        "| work | peer | peer | nucfuse | ratio | wanted | met |",
        "|---|---|---:|---:|---:|---:|---|",
        *map(table_row, rows),
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


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
