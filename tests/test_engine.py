"""Workers behind one interface give the same results in the same order."""

import threading
import time

import pytest

from nucfuse.engine import in_order, open_engine
from nucfuse.errors import DataError


def slow_square(n):
    time.sleep(0.001 * (n % 3))
    return n * n


@pytest.mark.parametrize("name", ["serial", "local:1", "local:4"])
def test_results_come_in_order_whatever_the_workers(name):
    with open_engine(name) as engine:
        assert list(in_order(engine, slow_square, range(50))) == [n * n for n in range(50)]


def test_no_more_jobs_begin_than_asked():
    begun = []
    with open_engine("local:2") as engine:
        results = in_order(engine, begun.append, range(100), ahead=5)
        next(results)
        time.sleep(0.05)
        assert len(begun) <= 6
        results.close()
    assert len(begun) <= 6


@pytest.mark.parametrize("name", ["serial", "local:2"])
def test_a_job_that_raises_ends_the_rest(name):
    def job(n):
        if n == 3:
            raise DataError("three")
        return n

    taken = []
    with open_engine(name) as engine, pytest.raises(DataError, match="three"):
        taken.extend(in_order(engine, job, range(10)))
    assert taken == [0, 1, 2]


def test_threads_are_used():
    with open_engine("local:3") as engine:
        together = threading.Barrier(3, timeout=10)
        assert len(list(in_order(engine, lambda _: together.wait(), range(3)))) == 3


@pytest.mark.parametrize("name", ["", "local", "local:0", "local:x", "dask", "dask://", "gpu"])
def test_unknown_engine_says_what_there_is(name):
    with pytest.raises(DataError, match=r"local:N"):
        open_engine(name)
