"""Timing, and one row of the table per comparison."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# One counted call of a slow peer is enough: its noise is small beside the ratios asked for.
SLOW = 5.0
# Quick jobs of either side are called again until they took so long: the fastest of few calls of a
# millisecond is luck.
ENOUGH = 0.5


@dataclass(frozen=True)
class Row:
    """A work, who else does it, how long both take, and what was asked for.

    Attributes
    ----------
    work, peer : str
    peer_figure, figure : float
        In ``unit``; NaN if there is no peer.
    wanted : float
        ``faster``: times as fast as the peer, at least. ``within``: times the peer's figure, at
        most. ``below``: the largest figure allowed, in ``unit``.
    topic : str
        Which table of the page it is in, a key of `page.TABLES`.
    masks : int
        How many there were, for rows that are plotted over it; else 0.
    """

    work: str
    peer: str
    peer_figure: float
    figure: float
    wanted: float
    rule: str  # "faster", "within" or "below"
    unit: str = "s"
    note: str = ""
    runs: dict[str, list[float]] = field(default_factory=dict)
    topic: str = "score"
    masks: int = 0

    @property
    def ratio(self) -> float:
        """Peer over ours if "faster", ours over the peer's if "within", ours if "below"."""
        if self.rule == "below":
            return self.figure
        if self.rule == "faster":
            return self.peer_figure / self.figure
        return self.figure / self.peer_figure

    @property
    def met(self) -> bool:
        """Whether it is as asked for."""
        return self.ratio >= self.wanted if self.rule == "faster" else self.ratio <= self.wanted


def cpu_times(job: Callable[[], Any], repeats: int = 5) -> list[float]:
    """CPU seconds of each of some calls of a job, after one that is not counted.

    A job whose first call takes more than `SLOW` seconds is called once more only, one that is done
    sooner than `ENOUGH` seconds up to 100 times. Garbage is
    collected before, and not in between, as the standard library's timeit does: to walk through
    all objects before each call would empty the processor's cache, which costs the slow side of a
    comparison nothing.
    """
    if cpu_seconds(job) > SLOW:
        repeats = 1
    gc.collect()
    gc.disable()
    try:
        times = [cpu_seconds(job) for _ in range(repeats)]
        while sum(times) < ENOUGH and len(times) < 100:
            times.append(cpu_seconds(job))
        return times
    finally:
        gc.enable()


def cpu_seconds(job: Callable[[], Any]) -> float:
    """Of one call, all threads together."""
    begin = time.process_time()
    job()
    return time.process_time() - begin


def best_of(work: str, peer: str, peer_times: list[float], times: list[float], wanted: float,
            rule: str, note: str = "") -> Row:  # fmt: skip
    """A row of CPU seconds; the best of each side counts, as other processes can only add to it."""
    runs = {"peer": peer_times, "nucfuse": times}
    return Row(work, peer, min(peer_times), min(times), wanted, rule, note=note, runs=runs)


def faster(work: str, peer: str, peer_job: Callable[[], Any], job: Callable[[], Any],
           wanted: float, note: str = "") -> Row:  # fmt: skip
    """Time both, one after the other; the peer at most three times, for it is slow."""
    return best_of(work, peer, cpu_times(peer_job, 3), cpu_times(job, 7), wanted, "faster", note)


def within(work: str, peer: str, peer_job: Callable[[], Any], job: Callable[[], Any],
           wanted: float, note: str = "") -> Row:  # fmt: skip
    """Time both in turn, for a peer that is faster."""
    peer_times, times = [], []
    for _ in range(4):
        peer_times += cpu_times(peer_job, 3)
        times += cpu_times(job, 3)
    return best_of(work, peer, peer_times, times, wanted, "within", note)


def check(condition: bool, what: str) -> None:
    """Stop the benchmark if both sides do not agree: what is wrong is not worth timing."""
    if not condition:
        raise SystemExit(f"results differ: {what}")
