"""Settings of the methods that fuse nuclei: a class for each, with names, ranges and defaults.

A search over methods reads `describe(METHODS[name].settings)`; the functions of this package take
their defaults and checks from here.
"""

from math import inf
from typing import Any

import attrs

from nucfuse.settings import choice, number


def _iou() -> Any:
    return number(0.5, 0, 1, "nuclei are the same above this intersection over union")


def _threshold() -> Any:
    return number(0.5, 0, 1, "a pixel is in if more than this share of the votes is for it")


def _primary() -> Any:
    return number(0, 0, inf, "which set comes before all others, from 0")


def _decay() -> Any:
    return choice("linear", ("linear", "gaussian"), "how a score falls with the IoU")


def _min_score() -> Any:
    return number(0.05, 0, 1, "nuclei whose score is, or falls to, this or below are left out")


@attrs.frozen(kw_only=True)
class NucleusSettings:
    """What can be set in every method."""

    min_left: float = number(
        0.5, 0, 1, "results that keep less of their pixels when overlaps are cut are dropped"
    )


@attrs.frozen(kw_only=True)
class Weighted(NucleusSettings):
    """Of weighted mask fusion."""

    iou: float = _iou()
    threshold: float = _threshold()
    absent: float = number(
        0.8, 0, 1, "share of its weight that a model without a nucleus there votes against it"
    )


@attrs.frozen(kw_only=True)
class Consensus(NucleusSettings):
    """Of consensus."""

    iou: float = _iou()
    min_votes: int = number(
        2, 1, inf, "models that must have a nucleus (all, if there are fewer models)"
    )
    min_weight: float = number(0.0, 0, 1, "share of all weight that must have a nucleus")
    outline: str = choice(
        "majority",
        ("majority", "medoid"),
        "the pixels most members have, or the member that is most like the others",
    )


@attrs.frozen(kw_only=True)
class WithPrimary(NucleusSettings):
    """Of methods that put one of the sets before all others."""

    primary: int = _primary()


@attrs.frozen(kw_only=True)
class Revote(WithPrimary):
    """Of re-voting outlines."""

    iou: float = _iou()
    min_votes: int = number(3, 2, inf, "models that must agree before an outline is replaced")
    threshold: float = _threshold()


@attrs.frozen(kw_only=True)
class Fallback(WithPrimary):
    """Of fall-back."""

    overlap: float = number(
        0.25, 0, 1, "share of the smaller nucleus that an addition may overlap what is there"
    )


@attrs.frozen(kw_only=True)
class Staple(NucleusSettings):
    """Of STAPLE."""

    iou: float = _iou()
    threshold: float = _threshold()
    min_posterior: float = number(0.5, 0, 1, "nuclei must be real with a probability above this")


@attrs.frozen(kw_only=True)
class MaskNMS(NucleusSettings):
    """Of greedy suppression by masks."""

    iou: float = _iou()
    over: str = choice(
        "union", ("union", "smaller"), "what the intersection of two nuclei is divided by"
    )


@attrs.frozen(kw_only=True)
class BoxNMS(NucleusSettings):
    """Of greedy suppression by boxes."""

    iou: float = _iou()


@attrs.frozen(kw_only=True)
class SoftNMS(NucleusSettings):
    """Of soft suppression."""

    iou: float = _iou()
    decay: str = _decay()
    sigma: float = number(0.5, 1e-3, 1e3, "Gaussian only: a score falls by exp(-IoU ** 2 / sigma)")
    min_score: float = _min_score()


@attrs.frozen(kw_only=True)
class MatrixNMS(NucleusSettings):
    """Of matrix suppression."""

    decay: str = _decay()
    sigma: float = number(2.0, 1e-3, 1e3, "Gaussian only: a score falls by exp(-sigma * IoU ** 2)")
    min_score: float = _min_score()
