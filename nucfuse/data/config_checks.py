"""Checks that the configs of networks, training and augmentation share. Loads nothing heavy."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

from nucfuse.errors import DataError


def check_names(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise a DataError if a setting is none of the known ones of ``what``."""
    known = list(known)
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise DataError(f"{what} has no setting {unknown[0]!r}; there are: {', '.join(known)}")


def check_choices(config: Any, choices: Mapping[str, tuple[str, ...]]) -> None:
    """Raise a DataError if an attribute of a config is none of its choices."""
    for name, allowed in choices.items():
        if getattr(config, name) not in allowed:
            raise DataError(
                f"{name} must be one of {', '.join(allowed)}, got {getattr(config, name)!r}"
            )


def check_numbers(
    config: Any, ranges: Mapping[str, tuple[float, float]], whole: Container[str]
) -> None:
    """Raise a DataError if an attribute is no number, or beyond its smallest or largest value.

    Those named in ``whole`` must be whole numbers.
    """
    for name, (low, high) in ranges.items():
        value = getattr(config, name)
        if not is_number(value, name in whole) or not low <= value <= high:
            kind = "a whole number" if name in whole else "a number"
            raise DataError(f"{name} must be {kind} in [{low:g}, {high:g}], got {value!r}")


def is_number(value: Any, whole: bool) -> bool:
    """Whether a value is a number, a whole one if asked for, and not true or false."""
    return isinstance(value, int if whole else (int, float)) and type(value) is not bool
