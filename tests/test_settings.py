"""Settings are checked when they are made, however they come."""

import attrs
import numpy as np
import pytest

from nucfuse.errors import DataError
from nucfuse.settings import checked, choice, describe, number, numbers, read, switch, text


@attrs.frozen
class Inner:
    depth: int = number(3, 1, 8, "stages")


@attrs.frozen
class Example:
    share: float = number(0.5, 0, 1, "a share")
    below: float = number(0.0, 0, 1, below=True)
    count: int = number(2, 1, what="how many")
    widths: tuple[int, ...] = numbers((8, 16), (1, 3), 1, whole=True)
    kind: str = choice("plain", ("plain", "residual"))
    on: bool = switch(True)
    name: str = text("")
    pace: str | int = checked("own", lambda value: value in ("own", 1, 2), "'own', 1 or 2")
    names: tuple[str, ...] = checked((), lambda value: "" not in value, "names", tuple)
    inner: Inner = attrs.field(factory=Inner)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("share", 0), ("share", 1), ("share", np.float32(0.25)), ("count", 7.0), ("count", 10**9),
        ("widths", [4]), ("widths", (1, 2, 3)), ("kind", "residual"), ("on", 0), ("name", "x"),
        ("below", 0.999), ("pace", 2), ("names", ["a", "b"]),
    ],
)  # fmt: skip
def test_takes_what_is_allowed(name, value):
    assert getattr(read(Example, {name: value}, "here"), name) == (
        tuple(value) if isinstance(value, list) else value
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("share", 1.01, "a number in [0, 1]"),
        ("share", True, "a number in [0, 1]"),
        ("share", "0.5", "a number in [0, 1]"),
        ("share", float("nan"), "a number in [0, 1]"),
        ("below", 1, "a number in [0, 1)"),
        ("count", 1.5, "a whole number of at least 1"),
        ("widths", [1, 2, 3, 4], "1 to 3 whole numbers of at least 1"),
        ("widths", [0], "1 to 3 whole numbers of at least 1"),
        ("widths", 3, "1 to 3 whole numbers of at least 1"),
        ("kind", "dense", "one of plain, residual"),
        ("kind", 1, "one of plain, residual"),
        ("on", "yes", "true or false"),
        ("on", 2, "true or false"),
        ("name", 3, "a text"),
        ("pace", 3, "'own', 1 or 2"),
    ],
)
def test_names_what_is_not(name, value, expected):
    with pytest.raises(DataError) as error:
        read(Example, {name: value}, "here")
    assert str(error.value) == f"here: {name} must be {expected}, got {value!r}"
    with pytest.raises(DataError, match=f"^{name} must be "):
        Example(**{name: value})


def test_numbers_become_what_the_default_is():
    made = read(Example, {"count": 7.0, "share": 1, "widths": [4.0]}, "here")
    assert [type(v) for v in (made.count, made.share, made.widths[0])] == [int, float, int]


def test_reads_settings_inside_settings():
    assert read(Example, {"inner": {"depth": 5}}, "here").inner == Inner(5)
    with pytest.raises(DataError, match=r"^here, inner: depth must be a whole number in \[1, 8\]"):
        read(Example, {"inner": {"depth": 9}}, "here")


def test_unknown_names_are_told_with_the_known_ones():
    with pytest.raises(DataError, match=r"^here has no setting 'dept'; there are: depth$"):
        read(Inner, {"dept": 1}, "here")
    with pytest.raises(DataError, match=r"^here must be a table of settings, got 3$"):
        read(Inner, 3, "here")


def test_says_what_can_be_set():
    first, *_ = describe(Example)
    assert first == ("share", 0.5, "a number in [0, 1]", "a share")
    assert [d.name for d in describe(Inner)] == ["depth"]


def test_a_setting_without_a_default_must_be_given():
    @attrs.frozen
    class Wanted:
        name: str = checked(attrs.NOTHING, str.islower, "in small letters")

    assert read(Wanted, {"name": "a"}, "here") == Wanted("a")
    with pytest.raises(DataError, match=r"^here lacks the setting 'name'$"):
        read(Wanted, {}, "here")
    with pytest.raises(DataError, match=r"^here: name must be in small letters, got 'A'$"):
        read(Wanted, {"name": "A"}, "here")
