"""One line on stderr when numba compiles; its events are made up here."""

from types import SimpleNamespace

import pytest
from numba.core import event

from nucfuse.kernels import cache_folder, compiling


def dispatcher(kept):
    def function():
        pass

    return SimpleNamespace(stats=SimpleNamespace(cache_path=kept), py_func=function)


def said(kept="/package/nucfuse/masks/__pycache__"):
    lines = []
    with compiling.compiling_said(lines.append, "/package/nucfuse"):
        for _ in range(2):
            with (
                event.trigger_event("numba:compile", data={"dispatcher": dispatcher(kept)}),
                event.trigger_event("numba:compile", data={"dispatcher": dispatcher(None)}),
            ):
                pass
    return lines


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(compiling, "_LEAST", 0.0)


def test_it_is_said_once(patient):
    (line,) = said()
    assert line == ("compiling the fast parts for this machine, once: this may take half a minute")


def test_another_folder_is_named(patient):
    (line,) = said("/home/me/.cache/numba/masks_1")
    assert line.endswith("half a minute; they are kept in /home/me/.cache/numba")


def test_what_is_lost_is_said(patient, monkeypatch):
    monkeypatch.setattr(cache_folder, "temporary_folder", "/tmp/x")
    (line,) = said("/tmp/x/masks_1")
    assert line.endswith("set NUMBA_CACHE_DIR to one that can")


def test_little_is_not_worth_a_word():
    assert said() == []


def test_what_is_compiled_is_counted():
    with (
        compiling.compiled_counted() as names,
        event.trigger_event("numba:compile", data={"dispatcher": dispatcher(None)}),
    ):
        pass
    assert names == [f"{__name__}.function"]
