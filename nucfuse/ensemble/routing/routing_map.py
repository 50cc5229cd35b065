"""Routing maps: TOML files that say what becomes of the images of each cluster.

A table per cluster, and ``[default]`` for the clusters without one and for images that are far from
all::

    [fluorescence]
    use = "unet"                        # one prediction set as it is

    [histology]
    method = "weighted"                 # or a fusion of its own
    models = ["mask_rcnn", "unet"]      # all prediction sets if left out
    weights = [2.0, 1.0]                # equal if left out
    [histology.params]
    iou = 0.4
"""

import math
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import attrs

from nucfuse.data.readers.files import read_bytes
from nucfuse.ensemble.routing.router import DEFAULT
from nucfuse.errors import DataError
from nucfuse.settings import checked, read, several


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_weight(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value < math.inf


@attrs.frozen
class Route:
    """What becomes of the images of a cluster.

    Attributes
    ----------
    use : str or None
        The prediction set to take as it is; then nothing else is set.
    method : str or None
        How to fuse; None leaves that to the command.
    models : tuple of str or None
        Prediction sets to fuse; None means all.
    weights : tuple of float or None
        One for each of ``models``; None means equal.
    params : mapping or None
        Of the method.
    """

    use: str | None = checked(
        None, lambda v: v is None or _is_text(v), "the name of a prediction set"
    )
    method: str | None = checked(None, lambda v: v is None or _is_text(v), "the name of a method")
    models: tuple[str, ...] | None = several(None, _is_text, "a list of prediction sets")
    weights: tuple[float, ...] | None = several(
        None, _is_weight, "a list of finite numbers of 0 or more"
    )
    params: Mapping[str, Any] | None = checked(
        None, lambda v: v is None or isinstance(v, Mapping), "a table of settings"
    )

    def __attrs_post_init__(self) -> None:
        """Check what one setting means for another."""
        others = (self.method, self.models, self.weights, self.params)
        if self.use is not None and any(other is not None for other in others):
            raise DataError("has both use and a fusion; a single model needs no more")
        for name in self.models or ():
            if self.models and self.models.count(name) > 1:
                raise DataError(f"models names {name!r} twice; a model counts once")
        if self.params and self.method is None:
            raise DataError("has params, but no method that they belong to; name it")
        if self.weights is None:
            return
        if self.models is None:
            raise DataError("has weights, but no models that they belong to; list them")
        if len(self.weights) != len(self.models):
            raise DataError(
                f"weights must be a list of {len(self.models)} numbers, one for each of models, "
                f"got {self.weights!r:.60}"
            )
        if not any(self.weights):
            raise DataError("weights are all 0; give one model at least a say")


def read_map(
    path: Path, clusters: Collection[str], models: Collection[str], methods: Collection[str]
) -> dict[str, Route]:
    """Read a routing map.

    Parameters
    ----------
    path : Path
        TOML file.
    clusters : collection of str
        Names of the router's clusters.
    models : collection of str
        Names of the prediction sets at hand.
    methods : collection of str
        Names of the ways to fuse.

    Returns
    -------
    dict
        A `Route` for each cluster, and for "default". Clusters without a table have the route of
        ``[default]``; without that, all sets are fused as the command says.

    Raises
    ------
    DataError
        Names the file and the table: no TOML; a cluster, set, method or key that is unknown (the
        message lists the known ones); ``use`` together with a fusion; weights that are not one
        finite number of 0 or more per model, or all 0. Parameters are not looked at.
    """
    try:
        document = tomllib.loads(read_bytes(path).decode("utf-8-sig"))
    except RecursionError as problem:
        raise DataError(f"{path} is nested too deeply for a routing map") from problem
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is no UTF-8 text, so no routing map: {problem}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise DataError(f"{path} is no valid TOML: {problem}") from problem
    routes = {}
    for name, table in document.items():
        where = f"{path}, [{name}]"
        _check_known(name, [*clusters, DEFAULT], f"{path}: cluster")
        if not isinstance(table, dict):
            raise DataError(f'{where} must be a table, such as [{name}] with use = "MODEL"')
        route = routes[name] = read(Route, table, where)
        for model in [route.use, *(route.models or ())]:
            if model is not None:
                _check_known(model, models, f"{where}: prediction set")
        if route.method is not None:
            _check_known(route.method, methods, f"{where}: method")
    default = routes.get(DEFAULT, Route())
    return {name: routes.get(name, default) for name in [*clusters, DEFAULT]}


def _check_known(name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        raise DataError(f"{what} {name!r:.60} is unknown; known: {', '.join(known) or 'none'}")
