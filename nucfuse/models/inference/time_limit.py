"""How long the networks may take for one image."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from nucfuse.errors import DataError

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
    if math.isinf(deadline):
        yield
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise _too_long(seconds)
    timer = threading.Timer(left, setattr, (run_options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield
    except DataError:
        if run_options.terminate:
            raise _too_long(seconds) from None
        raise
    finally:
        timer.cancel()


def _too_long(seconds: float) -> DataError:
    return DataError(
        f"the network had not come to an end after {seconds:g} s; give it more time (--timeout), "
        "or let large images be cut into smaller tiles (--tile)"
    )
