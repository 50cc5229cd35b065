"""How each image is fused: one plan for all, or one per cluster of a router."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.ensemble.fuse import (
    DEFAULT_METHOD,
    DEFAULT_SPLIT,
    PIXEL_METHODS,
    check_settings,
    is_pixel_method,
)
from nucfuse.ensemble.maps.weights import check_weights
from nucfuse.ensemble.nuclei.methods import METHODS
from nucfuse.ensemble.routing.router import Decision, Router
from nucfuse.ensemble.routing.routing_map import Route, read_map
from nucfuse.errors import DataError
from nucfuse.pipeline.members import MemberSet
from nucfuse.pipeline.routing import open_router


@dataclass(frozen=True, slots=True)
class Plan:
    """A method, which models, their weights, and parameters.

    Attributes
    ----------
    method : str
    models : tuple of str
        Names of the prediction sets; all if empty.
    weights : tuple of float
        One per model; equal if empty.
    params : dict
        Of the method.
    split : str
        How maps become nuclei.
    split_params : dict
    """

    method: str = DEFAULT_METHOD
    models: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    split: str = DEFAULT_SPLIT
    split_params: Mapping[str, float] = field(default_factory=dict)

    def by(self, route: Route) -> "Plan":
        """This plan as a route of a routing map changes it."""
        if route.use is not None:
            return replace(self, method=DEFAULT_METHOD, models=(route.use,), weights=(), params={})
        models, weights = route.models or self.models, route.weights
        if not route.models and not weights:
            weights = self.weights
        if route.method is None:
            return replace(self, models=models, weights=weights)
        return replace(
            self, method=route.method, models=models, weights=weights, params=route.params
        )

    def chosen(self, members: Sequence[MemberSet]) -> list[int]:
        """Numbers of the sets that take part, in the order of the plan: weights follow it."""
        names = [member.name for member in members]
        return [names.index(name) for name in self.models or names]

    def by_pixels(self, members: Sequence[MemberSet]) -> bool:
        """Whether maps are fused pixel by pixel; raises a ValueError if the method cannot be."""
        return is_pixel_method(self.method, all(members[k].is_map for k in self.chosen(members)))

    @property
    def has_primary(self) -> bool:
        """Whether the method puts one of the sets before all others."""
        method = METHODS.get(self.method)
        return method is not None and any(p.name == "primary" for p in method.parameters)

    def check(self, members: Sequence[MemberSet]) -> None:
        """Raise a DataError if models, method, weights or parameters are unknown or do not fit."""
        known = [member.name for member in members]
        for name in self.models:
            if name not in known:
                raise DataError(
                    f"no prediction set is called {name!r}; there are {', '.join(known)}"
                )
        n_sets = len(self.chosen(members))
        if self.weights and len(self.weights) != n_sets:
            raise DataError(
                f"{n_sets} prediction sets need as many weights, got {len(self.weights)}"
            )
        try:
            check_weights(self.weights or None, n_sets)
            by_pixels = self.by_pixels(members)
            check_settings(self.method, self.params, by_pixels, self.split, self.split_params)
        except ValueError as error:
            raise DataError(str(error)) from None
        if self.has_primary and not self.params.get("primary", 0) < n_sets:
            raise DataError(
                f"primary must be the number of a prediction set, 0 to {n_sets - 1}, got "
                f"{self.params['primary']}"
            )


@dataclass(frozen=True, slots=True)
class Planner:
    """Says for each image by which plan it is fused."""

    plan: Plan
    router: Router | None = None
    routes: Mapping[str, Route] = field(default_factory=dict)
    images: Images | None = None

    def of(self, image_id: str) -> tuple[Plan, Decision | None]:
        """The plan of an image, and where the router sent it.

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
        return self.plan.by(self.routes[decision.cluster]), decision


def make_planner(
    plan: Plan, members: Sequence[MemberSet], router: str | None, map_: Path | None,
    images: Path | None,
) -> Planner:  # fmt: skip
    """The planner of a run, everything checked before the first image.

    Parameters
    ----------
    plan : Plan
        For all images, or for what the routing map leaves open.
    router : str or None
        Path of a router, or "default" for the one in the package; None for one plan for all.
    map_, images : Path or None
        Routing map, and the images to route.

    Raises
    ------
    DataError
        If a router, map or folder is bad or missing, or a plan does not fit the sets.
    """
    if plan.split_params and not any(member.is_map for member in members):
        raise DataError("split.NAME=VALUE is about probability maps, but there are none")
    if router is None:
        if map_ is not None:
            raise DataError("--map says what each cluster gets, so it needs --route")
        plan.check(members)
        return Planner(plan)
    if map_ is None or images is None:
        raise DataError("--route needs --map (what each cluster gets) and --images (to look at)")
    loaded = open_router(router)
    methods = [*METHODS, *PIXEL_METHODS]
    routes = read_map(map_, loaded.names, [m.name for m in members], methods)
    for name, route in routes.items():
        try:
            plan.by(route).check(members)
        except DataError as error:
            raise DataError(f"{map_}, [{name}]: {error}") from None
    return Planner(plan, loaded, routes, open_images(images))
