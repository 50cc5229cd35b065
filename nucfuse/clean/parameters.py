"""What a parameter is: its name, default, range and meaning in one table of each module.

A search over parameters reads the tables; the functions take their defaults and checks from them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that can be set.

    Attributes
    ----------
    name : str
    default : int or float
        An int if only whole numbers are allowed.
    low, high : float
        Both allowed themselves.
    what : str
        One line for a person.

    Examples
    --------
    >>> Parameter("threshold", 0.5, 0, 1, "a pixel is nucleus above this").checked(2)
    Traceback (most recent call last):
    ValueError: threshold must be a number in [0, 1], got 2
    """

    name: str
    default: int | float
    low: float
    high: float
    what: str

    @property
    def range(self) -> str:
        """What it may be, in words."""
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        if math.isinf(self.high):
            return f"{kind} of at least {self.low:g}"
        return f"{kind} in [{self.low:g}, {self.high:g}]"

    def checked(self, value: object) -> int | float:
        """The value as an int or a float, as the default is one.

        Raises
        ------
        ValueError
            If it is no number, not whole though it must be, or out of range; NaN is.
        """
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            number = math.nan
        whole = isinstance(self.default, int)
        if not self.low <= number <= self.high or (whole and number % 1):
            raise ValueError(f"{self.name} must be {self.range}, got {value!r}")
        return int(number) if whole else number


class Setting(Protocol):
    """What a table holds: a `Parameter`, or anything else that can check a value."""

    @property
    def name(self) -> str: ...
    @property
    def default(self) -> Any: ...
    def checked(self, value: object) -> Any: ...


def resolve(table: Sequence[Setting], given: Mapping[str, object], where: str) -> dict[str, Any]:
    """The value of every setting of a table: as given and checked, or its default.

    Parameters
    ----------
    table : sequence of Setting
    given : mapping
    where : str
        Whose table it is, for messages.

    Raises
    ------
    ValueError
        If a value is out of range, or a name is not in the table.
    """
    known = {setting.name: setting for setting in table}
    for name in given:
        if name not in known:
            names = ", ".join(known) or "none"
            raise ValueError(f"{where} has no parameter {name!r}; it has: {names}")
    return {
        name: setting.checked(given[name]) if name in given else setting.default
        for name, setting in known.items()
    }
