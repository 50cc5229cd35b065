"""What was written: the last line of a command that makes a data set."""

from collections.abc import Sequence
from pathlib import Path


def written_text(
    out: Path, n_images: int, n_nuclei: int, detail: str = "", notes: Sequence[str] = ()
) -> str:
    """Where it lies and how much it is, then the notes of the readers, one a line."""
    said = f"{out}: {n_images} images, {n_nuclei} nuclei{detail}"
    return "\n  ".join([said, *notes])
