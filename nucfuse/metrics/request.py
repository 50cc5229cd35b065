"""What is asked of a score: thresholds, the rule of a hit, extra metrics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

Rule = Literal[">", ">="]

# Whole percents, compared as integers: np.arange(0.5, 1, 0.05) holds 0.6000000000000001.
DSB_PERCENTS = range(50, 100, 5)
# Measured only when asked for, since they cost more than all the rest together.
EXTRA_METRICS = ("coco_ap", "boundary")


class RequestArguments(TypedDict, total=False):
    """What `ScoreRequest.of` takes; all may be left out."""

    thresholds: Iterable[float] | None
    rule: Rule
    metrics: Iterable[str]
    allow_overlap: bool


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What to measure; make one with `of`, which checks.

    Attributes
    ----------
    percents : tuple of int
        IoU thresholds in whole percents, ascending.
    rule : {">", ">="}
        Whether an IoU on the threshold is no hit, or one.
    extra : tuple of {"coco_ap", "boundary"}
    allow_overlap : bool
        Score masks that overlap within one side, rather than refuse them.
    """

    percents: tuple[int, ...] = tuple(DSB_PERCENTS)
    rule: Rule = ">"
    extra: tuple[str, ...] = ()
    allow_overlap: bool = False

    @classmethod
    def of(
        cls,
        thresholds: Iterable[float] | None = None,
        rule: Any = ">",
        metrics: Iterable[str] = (),
        allow_overlap: bool = False,
    ) -> "ScoreRequest":
        """From the arguments of `nucfuse.score`.

        Raises
        ------
        ValueError
            If a threshold is no whole percent, or the rule or a metric is unknown.
        """
        percents = tuple(DSB_PERCENTS) if thresholds is None else as_percents(thresholds)
        is_strict(rule)
        extra = tuple(metrics)
        for name in extra:
            if name not in EXTRA_METRICS:
                raise ValueError(f"unknown metric {name!r}; there are {', '.join(EXTRA_METRICS)}")
        return cls(percents, rule, extra, allow_overlap)


DSB_REQUEST = ScoreRequest()


def as_percents(thresholds: Iterable[float]) -> tuple[int, ...]:
    """Thresholds a user gives as fractions, as whole percents in ascending order.

    Raises
    ------
    ValueError
        If one is not a whole percent in 0..1, is given twice, or there are none.

    Examples
    --------
    >>> as_percents([0.5, 0.55])
    (50, 55)
    """
    percents = []
    for threshold in thresholds:
        percent = float(threshold) * 100
        if not (0 <= percent <= 100 and abs(percent - round(percent)) < 1e-6):
            raise ValueError(
                f"thresholds must be whole percents from 0 to 1, got {threshold}; "
                "write 0.5 for 50 %"
            )
        percents.append(round(percent))
    return tuple(percent_array(tuple(sorted(percents))).tolist())


def percent_array(percents: Sequence[int]) -> NDArray[np.int64]:
    """Thresholds in whole percents as the kernels take them.

    Raises
    ------
    ValueError
        If they are none, repeated, unsorted or not in 0..100.
    """
    return _percent_array(percents if isinstance(percents, range) else tuple(percents))


@lru_cache(maxsize=64)
def _percent_array(percents: tuple[int, ...] | range) -> NDArray[np.int64]:
    array = np.array(percents)
    if array.size == 0 or array.dtype.kind not in "iu" or (np.diff(array) <= 0).any():
        raise ValueError(
            f"percents must be one or more different integers, ascending, got {percents}"
        )
    if array[0] < 0 or array[-1] > 100:
        raise ValueError(f"percents must lie in 0..100, got {percents}")
    array = array.astype(np.int64)
    array.flags.writeable = False  # shared by all who ask for the same thresholds
    return array


def is_strict(rule: str) -> bool:
    """Whether an IoU on the threshold is no hit; a ValueError if there is no such rule."""
    if rule not in (">", ">="):
        raise ValueError(f"rule must be '>' or '>=', got {rule!r}")
    return rule == ">"
