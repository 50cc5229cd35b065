"""Jobs that Dask workers of tests can import, and the cluster that they belong to.

As a program: a cluster of two workers on this machine, until its standard input is closed.
"""

import os
import signal
import sys
import time
from pathlib import Path

from nucfuse.errors import DataError


def fatal_once(flag, n):
    """The square of a number; of 3, the first worker that is asked dies."""
    if n == 3 and not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


def fatal(_):
    """Every worker that is asked dies."""
    os.kill(os.getpid(), signal.SIGKILL)


def slow(n):
    """Half a second's work."""
    time.sleep(0.5)
    return n


def refused(n):
    """A user's mistake."""
    raise DataError(f"image {n} is bad")


if __name__ == "__main__":
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
