"""What a run of `nucfuse predict` has done, in words."""

from dataclasses import dataclass, field
from pathlib import Path

from nucfuse.report.written import failed_lines


@dataclass(slots=True)
class PredictionReport:
    """Counts of a run, which grow while it goes on."""

    out: Path
    format: str
    model: str
    images: int = 0
    nuclei: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """For a person."""
        text = f"{self.out}: {self.images} images, {self.nuclei} nuclei as {self.format}, "
        text += f"by {self.model}"
        if self.kept:
            text += f"; {self.kept} more were there already"
        return "\n".join([text, *failed_lines("not predicted", self.failed)])
