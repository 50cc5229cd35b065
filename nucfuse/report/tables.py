"""Tables as text for people, as wide as they need to be."""

from collections.abc import Iterable, Sequence
from unicodedata import combining, east_asian_width


def plain_table(columns: Iterable[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    """Write a plain table whose first column is left-aligned; nothing is cut off in a pipe.

    Examples
    --------
    >>> print(plain_table(("set", "score"), [("otsu", "0.5")], "by set"), end="")
    by set
    set   score
    otsu    0.5
    """
    cells = [tuple(columns), *map(tuple, rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    lines = [title] if title else []
    for first, *others in cells:
        aligned = [" " * (w - _width(c)) + c for c, w in zip(others, widths[1:], strict=True)]
        padded = first + " " * (widths[0] - _width(first))
        lines.append("  ".join([padded, *aligned]).rstrip())
    return "\n".join(lines) + "\n"


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)
