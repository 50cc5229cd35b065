"""What a parameter is: its name, default, range and meaning in one table of each module.

A search over parameters reads the tables; the functions take their defaults and checks from them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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


def resolve(table: Sequence[Parameter], given: Mapping[str, object]) -> dict[str, int | float]:
    """The value of every parameter of a table: as given and checked, or its default.

    Raises
    ------
    ValueError
        If a value is out of range, or a name is not in the table.
    """
    known = {parameter.name: parameter for parameter in table}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(
            f"there is no parameter {unknown[0]!r} here; there are: {', '.join(known)}"
        )
    return {
        name: parameter.checked(given[name]) if name in given else parameter.default
        for name, parameter in known.items()
    }
