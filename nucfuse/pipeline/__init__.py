"""The steps over a data set: pairing, workers, failures, outputs. One function per command."""

from nucfuse.pipeline.converting import convert, doctor, submit
from nucfuse.pipeline.predicting import predict
from nucfuse.pipeline.scoring import ScoreOptions, compare, score

__all__ = [
    "ScoreOptions",
    "compare",
    "convert",
    "doctor",
    "predict",
    "score",
    "submit",
]
