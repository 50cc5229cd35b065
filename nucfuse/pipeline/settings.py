"""NAME=VALUE from the command line."""

from collections.abc import Sequence
from typing import Any

from nucfuse.errors import DataError


def settings_of(texts: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters of the method, and (written split.NAME=VALUE) of the splitting of maps.

    Raises
    ------
    DataError
        If a text is not NAME=VALUE.

    Examples
    --------
    >>> settings_of(["iou=0.4", "outline=medoid", "resample=true", "split.threshold=0.6"])
    ({'iou': 0.4, 'outline': 'medoid', 'resample': True}, {'threshold': 0.6})
    """
    params: dict[str, Any] = {}
    split_params: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise DataError(f"--set takes NAME=VALUE, such as iou=0.4; got {text!r}")
        where = split_params if name.startswith("split.") else params
        where[name.removeprefix("split.")] = _value(value)
    return params, split_params


def _value(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
