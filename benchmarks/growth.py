"""Time per mask, and memory, of ever more masks in one image, at one density."""

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from fusion_scenes import discs
from measure import Row, cpu_times

import nucfuse as nf
from nucfuse.ensemble.nuclei.methods import fuse_instances

SIZES = (10_000, 100_000, 1_000_000)
WANTED = 2  # times the time per mask of the smallest
WANTED_BYTES = 150  # per run, itself 12 bytes; a table of all pairs would take 14,000 and more

# Of the sets of four models, of all their masks, and of these in the order of their places.
Job = Callable[[list[nf.Instances], nf.Instances, nf.Instances], Any]
JOBS: dict[str, Job] = {
    "mask NMS": lambda _, pool, __: nf.nms(pool),
    "mask NMS, neighbours with the next scores": lambda _, __, placed: nf.nms(placed),
    "weighted mask fusion": lambda sets, *_: fuse_instances(sets, "weighted"),
    "overlap removal": lambda _, pool, __: nf.remove_overlaps(pool),
}


def rows() -> Iterator[Row]:
    """A row for each work and each number of masks but the first, which they are held against."""
    least: dict[str, float] = {}
    for n in SIZES:
        sets = discs(n)
        pool = nf.Instances.concatenate(sets)
        placed = in_order_of_place(sets)
        for work, job in JOBS.items():
            seconds = cpu_times(lambda j=job, s=sets, p=pool, o=placed: j(s, p, o))
            micros = [1e6 * x / n for x in seconds]
            if n == SIZES[0]:
                least[work] = min(micros)
                continue
            yield Row(
                work, f"itself, {SIZES[0]:,} masks", least[work], min(micros), WANTED, "within",
                "µs", f"time per mask, {n:,} masks", {"nucfuse": micros}, "growth", n,
            )  # fmt: skip
    for n in SIZES[:2]:
        yield from rows_of_memory(n)


def rows_of_memory(n: int) -> Iterator[Row]:
    """Most bytes at once per run of the input, which is not counted.

    NumPy and Numba both report to tracemalloc.
    """
    sets = discs(n)
    pool = nf.Instances.concatenate(sets)
    placed = in_order_of_place(sets)
    for work, job in JOBS.items():
        job(sets, pool, placed)
        tracemalloc.start()
        job(sets, pool, placed)
        peak = tracemalloc.get_traced_memory()[1] / pool.starts.size
        tracemalloc.stop()
        yield Row(
            work, "", float("nan"), peak, WANTED_BYTES, "below", "B",
            f"largest memory per run, {n:,} masks", topic="growth",
        )  # fmt: skip


def in_order_of_place(sets: list[nf.Instances]) -> nf.Instances:
    """All masks, those of one place together, and with scores that fall in that order."""
    n = sum(map(len, sets))
    order = np.arange(n).reshape(len(sets), -1).T.ravel()
    return nf.Instances.concatenate(sets)[order].with_scores(np.linspace(0.99, 0.3, n))
