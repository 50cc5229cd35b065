"""How each image is fused: one plan for all, or one per cluster of a router."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from nucfuse.clean.splitting import split_settings
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.ensemble.fuse import (
    DEFAULT_METHOD,
    DEFAULT_SPLIT,
    MAP_METHODS,
    FusionSettings,
    read_method,
)
from nucfuse.ensemble.maps.weights import check_weights
from nucfuse.ensemble.nuclei.methods import METHODS
from nucfuse.ensemble.nuclei.parameters import WithPrimary
from nucfuse.ensemble.routing.router import Decision, Router
from nucfuse.ensemble.routing.routing_map import Route, read_map
from nucfuse.errors import DataError
from nucfuse.pipeline.members import MemberSet
from nucfuse.pipeline.routing import open_router
from nucfuse.pipeline.running import ReadingOptions
from nucfuse.pipeline.settings import Given, read_pairs


def _weights(text: str | tuple[float, ...] | None) -> tuple[float, ...]:
    """Weights from W,W,..."""
    if not isinstance(text, str):
        return text or ()
    try:
        return tuple(float(weight) for weight in text.split(","))
    except ValueError:
        raise DataError(f"--weights must be numbers such as 1,0.5,2; got {text!r}") from None


@attrs.frozen(kw_only=True)
class FuseOptions(ReadingOptions):
    """What `fuse` takes besides the sets; see the command's help for each.

    Weights and settings may be given as the command line has them: W,W,... and NAME=VALUE.

    Raises
    ------
    DataError
        If a weight is no number, or a setting is not NAME=VALUE.
    """

    method: str = DEFAULT_METHOD
    weights: tuple[float, ...] = attrs.field(default=(), converter=_weights)
    settings: Given = attrs.field(factory=Given.none, converter=read_pairs)
    split: str = DEFAULT_SPLIT
    images: Path | None = None
    missing: str = "error"
    allow_overlap: bool = False
    route: str | None = None
    map_: Path | None = None
    report: Path | None = None
    explain: tuple[str, ...] = ()
    map_max: float | None = None


@attrs.frozen
class Plan:
    """Which prediction sets are fused, and how.

    Attributes
    ----------
    sets : tuple of int
        Numbers of the prediction sets that take part.
    weights : tuple of float
        Weights of these; none if they are equal.
    how : FusionSettings
    """

    sets: tuple[int, ...]
    weights: tuple[float, ...]
    how: FusionSettings

    def for_sets(self, present: Sequence[int]) -> "Plan":
        """Leave only those of its sets that have the image.

        Where the primary set lacks it, the first of the others that has a say comes in its place.
        """
        weight_of = dict(zip(self.sets, self.weights, strict=True)) if self.weights else {}
        weights = tuple(weight_of[k] for k in present) if weight_of else ()
        how = self.how
        if isinstance(how.settings, WithPrimary) and present:
            primary = self.sets[how.settings.primary]
            if primary not in present:
                with_say = (k for k in present if weight_of.get(k, 1) > 0)
                primary = next(with_say, present[0])
            settings = attrs.evolve(how.settings, primary=list(present).index(primary))
            how = attrs.evolve(how, settings=settings)
        return Plan(tuple(present), weights, how)


@attrs.frozen
class Planner:
    """Says for each image by which plan it is fused."""

    plan: Plan
    router: Router | None = None
    of_cluster: Mapping[str, Plan] = attrs.field(factory=dict)
    images: Images | None = None

    def of(self, image_id: str) -> tuple[Plan, Decision | None]:
        """Find the plan of an image, and where the router sent it.

        Raises
        ------
        DataError
            If the router needs an image that is not there.
        """
        if self.router is None or self.images is None:
            return self.plan, None
        if image_id not in self.images:
            raise DataError(f"image {image_id!r} is not among the --images, so it has no route")
        decision = self.router.route(self.images.image(image_id))
        return self.of_cluster[decision.cluster], decision


def make_planner(options: FuseOptions, members: Sequence[MemberSet]) -> Planner:
    """Make the planner of a run, everything checked before the first image.

    Parameters
    ----------
    options : FuseOptions
        For all images, or for what the routing map leaves open.
    members : sequence of MemberSet

    Raises
    ------
    DataError
        If a router, map or folder is bad or missing, or a plan does not fit the sets.
    """
    if options.settings.split and not any(member.is_map for member in members):
        raise DataError("split.NAME=VALUE is about probability maps, but there are none")
    if options.route is None:
        if options.map_ is not None:
            raise DataError("--map says what each cluster gets, so it needs --route")
        return Planner(_plan(options, members, Route()))
    if options.map_ is None or options.images is None:
        raise DataError("--route needs --map (what each cluster gets) and --images (to look at)")
    router = open_router(options.route)
    names = [member.name for member in members]
    routes = read_map(options.map_, router.names, names, [*METHODS, *MAP_METHODS])
    plans = {}
    for name, route in routes.items():
        try:
            plans[name] = _plan(options, members, route)
        except DataError as error:
            raise DataError(f"{options.map_}, [{name}]: {error}") from None
    return Planner(plans["default"], router, plans, open_images(options.images))


def _plan(options: FuseOptions, members: Sequence[MemberSet], route: Route) -> Plan:
    """Plan what the command says, as a route of a routing map changes it.

    Raises
    ------
    DataError
        If method, weights or parameters are unknown or do not fit the sets.
    """
    method = options.method
    params: Mapping[str, Any] = options.settings.method
    if route.use is not None:
        method, params = DEFAULT_METHOD, {}
    elif route.method is not None:
        method, params = route.method, route.params or {}
    names = [member.name for member in members]
    chosen = (route.use,) if route.use is not None else route.models
    sets = tuple(range(len(members)) if chosen is None else map(names.index, chosen))
    weights = options.weights if chosen is None else route.weights or ()
    if weights and len(weights) != len(sets):
        raise DataError(f"{len(sets)} prediction sets need as many weights, got {len(weights)}")
    try:
        check_weights(weights or None, len(sets))
        settings = read_method(method, params, all(members[k].is_map for k in sets))
        split_settings(options.split, options.settings.split)
    except ValueError as error:
        raise DataError(str(error)) from None
    if isinstance(settings, WithPrimary) and settings.primary >= len(sets):
        raise DataError(
            f"primary must be the number of a prediction set, 0 to {len(sets) - 1}, got "
            f"{settings.primary}"
        )
    disjoint = not options.allow_overlap
    how = FusionSettings(method, settings, disjoint, options.split, options.settings.split)
    return Plan(sets, weights, how)
