"""Where compiled code goes if it cannot lie beside the package."""

import os
from pathlib import Path

import pytest

from nucfuse.kernels import cache_folder


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Neither a given folder nor the user's cache can be made: files are in their place."""
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        (tmp_path / name).touch()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(cache_folder, "temporary_folder", "")
    monkeypatch.setattr("sys.platform", "linux")


def test_without_any_folder_there_is_one_for_the_process():
    cache_folder.ensure_cache_folder()
    folder = Path(cache_folder.temporary_folder)
    assert folder.is_dir() and os.environ["NUMBA_CACHE_DIR"] == str(folder)
    folder.rmdir()


def test_the_users_cache_is_numbas_own_choice(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache_folder.ensure_cache_folder()
    assert (cache_folder.temporary_folder, (tmp_path / "cache" / "numba").is_dir()) == ("", True)
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "NUMBA_CACHE_DIR")


def test_a_given_folder_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "given"))
    cache_folder.ensure_cache_folder()
    assert (cache_folder.temporary_folder, (tmp_path / "given").is_dir()) == ("", True)
