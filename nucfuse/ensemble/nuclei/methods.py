"""Fusing sets of nuclei of one image: the methods, and the one function that calls them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nucfuse.clean.parameters import resolve
from nucfuse.ensemble.maps.weights import check_weights
from nucfuse.ensemble.nuclei import parameters as settings
from nucfuse.ensemble.nuclei import suppression
from nucfuse.ensemble.nuclei.candidates import pooled
from nucfuse.ensemble.nuclei.consensus import consensus
from nucfuse.ensemble.nuclei.drafts import draft_of_agreement
from nucfuse.ensemble.nuclei.fallback import fallback
from nucfuse.ensemble.nuclei.finishing import finished
from nucfuse.ensemble.nuclei.parameters import Setting
from nucfuse.ensemble.nuclei.primary import primary_model
from nucfuse.ensemble.nuclei.provenance import Draft, Fusion
from nucfuse.ensemble.nuclei.revote import revote
from nucfuse.ensemble.nuclei.staple import staple
from nucfuse.ensemble.nuclei.union import union_relabel
from nucfuse.ensemble.nuclei.weighted import weighted
from nucfuse.masks.instances import Instances


@dataclass(frozen=True, slots=True)
class Method:
    """A way to fuse.

    Attributes
    ----------
    function : callable
        Makes a `Draft` of a `Pool` and all parameters.
    parameters : tuple of Parameter or Choice
        What can be set, with ranges and defaults.
    keeps_agreement : bool
        Whether models that all say the same, without overlaps, are simply believed.
    """

    function: Callable[..., Draft]
    parameters: tuple[Setting, ...]
    keeps_agreement: bool = True

    @property
    def summary(self) -> str:
        """One line on what it does."""
        return (self.function.__doc__ or "").split("\n")[0]


METHODS: dict[str, Method] = {
    "weighted": Method(weighted, (settings.IOU, settings.THRESHOLD, settings.ABSENT)),
    "consensus": Method(
        consensus, (settings.IOU, settings.MIN_VOTES, settings.MIN_WEIGHT, settings.OUTLINE)
    ),
    "revote": Method(
        revote, (settings.PRIMARY, settings.IOU, settings.MIN_AGREEING, settings.THRESHOLD)
    ),
    "fallback": Method(fallback, (settings.PRIMARY, settings.OVERLAP)),
    "staple": Method(staple, (settings.IOU, settings.THRESHOLD, settings.MIN_POSTERIOR)),
    "mask_nms": Method(suppression.mask_nms, (settings.IOU, settings.OVER)),
    "box_nms": Method(suppression.box_nms, (settings.IOU,)),
    "soft_nms": Method(
        suppression.soft_nms,
        (settings.IOU, settings.DECAY, settings.SOFT_SIGMA, settings.MIN_SCORE),
    ),
    "matrix_nms": Method(
        suppression.matrix_nms, (settings.DECAY, settings.MATRIX_SIGMA, settings.MIN_SCORE)
    ),
    "union": Method(union_relabel, (), keeps_agreement=False),
}


def fuse_instances(
    sets: Sequence[Instances], method: str = "weighted", weights: Iterable[float] | None = None, *,
    disjoint: bool = True, min_left: float = settings.MIN_LEFT.default, **params: Any,
) -> Fusion:  # fmt: skip
    """Fuse the nuclei that several models found in one image.

    Parameters
    ----------
    sets : sequence of M Instances
        Of one shape; with scores in [0, 1] or without (NaN, which counts as 1.0); all with classes
        or none.
    method : str
        A key of `METHODS`.
    weights : iterable of M float
        Of the models, not negative; only their ratios matter. Equal if left out. A set of weight 0
        changes nothing.
    disjoint : bool
        Whether a pixel of several results goes to one of them only, that of the highest fused
        score; of a result that falls to pieces by that, the largest is kept.
    min_left : float
        Results that keep less than this share of their pixels so are dropped.
    **params
        Parameters of the method; see `METHODS` for names, ranges and defaults.

    Returns
    -------
    Fusion
        The result and its provenance.

    Raises
    ------
    ValueError, TypeError
        If there is no set or none with weight, shapes differ, weights are negative, not finite or
        not M, a score lies outside [0, 1], only some sets have classes, or method or parameters
        are unknown or out of range.

    Notes
    -----
    A nucleus without pixels is dropped. Sets that are all the same and have no overlaps are
    returned as they are by every method but "union": there is nothing to decide. Swapping sets of
    equal weight changes nothing but the numbering of the inputs, except for methods with a primary
    set. Time is O(R log R) in the number of runs at constant density, memory O(R).

    Examples
    --------
    >>> a = Instances.from_labels(np.array([[1, 1, 1, 0, 2]]), source="a")
    >>> b = Instances.from_labels(np.array([[0, 1, 1, 1, 0]]), source="b")
    >>> c = Instances.from_labels(np.array([[1, 1, 0, 0, 0]]), source="c")
    >>> fusion = fuse_instances([a, b, c], iou=0.3)
    >>> fusion.instances.to_labels(), fusion.votes, fusion.made_from(0)
    (array([[1, 1, 1, 0, 0]], dtype=int32), array([3], dtype=int32), [(0, 0), (1, 0), (2, 0)])
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; there are: {', '.join(METHODS)}")
    chosen = METHODS[method]
    values = resolve(chosen.parameters, params, f"method {method!r}")
    min_left = settings.MIN_LEFT.checked(min_left)
    _check_sets(sets)
    pool = pooled(sets, check_weights(weights, len(sets)))
    if "primary" in values:
        primary_model(pool, values["primary"], method)  # a wrong one is an error in any case
    used = [sets[k] for k in pool.sets.tolist()]
    input_sets = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    agree = all(s == used[0] for s in used[1:])
    if chosen.keeps_agreement and agree and used[0].disjoint:
        return finished(pool, draft_of_agreement(pool), input_sets, False, 0.0)
    draft = chosen.function(pool, **values)
    return finished(pool, draft, input_sets, disjoint, min_left)


def _check_sets(sets: Sequence[Instances]) -> None:
    if len(sets) == 0:
        raise ValueError("sets must hold at least one set of nuclei, got none")
    for k, one in enumerate(sets):
        if not isinstance(one, Instances):
            raise TypeError(
                f"set {k} must be Instances, got {type(one).__name__}; "
                "make one with Instances.from_labels or another from_ method"
            )
        if one.shape != sets[0].shape:
            raise ValueError(
                f"sets must be of one image, but set 0 has shape {sets[0].shape} and set {k} "
                f"{one.shape}"
            )
        bad = np.flatnonzero((one.scores < 0) | (one.scores > 1))
        if bad.size:
            raise ValueError(
                f"scores must lie in [0, 1] to be weighed against each other, got "
                f"{one.scores[bad[0]]:g} for nucleus {bad[0]} of set {k}; rescale them first"
            )
    with_classes = {s.classes is not None for s in sets if len(s)}
    if len(with_classes) > 1:
        raise ValueError(
            "either all sets have classes or none, but sets "
            f"{[k for k, s in enumerate(sets) if s.classes is None and len(s)]} have none; "
            "give them classes, or take those of the others away"
        )
