"""Fusing sets of nuclei of one image: the methods, and the one function that calls them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nucfuse.ensemble.maps.weights import check_weights
from nucfuse.ensemble.nuclei import parameters, suppression
from nucfuse.ensemble.nuclei.candidates import candidates_of
from nucfuse.ensemble.nuclei.consensus import consensus
from nucfuse.ensemble.nuclei.fallback import fallback
from nucfuse.ensemble.nuclei.parameters import NucleusSettings, WithPrimary
from nucfuse.ensemble.nuclei.provenance import Fusion, MethodResult, fusion_of
from nucfuse.ensemble.nuclei.results import result_of_agreement
from nucfuse.ensemble.nuclei.revote import revote
from nucfuse.ensemble.nuclei.staple import staple
from nucfuse.ensemble.nuclei.union import union_relabel
from nucfuse.ensemble.nuclei.weighted import weighted
from nucfuse.masks.instances import Instances
from nucfuse.settings import read


@dataclass(frozen=True, slots=True)
class Method:
    """A way to fuse.

    Attributes
    ----------
    function : callable
        Makes a `MethodResult` of `Candidates` and settings.
    settings : type
        The class of these.
    keeps_agreement : bool
        Whether models that all say the same, without overlaps, are simply believed.
    """

    function: Callable[[Any, Any], MethodResult]
    settings: type[NucleusSettings]
    keeps_agreement: bool = True

    @property
    def summary(self) -> str:
        """One line on what it does."""
        return (self.function.__doc__ or "").split("\n")[0]


METHODS: dict[str, Method] = {
    "weighted": Method(weighted, parameters.Weighted),
    "consensus": Method(consensus, parameters.Consensus),
    "revote": Method(revote, parameters.Revote),
    "fallback": Method(fallback, parameters.Fallback),
    "staple": Method(staple, parameters.Staple),
    "mask_nms": Method(suppression.fuse_by_mask_nms, parameters.MaskNMS),
    "box_nms": Method(suppression.fuse_by_box_nms, parameters.BoxNMS),
    "soft_nms": Method(suppression.fuse_by_soft_nms, parameters.SoftNMS),
    "matrix_nms": Method(suppression.fuse_by_matrix_nms, parameters.MatrixNMS),
    "union": Method(union_relabel, NucleusSettings, keeps_agreement=False),
}


def read_settings(method: str, params: Mapping[str, Any]) -> NucleusSettings:
    """Make the settings of a method from names and values.

    Raises
    ------
    ValueError
        If there is no such method, a name is unknown, or a value is out of range.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; there are: {', '.join(METHODS)}")
    return read(METHODS[method].settings, params, f"method {method!r}")


def fuse_instances(
    sets: Sequence[Instances],
    method: str = "weighted",
    weights: Iterable[float] | None = None,
    *,
    disjoint: bool = True,
    **params: Any,
) -> Fusion:
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
    **params
        Settings of the method; see its class in `parameters` for names, ranges and defaults.

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
    return fuse_by(method, read_settings(method, params), sets, weights, disjoint)


def fuse_by(
    method: str,
    settings: NucleusSettings,
    sets: Sequence[Instances],
    weights: Iterable[float] | None = None,
    disjoint: bool = True,
) -> Fusion:
    """As `fuse_instances`, with settings that are of the method's class."""
    _check_sets(sets)
    candidates = candidates_of(sets, check_weights(weights, len(sets)))
    if isinstance(settings, WithPrimary):
        candidates.primary_model(settings.primary)  # a wrong one is an error in any case
    input_sets = np.cumsum([0, *map(len, sets)])
    first, *others = (sets[k] for k in candidates.sets.tolist())
    agree = all(one == first for one in others) and first.disjoint
    if agree and METHODS[method].keeps_agreement:
        return fusion_of(result_of_agreement(candidates), candidates, input_sets, False, 0.0)
    result = METHODS[method].function(candidates, settings)
    return fusion_of(result, candidates, input_sets, disjoint, settings.min_left)


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
