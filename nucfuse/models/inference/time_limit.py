"""How long the networks may take for one image."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from nucfuse.errors import DataError

_running: set[Any] = set()  # the RunOptions of all graphs that are running now
_forbidden = threading.Event()

# Seconds for the image that this thread works on, and when they are over (`time.monotonic`).
_limit: ContextVar[tuple[float, float]] = ContextVar("limit", default=(math.inf, math.inf))


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let the graphs that this thread runs inside take so long together, and no longer."""
    before = _limit.set((seconds, time.monotonic() + seconds))
    try:
        yield
    finally:
        _limit.reset(before)


@contextmanager
def stopped_in_time(run_options: Any) -> Iterator[None]:
    """Have ONNX Runtime leave a graph when the time of `time_limit` is over.

    Parameters
    ----------
    run_options : onnxruntime.RunOptions
        Of the call inside. A graph is left between two of its nodes, with an error.

    Raises
    ------
    DataError
        If the time is over.
    """
    seconds, deadline = _limit.get()
    left = deadline - time.monotonic()
    if left <= 0:
        raise _too_long(seconds)
    # `Timer` cannot wait for ever.
    timer = threading.Timer(min(left, threading.TIMEOUT_MAX), _stop, (run_options,))
    timer.daemon = True
    if left < math.inf:
        timer.start()
    _running.add(run_options)
    if _forbidden.is_set():  # asked after it can be stopped, so that none slips through
        _stop(run_options)
    try:
        yield
    except DataError:
        if run_options.terminate:
            raise _too_long(seconds) from None
        raise
    finally:
        timer.cancel()
        _running.discard(run_options)


@contextmanager
def graphs_stopped() -> Iterator[None]:
    """Have ONNX Runtime leave all graphs, in whatever thread, and begin none meanwhile."""
    _forbidden.set()
    try:
        for run_options in list(_running):
            _stop(run_options)
        yield
    finally:
        _forbidden.clear()


def _stop(run_options: Any) -> None:
    run_options.terminate = True


def _too_long(seconds: float) -> DataError:
    return DataError(
        f"the network had not come to an end after {seconds:g} s; give it more time (--timeout), "
        "or let large images be cut into smaller tiles (--tile)"
    )
