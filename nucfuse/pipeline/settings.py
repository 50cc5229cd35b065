"""NAME=VALUE from the command line."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from nucfuse.errors import DataError


class Given(NamedTuple):
    """Names and values as somebody gave them: of the method, and of the splitting of maps."""

    method: dict[str, Any]
    split: dict[str, Any]

    @classmethod
    def none(cls) -> "Given":
        """Nothing was given."""
        return cls({}, {})


def read_pairs(texts: Sequence[str] | Given) -> Given:
    """Read NAME=VALUE and, for the splitting of maps, split.NAME=VALUE.

    Raises
    ------
    DataError
        If a text is not NAME=VALUE.

    Examples
    --------
    >>> read_pairs(["iou=0.4", "outline=medoid", "resample=true", "split.threshold=0.6"])
    Given(method={'iou': 0.4, 'outline': 'medoid', 'resample': True}, split={'threshold': 0.6})
    """
    if isinstance(texts, Given):
        return texts
    given = Given.none()
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise DataError(f"--set takes NAME=VALUE, such as iou=0.4; got {text!r}")
        where = given.split if name.startswith("split.") else given.method
        where[name.removeprefix("split.")] = _value(value)
    return given


def _value(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
