"""`fuse`: label images, `Instances` or probability maps of one image in, the same kind out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, cast

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.clean.splitting import Method as SplitMethod
from nucfuse.clean.splitting import split as split_nuclei
from nucfuse.ensemble.maps.fuse_maps import MAP_SETTINGS, MapSettings, fuse_maps
from nucfuse.ensemble.nuclei.methods import METHODS, fuse_by, read_settings
from nucfuse.ensemble.nuclei.parameters import NucleusSettings
from nucfuse.ensemble.nuclei.provenance import Fusion
from nucfuse.masks.instances import Instances
from nucfuse.settings import read

Member = Instances | ArrayLike
MAP_METHODS: tuple[str, ...] = tuple(MAP_SETTINGS)
DEFAULT_METHOD = "weighted"
DEFAULT_SPLIT = "watershed"


@attrs.frozen
class FusionSettings:
    """How the members of an image are fused.

    Attributes
    ----------
    method : str
        One of `METHODS` or, for maps, of `MAP_METHODS`.
    settings : NucleusSettings or MapSettings
        Of the method. Maps are fused pixel by pixel if they are those of maps.
    disjoint : bool
        Whether a pixel of several nuclei goes to one of them only.
    split : str
        How maps become nuclei; see `clean.split`.
    split_params : mapping
        Settings of that.
    """

    method: str
    settings: NucleusSettings | MapSettings
    disjoint: bool = True
    split: str = DEFAULT_SPLIT
    split_params: Mapping[str, float] = attrs.field(factory=dict)

    @property
    def by_pixels(self) -> bool:
        """Whether maps are fused pixel by pixel, and split into nuclei after that."""
        return isinstance(self.settings, MapSettings)


@attrs.frozen
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
    """Whether maps are fused pixel by pixel: a method of maps, or "weighted" over maps only.

    Raises
    ------
    ValueError
        If there is no such method, or it is one for maps and not all members are.
    """
    if method not in METHODS and method not in MAP_METHODS:
        known = ", ".join([*METHODS, *MAP_METHODS])
        raise ValueError(f"unknown method {method!r}; there are: {known}")
    if method in MAP_METHODS and not all_maps:
        raise ValueError(
            f"method {method!r} fuses probability maps only, and not all members are; choose one "
            f"of {', '.join(METHODS)}"
        )
    return method in MAP_METHODS or (all_maps and method == DEFAULT_METHOD)


def read_method(
    method: str, params: Mapping[str, Any], all_maps: bool
) -> NucleusSettings | MapSettings:
    """Read the settings of a method, for nuclei or for maps.

    Raises
    ------
    ValueError
        See `is_pixel_method`; or a name is unknown, or a value out of range.
    """
    if not is_pixel_method(method, all_maps):
        return read_settings(method, params)
    return read(MAP_SETTINGS[_map_method(method)], params, f"method {method!r} for maps")


def fuse_members(
    members: Iterable[Member],
    how: FusionSettings,
    weights: Iterable[float] | None = None,
    names: Sequence[str] | None = None,
    keep_members: bool = False,
) -> Fused:
    """Fuse what several models found in one image, with provenance.

    Maps are fused pixel by pixel and then split into nuclei, or each is split first and nuclei are
    fused, as the settings say.

    Parameters
    ----------
    members : iterable of M (Instances, label image, or probability map of floats)
        An iterator of maps to fuse pixel by pixel is read one map at a time; see `fuse_maps`.
    how : FusionSettings
    weights : iterable of M float, optional
    names : sequence of M str, optional
        Of the models, for provenance.
    keep_members : bool
        Whether maps that are fused pixel by pixel are also split one by one, to be compared.

    Raises
    ------
    ValueError, TypeError
        See `fuse_instances`, `fuse_maps` and `split`.
    """
    sets: list[Instances] = []
    called = iter(names) if names is not None else (f"model {k}" for k in count(1))
    if isinstance(how.settings, MapSettings):
        if keep_members:
            members = _also_split(members, called, how, sets)
        fused = _fused_map(members, how.method, how.settings, weights)
        return Fused(_split(fused, how, "+".join(sorted(names or []))), None, sets, fused)
    sets += [_as_instances(member, next(called), how) for member in members]
    fusion = fuse_by(how.method, how.settings, sets, weights, how.disjoint)
    return Fused(fusion.instances, fusion, sets, None)


def fuse(
    members: Sequence[Member],
    method: str = DEFAULT_METHOD,
    weights: Iterable[float] | None = None,
    *,
    disjoint: bool = True,
    split: str = DEFAULT_SPLIT,
    pixel_weights: Iterable[ArrayLike | None] | None = None,
    **params: Any,
) -> Any:
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
    disjoint : bool
        Whether a pixel of several nuclei goes to one of them only.
    split : str
        How maps become nuclei where they are fused with nuclei, or by a method for nuclei.
    pixel_weights : iterable of M (array_like, shape (H, W), or None), optional
        Of maps fused pixel by pixel; see `fuse_maps`.
    **params
        Of the method: `nuclei.parameters` and, for maps, `MAP_SETTINGS` have their names, ranges
        and defaults.

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
    if not members:
        raise ValueError("there is nothing to fuse; give at least one member")
    maps = [is_map(member) for member in members]
    settings = read_method(method, params, all(maps))
    if isinstance(settings, MapSettings):
        return _fused_map(members, method, settings, weights, pixel_weights)
    if pixel_weights is not None:
        raise ValueError(f"method {method!r} fuses nuclei, which have no pixel_weights")
    how = FusionSettings(method, settings, disjoint, split)
    fused = fuse_members(members, how, weights).instances
    if any(maps) or any(isinstance(member, Instances) for member in members):
        return fused
    return fused.to_labels()


def _fused_map(
    maps: Iterable[Member],
    method: str,
    settings: MapSettings,
    weights: Iterable[float] | None,
    pixel_weights: Iterable[ArrayLike | None] | None = None,
) -> NDArray[np.float32]:
    arrays: Any = maps if isinstance(maps, Iterator) else [np.asarray(one) for one in maps]
    given = attrs.asdict(settings)
    return fuse_maps(arrays, _map_method(method), weights, pixel_weights, **given)


def _map_method(method: str) -> Any:
    """Name the method for maps: the default is their weighted mean."""
    return "mean" if method == DEFAULT_METHOD else method


def _also_split(
    maps: Iterable[Member], names: Iterator[str], how: FusionSettings, sets: list[Instances]
) -> Iterator[Member]:
    """Yield the same maps; add the nuclei of each that has gone by to the sets."""
    for one in maps:
        sets.append(_as_instances(one, next(names), how))
        yield one


def _as_instances(member: Member, name: str, how: FusionSettings) -> Instances:
    if isinstance(member, Instances):
        return member.with_source(name)
    return (
        _split(member, how, name) if is_map(member) else Instances.from_labels(member, source=name)
    )


def _split(map_: ArrayLike, how: FusionSettings, name: str) -> Instances:
    return split_nuclei(map_, cast(SplitMethod, how.split), source=name, **how.split_params)
