"""What was written: the last line of a command that makes a data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path


def written_text(
    out: Path, n_images: int, n_nuclei: int, detail: str = "", notes: Sequence[str] = ()
) -> str:
    """Where it lies and how much it is, then the notes of the readers, one a line."""
    said = f"{out}: {n_images} images, {n_nuclei} nuclei{detail}"
    return "\n  ".join([said, *notes])


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
