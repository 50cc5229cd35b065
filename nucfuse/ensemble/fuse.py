"""`fuse`: label images, `Instances` or probability maps of one image in, the same kind out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.clean.parameters import resolve
from nucfuse.clean.splitting import Method as SplitMethod
from nucfuse.clean.splitting import split as split_nuclei
from nucfuse.clean.splitting import split_settings
from nucfuse.ensemble.maps import fuse_maps as pixel
from nucfuse.ensemble.nuclei import parameters as settings
from nucfuse.ensemble.nuclei.methods import METHODS, fuse_instances
from nucfuse.ensemble.nuclei.provenance import Fusion
from nucfuse.masks.instances import Instances

Member = Instances | ArrayLike
PIXEL_METHODS: tuple[str, ...] = get_args(pixel.Method)
# What can be set in each of them, as `METHODS` has it for nuclei.
PIXEL_PARAMETERS: dict[str, tuple[settings.Setting, ...]] = {
    method: (settings.TRIM, settings.RESAMPLE) if method == "trimmed" else (settings.RESAMPLE,)
    for method in PIXEL_METHODS
}
DEFAULT_METHOD = "weighted"
DEFAULT_SPLIT: SplitMethod = "watershed"


@dataclass(frozen=True, slots=True)
class Fused:
    """What fusing one image gave.

    Attributes
    ----------
    instances : Instances
        The nuclei.
    fusion : Fusion or None
        Their provenance; None where maps were fused before there were nuclei.
    members : list of Instances
        The nuclei of each member that were fused; where maps were, those of each map by itself, if
        they were asked for.
    map : ndarray of float32, shape (H, W) or (C, H, W), or None
        The fused probabilities, where maps were fused.
    """

    instances: Instances
    fusion: Fusion | None
    members: list[Instances]
    map: NDArray[np.float32] | None


def is_map(member: Member) -> bool:
    """Whether a member is a probability map: an array of floats."""
    return not isinstance(member, Instances) and np.asarray(member).dtype.kind == "f"


def is_pixel_method(method: str, all_maps: bool) -> bool:
    """Whether maps are fused pixel by pixel: a method of `pixel`, or "weighted" over maps only.

    Raises
    ------
    ValueError
        If there is no such method, or it is one for maps and not all members are.
    """
    if method not in METHODS and method not in PIXEL_METHODS:
        known = ", ".join([*METHODS, *PIXEL_METHODS])
        raise ValueError(f"unknown method {method!r}; there are: {known}")
    if method in PIXEL_METHODS and not all_maps:
        raise ValueError(
            f"method {method!r} fuses probability maps only, and not all members are; choose one "
            f"of {', '.join(METHODS)}"
        )
    return method in PIXEL_METHODS or (all_maps and method == DEFAULT_METHOD)


def check_settings(
    method: str, params: Mapping[str, Any], by_pixels: bool, split: str,
    split_params: Mapping[str, Any],
) -> None:  # fmt: skip
    """Raise a ValueError if a parameter of the method or of splitting is unknown or out of range.

    Only what needs no nuclei is checked: say, that a primary set is one of those there are is not.
    """
    if by_pixels:
        _pixel_settings(method, params)
    else:
        table = (*METHODS[method].parameters, settings.MIN_LEFT)
        resolve(table, params, f"method {method!r}")
    split_settings(split, split_params)


def fuse_members(
    members: Iterable[Member], method: str = DEFAULT_METHOD,
    weights: Iterable[float] | None = None, *, names: Sequence[str] | None = None,
    split: SplitMethod = DEFAULT_SPLIT, split_params: Mapping[str, float] | None = None,
    by_pixels: bool | None = None, keep_members: bool = False, **params: Any,
) -> Fused:  # fmt: skip
    """Fuse what several models found in one image, with provenance.

    Probability maps are fused pixel by pixel and then split into nuclei if all members are maps
    and the method allows; else each map is split first, and nuclei are fused.

    Parameters
    ----------
    members : iterable of M (Instances, label image, or probability map of floats)
        An iterator of maps to fuse pixel by pixel is read one map at a time; see `fuse_maps`.
    method : str
        One of `instance.METHODS` or, for maps, of ``pixel.Method``.
    weights : iterable of M float, optional
    names : sequence of M str, optional
        Of the models, for provenance.
    split, split_params
        How maps become nuclei; see `clean.split`.
    by_pixels : bool, optional
        Whether to fuse pixel by pixel; by default, what `is_pixel_method` says of the members.
    keep_members : bool
        Whether maps that are fused pixel by pixel are also split one by one, to be compared.
    **params
        Of the method.

    Raises
    ------
    ValueError, TypeError
        See `fuse_instances`, `fuse_maps` and `split`.
    """
    if by_pixels is None:
        members = list(members)
        if not members:
            raise ValueError("there is nothing to fuse; give at least one member")
        by_pixels = is_pixel_method(method, all(is_map(m) for m in members))
    cutting = dict(split_params or {})
    called = list(names) if names is not None else (f"model {k}" for k in count(1))
    sets: list[Instances] = []
    if by_pixels:
        if keep_members:
            members = _also_split(members, iter(called), split, cutting, sets)
        fused = _fused_map(members, method, weights, params)
        nuclei = split_nuclei(fused, split, source="+".join(sorted(names or [])), **cutting)
        return Fused(nuclei, None, sets, fused)
    sets += [
        _as_instances(member, name, split, cutting)
        for member, name in zip(members, called, strict=names is not None)
    ]
    fusion = fuse_instances(sets, method, weights, **params)
    return Fused(fusion.instances, fusion, sets, None)


def fuse(
    members: Sequence[Member], method: str = DEFAULT_METHOD,
    weights: Iterable[float] | None = None, **params: Any,
) -> Any:  # fmt: skip
    """Fuse what several models found in one image; what went in comes out.

    Parameters
    ----------
    members : sequence of M (label image, Instances, or probability map)
        Of one image. Label images are integer arrays (H, W); maps are floats in [0, 1] of shape
        (H, W) or (C, H, W).
    method : str
        For nuclei: "weighted" (every pixel voted on by score x weight), "consensus", "revote",
        "fallback", "staple", "mask_nms", "box_nms", "soft_nms", "matrix_nms" or "union". For
        maps: "mean" (also "weighted"), "geometric", "logit", "median", "trimmed", "max", "min".
    weights : iterable of M float, optional
        One for each model, 0 or more; equal by default.
    **params
        Of the method: `nuclei.methods.METHODS` and, for maps, `PIXEL_PARAMETERS` have their names,
        ranges and defaults. ``disjoint=False`` leaves overlaps of Instances as they
        are; ``pixel_weights`` gives maps a weight for each pixel, see `pixel.fuse_maps`.

    Returns
    -------
    ndarray or Instances
        Label images give a label image (int32), maps a map (float32), all else Instances.

    Raises
    ------
    ValueError, TypeError
        If there are no members, they differ in shape, weights are negative, not finite or not M,
        or method or parameters are unknown or out of range.

    References
    ----------
    Weighted fusion follows R. Solovyev et al., "Weighted boxes fusion", Image and Vision Computing
    107, 2021, doi:10.1016/j.imavis.2021.104117, with masks and votes per pixel in place of boxes.

    Examples
    --------
    >>> a, b, c = np.array([[1, 1, 0]]), np.array([[3, 3, 0]]), np.array([[0, 2, 2]])
    >>> fuse([a, b, c])
    array([[1, 1, 0]], dtype=int32)
    >>> fuse([np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])])
    array([[0.25, 0.75]], dtype=float32)
    """
    members = list(members)
    if members and is_pixel_method(method, all(is_map(m) for m in members)):
        return _fused_map(members, method, weights, params)
    fused = fuse_members(members, method, weights, **params)
    if any(isinstance(m, Instances) or is_map(m) for m in members):
        return fused.instances
    return fused.instances.to_labels()


def _fused_map(
    maps: Iterable[Member], method: str, weights: Iterable[float] | None, params: dict[str, Any]
) -> NDArray[np.float32]:
    """Maps fused pixel by pixel; the default method means their weighted mean."""
    planes = params.get("pixel_weights")
    values = _pixel_settings(method, {k: v for k, v in params.items() if k != "pixel_weights"})
    how: Any = _pixel_name(method)
    arrays: Any = maps if isinstance(maps, Iterator) else [np.asarray(one) for one in maps]
    return pixel.fuse_maps(arrays, how, weights, planes, **values)


def _pixel_name(method: str) -> str:
    return "mean" if method == DEFAULT_METHOD else method


def _pixel_settings(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    table = PIXEL_PARAMETERS[_pixel_name(method)]
    return resolve(table, given, f"method {method!r} for maps")


def _also_split(
    maps: Iterable[Member], names: Iterator[str], split: SplitMethod,
    cutting: Mapping[str, float], sets: list[Instances],
) -> Iterator[Member]:  # fmt: skip
    """The same maps; the nuclei of each that has gone by are added to the sets."""
    for one in maps:
        sets.append(_as_instances(one, next(names), split, cutting))
        yield one


def _as_instances(
    member: Member, name: str, split: SplitMethod, cutting: Mapping[str, float]
) -> Instances:
    if isinstance(member, Instances):
        return member.with_source(name)
    if is_map(member):
        return split_nuclei(member, split, source=name, **cutting)
    return Instances.from_labels(member, source=name)
