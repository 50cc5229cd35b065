"""A Dask cluster on this machine: the same results, workers that die, a scheduler that goes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import dask_jobs
import numpy as np
import pytest
from commands import run

from nucfuse.data.dataset import Sample
from nucfuse.data.io import write_dataset
from nucfuse.engine import in_order, open_engine
from nucfuse.errors import DataError

pytestmark = [
    # Dask's own, about its sockets and event loops.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def start_cluster():
    """A process of `dask_jobs`, and the engine's name."""
    here = str(Path(__file__).parent)
    path = os.pathsep.join([str(Path(here).parent), here, os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, dask_jobs.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    return process, process.stdout.readline().strip().replace("tcp:", "dask:")


@pytest.fixture(scope="module")
def cluster():
    process, engine = start_cluster()
    yield process, engine
    process.kill()
    process.communicate()


@pytest.fixture
def engine(cluster):
    return cluster[1]


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    rng = np.random.default_rng(0)
    for name in ("one", "two", "three"):
        ids = np.arange(1, 31).reshape(5, 6)
        samples = [
            Sample(f"i{k}", np.kron(ids * (rng.random((5, 6)) < 0.7), np.ones((4, 4), int)))
            for k in range(8)
        ]
        write_dataset(folder / name, samples, "labels")
    return [folder / name for name in ("one", "two", "three")]


def test_the_same_bytes_as_without_dask(engine, sets, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for k in range(3):
        label = next(sets[0].glob(f"i{k}.*"))
        (images / label.name).write_bytes(label.read_bytes())
    made = []
    for number, name in enumerate(("serial", "local:2", engine)):
        out = tmp_path / str(number)
        commands = (
            ["fuse", *sets, "--out", out / "f.json", "--report", out / "report"],
            ["fuse", *sets, "--out", out / "labels"],
            ["score", sets[0], *sets[1:], "--out", out / "scores"],
            ["predict", images, "--model", "otsu", "--out", out / "p.csv"],
        )
        for command in commands:
            result = run(*command, "--engine", name)
            assert result.exit_code == 0, result.stderr
        files = (path for path in out.rglob("*") if path.is_file() and path.name != "run.json")
        made.append({str(path.relative_to(out)): path.read_bytes() for path in files})
    assert len(made[0]) > 15
    assert made[1] == made[0]
    assert made[2] == made[0]


def test_a_worker_that_dies_costs_nothing_but_time(engine, tmp_path):
    from functools import partial

    job = partial(dask_jobs.fatal_once, str(tmp_path / "flag"))
    with open_engine(engine) as workers:
        assert list(in_order(workers, job, range(10))) == [n * n for n in range(10)]
    assert (tmp_path / "flag").exists()


def test_an_image_that_kills_workers_is_said(engine):
    with open_engine(engine) as workers, pytest.raises(DataError, match="workers died of one"):
        list(in_order(workers, dask_jobs.fatal, range(1)))


def test_mistakes_of_users_come_back_as_such(engine, sets, tmp_path):
    with open_engine(engine) as workers, pytest.raises(DataError, match="image 0 is bad"):
        list(in_order(workers, dask_jobs.refused, range(9)))
    other = tmp_path / "other"
    write_dataset(other, [Sample(f"i{k}", np.ones((3, 3), int)) for k in range(8)], "labels")
    result = run("fuse", sets[0], other, "--out", tmp_path / "out", "--engine", engine)
    assert result.exit_code == 3
    assert "image 'i0' (one, other): " in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1", "no.such.host.invalid:8786",
                                     "127.0.0.1:x", "{listening}"])  # fmt: skip
def test_a_wrong_address_is_said_soon(sets, tmp_path, address, monkeypatch):
    monkeypatch.setattr("nucfuse.engine._CONNECTING", 3)
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = address.format(listening=f"127.0.0.1:{silent.getsockname()[1]}")
        result = run("fuse", *sets, "--out", tmp_path / "out", "--engine", f"dask://{name}")
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1
    assert f"no Dask scheduler answers at tcp://{name}" in result.stderr
    assert not (tmp_path / "out").exists()
    assert time.monotonic() - began < 30


def test_a_scheduler_that_goes_is_said_soon(cluster):
    """The last test here: it takes the cluster down."""
    process, engine = cluster
    with pytest.raises(DataError, match="no longer answers"), open_engine(engine) as workers:
        results = in_order(workers, dask_jobs.slow, range(100))
        assert next(results) == 0
        began = time.monotonic()
        process.send_signal(signal.SIGKILL)
        list(results)
    assert time.monotonic() - began < 30
