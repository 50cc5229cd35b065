"""Settings: a name, default, range and meaning, said once and checked wherever a value comes from.

A class of settings is an `attrs` class whose fields are made by `number`, `numbers`, `choice`,
`switch`, `text`, `checked` and `several`; making one checks it, and `read` makes one from a table
of a TOML or JSON file or of the command line. Loads nothing heavy.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import attrs

from nucfuse.errors import DataError

Settings = TypeVar("Settings")


class Check(Protocol):
    """What a field allows."""

    def __str__(self) -> str:
        """In words, as "a number in [0, 1]"."""
        ...

    def __call__(self, value: Any) -> bool:
        """Whether a value is allowed."""
        ...


@attrs.frozen
class _Number:
    low: float
    high: float
    whole: bool
    below: bool  # whether ``high`` itself is too high

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if math.isinf(self.high):
            return f"{kind} of at least {self.low:g}"
        return f"{kind} in [{self.low:g}, {self.high:g}{')' if self.below else ']'}"

    def __call__(self, value: Any) -> bool:
        if isinstance(value, bool | str) or not hasattr(value, "__float__"):
            return False
        if self.whole and value % 1:
            return False
        # NaN is nowhere, and an int may be too large for a float.
        return bool(self.low <= value < self.high if self.below else self.low <= value <= self.high)


@attrs.frozen
class _Numbers:
    each: _Number
    fewest: int
    most: int

    def __str__(self) -> str:
        n = f"{self.most}" if self.fewest == self.most else f"{self.fewest} to {self.most}"
        kind = str(self.each).removeprefix("a ")
        plural = kind.replace("number", "numbers", 1)
        return f"{n} {plural}"

    def __call__(self, value: Any) -> bool:
        right = isinstance(value, tuple) and self.fewest <= len(value) <= self.most
        return right and all(map(self.each, value))


@attrs.frozen
class _Choice:
    allowed: tuple[str, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(self.allowed)

    def __call__(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.allowed


class _Switch:
    def __str__(self) -> str:
        return "true or false"

    def __call__(self, value: Any) -> bool:
        return isinstance(value, bool)


class _Text:
    def __str__(self) -> str:
        return "a text"

    def __call__(self, value: Any) -> bool:
        return isinstance(value, str)


@attrs.frozen
class _Rule:
    allowed: Callable[[Any], bool]
    words: str

    def __str__(self) -> str:
        return self.words

    def __call__(self, value: Any) -> bool:
        return self.allowed(value)


def number(
    default: float, low: float, high: float = math.inf, what: str = "", *, below: bool = False
) -> Any:
    """Make a field for one number in [low, high], whole if the default is an int.

    Parameters
    ----------
    default, low, high : int or float
    what : str
        One line for a person.
    below : bool
        Whether ``high`` itself is too high.
    """
    kind = int if isinstance(default, int) else float
    check = _Number(low, high, kind is int, below)
    return _field(default, check, what, lambda value: kind(value) if check(value) else value)


def numbers(
    default: tuple[float, ...], count: tuple[int, int], low: float, high: float = math.inf,
    what: str = "", *, whole: bool = False,
) -> Any:  # fmt: skip
    """Make a field for a tuple of ``count`` (least, most) numbers in [low, high].

    A list becomes a tuple.
    """
    kind = int if whole else float
    check = _Numbers(_Number(low, high, whole, False), *count)

    def convert(value: Any) -> Any:
        given = tuple(value) if isinstance(value, list) else value
        return tuple(map(kind, given)) if check(given) else value

    return _field(default, check, what, convert)


def choice(default: str, allowed: Sequence[str], what: str = "") -> Any:
    """Make a field for one of some words."""
    return _field(default, _Choice(tuple(allowed)), what)


def switch(default: bool, what: str = "") -> Any:
    """Make a field for true or false; 1 and 0 mean the same."""
    return _field(default, _Switch(), what, lambda value: bool(value) if value in (0, 1) else value)


def text(default: str, what: str = "") -> Any:
    """Make a field for any text."""
    return _field(default, _Text(), what)


def checked(
    default: Any, allowed: Callable[[Any], bool], words: str,
    convert: Callable[[Any], Any] | None = None,
) -> Any:  # fmt: skip
    """Make a field with a rule of its own, such as "'auto' or a number".

    Parameters
    ----------
    default : object
    allowed : callable
        Whether a value may stand there.
    words : str
        The rule for a person, as "a list of names".
    convert : callable, optional
        What a value becomes before it is looked at.
    """
    return _field(default, _Rule(allowed, words), "", convert)


def several(default: Any, is_one: Callable[[Any], bool], words: str) -> Any:
    """Make a field for a tuple of at least one of something; a list becomes a tuple."""

    def allowed(value: Any) -> bool:
        if value is None:
            return default is None
        return isinstance(value, tuple) and value != () and all(map(is_one, value))

    return checked(default, allowed, words, lambda v: tuple(v) if isinstance(v, list) else v)


def _field(
    default: Any, check: Check, what: str, convert: Callable[[Any], Any] | None = None
) -> Any:
    def validate(_: Any, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if not check(value):
            raise DataError(f"{attribute.name} must be {check}, got {value!r:.80}")

    return attrs.field(
        default=default, converter=convert, validator=validate,
        metadata={"check": check, "what": what},
    )  # fmt: skip


class Description(NamedTuple):
    """One setting of a class, for help texts and searches over settings."""

    name: str
    default: Any
    range: str
    what: str


def describe(kind: type[Any]) -> list[Description]:
    """List the settings of a class in their order.

    Examples
    --------
    >>> @attrs.frozen
    ... class Vote:
    ...     iou: float = number(0.5, 0, 1, "nuclei are the same above this")
    >>> describe(Vote)[0].range
    'a number in [0, 1]'
    """
    return [
        Description(f.name, f.default, str(f.metadata["check"]), f.metadata["what"])
        for f in attrs.fields(kind)
        if "check" in f.metadata
    ]


def read(kind: type[Settings], given: Any, where: str) -> Settings:
    """Read settings from a table: names and values as somebody wrote them, the rest defaults.

    Parameters
    ----------
    kind : type
        A class of settings. A field whose type is such a class is read in the same way.
    given : mapping
    where : str
        Whose settings they are, in front of every message.

    Raises
    ------
    DataError
        A ValueError. If ``given`` is no table, a name is unknown (the message lists those there
        are), one without a default is missing, or a value is not what it must be.

    Examples
    --------
    >>> @attrs.frozen
    ... class Vote:
    ...     iou: float = number(0.5, 0, 1, "nuclei are the same above this")
    >>> read(Vote, {"iou": 2}, "method 'weighted'")
    Traceback (most recent call last):
    nucfuse.errors.DataError: method 'weighted': iou must be a number in [0, 1], got 2
    """
    if not isinstance(given, Mapping):
        raise DataError(f"{where} must be a table of settings, got {given!r:.80}")
    fields = {field.name: field for field in attrs.fields(kind)}  # type: ignore[arg-type]
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in given:
            raise DataError(f"{where} lacks the setting {name!r}")
    values = {}
    for name, value in given.items():
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise DataError(f"{where} has no setting {name!r:.80}; there are: {known}")
        inner = fields[name].type
        values[name] = value
        if isinstance(inner, type) and attrs.has(inner) and not isinstance(value, inner):
            values[name] = read(inner, value, f"{where}, {name}")
    try:
        return kind(**values)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None


def to_table(settings: Any) -> dict[str, Any]:
    """Names and values as `read` takes them and JSON can hold them: tuples become lists.

    Examples
    --------
    >>> @attrs.frozen
    ... class Box:
    ...     sides: tuple[float, ...] = numbers((2, 1), (2, 2), 0)
    >>> to_table(Box())
    {'sides': [2.0, 1.0]}
    """

    def plain(_: Any, __: Any, value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value

    return attrs.asdict(settings, value_serializer=plain)
