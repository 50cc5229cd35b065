"""Text in tables that people open in a spreadsheet, which takes some texts for formulas."""

import re
from typing import Any

# Tabs and line ends are skipped by spreadsheets before they look.
_FORMULA = re.compile(r"'*[\t\r\n ]*[=+\-@]")


def guarded(cell: Any) -> Any:
    """Put an apostrophe before a text that would be a formula; other cells stay as they are.

    Examples
    --------
    >>> guarded("=cmd()"), guarded("a-1"), guarded(-1)
    ("'=cmd()", 'a-1', -1)
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Undo `guarded` in a table that is read.

    Examples
    --------
    >>> unguarded("'=cmd()"), unguarded("'quoted'")
    ('=cmd()', "'quoted'")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
