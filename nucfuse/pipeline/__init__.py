"""The steps over a data set: pairing, workers, failures, outputs. One function per command."""

from nucfuse.pipeline.converting import convert, doctor, submit
from nucfuse.pipeline.predicting import predict
from nucfuse.pipeline.scoring import Comparison, ScoreOptions, ScoreResult, compare, score

__all__ = [
    "Comparison",
    "ScoreOptions",
    "ScoreResult",
    "compare",
    "convert",
    "doctor",
    "predict",
    "score",
    "submit",
]
