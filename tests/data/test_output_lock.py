"""One run at a time writes an output; what killed ones left is removed, and nothing else."""

import errno
import os
import socket
import subprocess
import sys
import time

import pytest

from nucfuse.data import atomic_output
from nucfuse.data import output_lock as locks
from nucfuse.data.atomic_output import atomic_file, atomic_folder, reserved
from nucfuse.errors import DataError

# Holds or writes until it is killed, and says when it has begun.
HOLDER = """
import sys, time
from pathlib import Path
from nucfuse.data.atomic_output import {what}
with {what}(Path(sys.argv[1])) as part:
    if part and part.is_dir():
        (part / "a.txt").write_text("half")
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def another():
    """Start a process that holds, or writes, an output; it is killed in the end."""
    processes = []

    def start(what, path):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER.format(what=what), path], stdout=subprocess.PIPE
        )
        processes.append(process)
        assert process.stdout.readline() == b"begun\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def without_locks(*_):
    raise OSError(errno.ENOTSUP, "no locks here")


@pytest.mark.parametrize("exists", [False, True])
def test_an_output_that_another_run_writes_is_refused_until_that_run_has_ended(
    tmp_path, another, exists
):
    out = tmp_path / "out"
    if exists:
        out.mkdir()
    process = another("reserved", out)
    said = rf"out: another run is writing there \(process {process.pid} on .*\); wait until"
    (tmp_path / "link").symlink_to(out)
    for same in (out, tmp_path / "x" / ".." / "out", tmp_path / "link"):
        with pytest.raises(DataError, match=said.removeprefix("out")), reserved(same):
            pass
    with reserved(tmp_path / "other"):
        pass
    process.kill()
    process.wait()
    with reserved(out):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", *(["out"] if exists else [])]


def test_nothing_is_left_of_a_lock_or_of_folders_made_for_it(tmp_path):
    with reserved(tmp_path / "a" / "b" / "out.csv"):
        assert len(list((tmp_path / "a" / "b").iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), reserved(tmp_path / "a" / "out"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_removed_while_one_waits_is_made_anew(tmp_path, monkeypatch):
    """Between opening it and holding it, its owner may have ended and taken it away."""
    right, calls = locks.hold, []

    def hold(descriptor):
        if not calls:
            next(tmp_path.iterdir()).unlink()
        calls.append(descriptor)
        return right(descriptor)

    monkeypatch.setattr(locks, "hold", hold)
    with locks.output_lock(tmp_path / "out"):
        assert len(list(tmp_path.iterdir())) == 1
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("owner", "refused"),
    [
        ("{pid} {host}", True),
        ("1 {host}", True),
        (f"{2**22 + 1} {{host}}", False),  # above the largest there is
        ("1 elsewhere", True),
        ("", False),
        ("half", False),
    ],
)
def test_without_locks_of_the_file_system_the_process_is_asked_for(
    tmp_path, monkeypatch, owner, refused
):
    monkeypatch.setattr("fcntl.flock", without_locks)
    out = tmp_path / "out"
    with reserved(out):
        (file,) = tmp_path.iterdir()
        assert file.read_text() == f"{os.getpid()} {socket.gethostname()}"
    file.write_text(owner.format(pid=os.getpid(), host=socket.gethostname()))
    if refused:
        with pytest.raises(DataError, match=rf"remove .*{file.name} if that run is"), reserved(out):
            pass
    else:
        with reserved(out):
            pass
        assert not file.exists()


@pytest.mark.parametrize("write", [atomic_file, atomic_folder])
def test_what_is_taken_for_a_leftover_before_it_is_held_is_made_anew(tmp_path, monkeypatch, write):
    calls, right = [], locks.hold

    def hold(descriptor, wait=False):
        calls.append(descriptor)
        if len(calls) == 1:
            locks.remove_leftovers(tmp_path)
        return right(descriptor, wait)

    monkeypatch.setattr(atomic_output, "hold", hold)
    with write(tmp_path / "a") as part:
        assert part.exists()
        assert len(calls) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_in_one_that_is_not_ours_holds_its_lock_itself(tmp_path, monkeypatch):
    """As a volume that is mounted at /out: nothing can be written beside it."""
    out = tmp_path / "out"
    out.mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, how: path != tmp_path and access(path, how))
    with reserved(out):
        assert len(list(out.iterdir())) == 1
        with pytest.raises(DataError, match="another run is writing there"), reserved(out):
            pass
    assert list(out.iterdir()) == []


def test_devices_have_no_lock():
    with reserved(locks.Path("/dev/null")):
        pass


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(("what", "name"), [("atomic_file", "a.csv"), ("atomic_folder", "a")])
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path, another, what, name, exists):
    out = tmp_path / name
    if exists:
        with atomic_file(out) if what == "atomic_file" else atomic_folder(out) as part:
            if part.is_dir():
                (part / "kept.txt").write_text("kept")
    another(what, out).kill()
    living = another("atomic_file", tmp_path / "b.csv")
    (tmp_path / ".d3c99c2021267fd8.part.txt").symlink_to(tmp_path)
    assert len([p for p in tmp_path.rglob("*") if locks.is_temporary(p.name)]) == 3
    with reserved(out):
        pass
    left = [p for p in tmp_path.rglob("*") if locks.is_temporary(p.name)]
    assert sorted(p.suffix for p in left) == [".csv", ".txt"]  # what is written; a link
    assert not exists or out.exists()
    living.kill()


def test_without_locks_of_the_file_system_only_old_leftovers_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("fcntl.flock", without_locks)
    old, new, lock, other = (
        tmp_path / n
        for n in (
            ".0123456789abcdef.part.csv", ".1123456789abcdef.part", ".2123456789abcdef.lock",
            ".hidden.part",
        )
    )  # fmt: skip
    for path in (old, lock, other):
        path.touch()
        os.utime(path, (0, time.time() - 2 * 24 * 3600))
    new.mkdir()
    locks.remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {new.name, lock.name, other.name}
