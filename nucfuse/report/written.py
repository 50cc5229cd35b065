"""What was written: the last line of a command that makes a data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nucfuse.clean.overlaps import By
    from nucfuse.clean.tally import Tally


def written_text(
    out: Path, n_images: int, n_nuclei: int, detail: str = "", notes: Sequence[str] = ()
) -> str:
    """Where it lies and how much it is, then the notes of the readers, one a line."""
    said = f"{out}: {n_images} images, {n_nuclei} nuclei{detail}"
    return "\n  ".join([said, *notes])


def cleaned_text(tally: "Tally", by: "By") -> str:
    """Say in one line how many nuclei were cut and dropped, and why; nothing if none was touched.

    Examples
    --------
    >>> from nucfuse.clean.tally import Tally
    >>> cleaned_text(Tally(9, 6, 50, cut=2, covered=1, specks=2), "score")
    '9 nuclei in; 2 cut (50 pixels lay in several masks, each went to one by score); 3 dropped (1 \
covered by others, 2 too small)'
    """
    dropped = {
        "covered by others": tally.covered,
        "too small": tally.specks,
        "too large": tally.giants,
    }
    parts = []
    if tally.pixels:
        where = f"{tally.pixels} pixels lay in several masks, each went to one by {by}"
        parts.append(f"{tally.cut} cut ({where})")
    if any(dropped.values()):
        why = ", ".join(f"{n} {reason}" for reason, n in dropped.items() if n)
        parts.append(f"{sum(dropped.values())} dropped ({why})")
    if tally.filled:
        parts.append(f"{tally.filled} with holes filled")
    return "; ".join([f"{tally.n_before} nuclei in", *parts]) if parts else ""


def failed_lines(what: str, failed: Mapping[str, str], most: int = 10) -> list[str]:
    """Name images that failed and why, one a line, and how many more there are.

    Examples
    --------
    >>> failed_lines("not fused", {"a": "NaN", "b": "NaN", "c": "NaN"}, most=1)
    ["not fused: 'a': NaN", 'nor were 2 others']
    """
    lines = [f"{what}: {image_id!r}: {why}" for image_id, why in list(failed.items())[:most]]
    if len(failed) > most:
        lines.append(f"nor were {len(failed) - most} others")
    return lines
