"""How each image is fused: one plan for all, or one per cluster of a router."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nucfuse.data.image_folder import Images, open_images
from nucfuse.ensemble.fuse import DEFAULT_METHOD, DEFAULT_SPLIT, PIXEL_METHODS, is_pixel_method
from nucfuse.ensemble.instance import METHODS
from nucfuse.ensemble.routing import Decision, Router
from nucfuse.ensemble.routing_map import Route, read_map
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

    def check(self, members: Sequence[MemberSet]) -> None:
        """Raise a DataError if a model or method is unknown, or the weights do not fit."""
        known = [member.name for member in members]
        for name in self.models:
            if name not in known:
                raise DataError(
                    f"no prediction set is called {name!r}; there are {', '.join(known)}"
                )
        chosen = [m for m in members if not self.models or m.name in self.models]
        if self.weights and len(self.weights) != len(chosen):
            raise DataError(
                f"{len(chosen)} prediction sets need as many weights, got {len(self.weights)}"
            )
        try:
            is_pixel_method(self.method, all(member.is_map for member in chosen))
        except ValueError as error:
            raise DataError(str(error)) from None


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
    for route in routes.values():
        plan.by(route).check(members)
    return Planner(plan, loaded, routes, open_images(images))
