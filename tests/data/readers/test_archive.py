"""Members of zip files, from threads and from forked processes."""

import subprocess
import sys
import zipfile

import pytest

from nucfuse.data.readers.archive import Archive, is_zip
from nucfuse.errors import DataError


def zip_of(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_members_are_read(tmp_path):
    path = zip_of(tmp_path / "a.zip", {"x/1": b"one", "x/2": b""})
    archive = Archive(path)
    assert is_zip(path)
    assert archive.names == ["x/1", "x/2"]
    assert "x/1" in archive
    assert archive.read("x/1") == b"one"
    assert archive.read("x/2") == b""
    with pytest.raises(DataError, match=r"a\.zip: x/3: is missing"):
        archive.read("x/3")


@pytest.mark.parametrize("name", ["../x", "/x", "a\\b", "C:x", "a/../../x"])
def test_members_outside_of_the_zip_file_are_refused(tmp_path, name):
    with pytest.raises(DataError, match="points outside of the zip file"):
        Archive(zip_of(tmp_path / "a.zip", {name: b""}))


FORKS = """
import multiprocessing
import sys
import threading
from pathlib import Path

from nucfuse.data.readers.archive import Archive

archive = Archive(Path(sys.argv[1]))


def is_right(name):
    return archive.read(name) == name.encode() * 5000


with multiprocessing.get_context("fork").Pool(4) as pool:
    assert all(pool.map(is_right, archive.names * 30, chunksize=5))

# A fork while another thread reads.
held = threading.Event()
threading.Thread(target=lambda: archive._open.lock.acquire() and held.set()).start()
held.wait()
with multiprocessing.get_context("fork").Pool(1) as pool:
    assert pool.apply_async(is_right, [archive.names[0]]).get(timeout=20)
print("right")
"""


def test_forks_do_not_move_each_others_position(tmp_path):
    names = [f"member {k}" for k in range(40)]
    path = zip_of(tmp_path / "a.zip", {name: name.encode() * 5000 for name in names})
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS, str(path)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.stdout == "right\n", run.stderr
