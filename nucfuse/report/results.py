"""What a run of `nucfuse score` or `compare` found: the scores, and what was missing or failed."""

from dataclasses import dataclass
from typing import Any

from nucfuse.data.pairing import Pairing
from nucfuse.metrics.scores import Scores


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Scores of each prediction set, and what was missing, failed or said on the way.

    Attributes
    ----------
    truth : str
        Path of the truth.
    names : list of str
        What the prediction sets are called.
    scores : list of Scores
    pairings : list of Pairing
    failures : list of dict
        Per set, image id -> why it could not be scored.
    notes : list of str
        Warnings of the readers.
    missing_rule : {"error", "zero", "skip"}
    by : tuple of str
        The strata asked for.
    """

    truth: str
    names: list[str]
    scores: list[Scores]
    pairings: list[Pairing]
    failures: list[dict[str, str]]
    notes: list[str]
    missing_rule: str
    by: tuple[str, ...]

    @property
    def n_missing(self) -> list[int]:
        """Per set, images without a readable prediction."""
        both = zip(self.pairings, self.failures, strict=True)
        return [len(pairing.missing) + len(failed) for pairing, failed in both]

    @property
    def complete(self) -> bool:
        """Whether every image of the truth had a readable prediction in every set."""
        return not any(self.n_missing)

    def to_dict(self) -> dict[str, Any]:
        """Summarise; the names of the keys are a promise to scripts."""
        predictions = [
            {
                "name": name,
                **scores.to_dict(),
                "n_missing": n_missing,
                "n_extra": len(pairing.extra),
                "missing_rule": self.missing_rule,
                "missing": pairing.missing,
                "failed": failed,
            }
            for name, scores, pairing, failed, n_missing in zip(
                self.names, self.scores, self.pairings, self.failures, self.n_missing, strict=True
            )
        ]
        return {"truth": self.truth, "predictions": predictions, "notes": self.notes}
