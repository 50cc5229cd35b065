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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucfuse.data.readers.raster import read_bytes
from nucfuse.ensemble.routing.router import DEFAULT
from nucfuse.errors import DataError

_KEYS = ("use", "method", "models", "weights", "params")


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of the images of a cluster.

    Attributes
    ----------
    use : str or None
        The prediction set to take as it is; then nothing else is set.
    method : str or None
        How to fuse; None leaves that to the command.
    models : tuple of str
        Prediction sets to fuse; all if empty.
    weights : tuple of float
        One for each of ``models``; equal if empty.
    params : dict
        Of the method.
    """

    use: str | None = None
    method: str | None = None
    models: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


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
        routes[name] = _route(table, models, methods, where)
    default = routes.get(DEFAULT, Route())
    return {name: routes.get(name, default) for name in [*clusters, DEFAULT]}


def _route(
    table: dict[str, Any], models: Collection[str], methods: Collection[str], where: str
) -> Route:
    for key in table:
        _check_known(key, _KEYS, f"{where}: key")
    if "use" in table:
        if len(table) > 1:
            raise DataError(f"{where} has both use and a fusion; a single model needs no more")
        _check_known(table["use"], models, f"{where}: use: prediction set")
        return Route(use=table["use"])
    if "method" in table:
        _check_known(table["method"], methods, f"{where}: method")
    chosen = _models(table["models"], models, where) if "models" in table else ()
    weights = _weights(table["weights"], len(chosen), where) if "weights" in table else ()
    params = table.get("params", {})
    if not isinstance(params, dict):
        raise DataError(f"{where}: params must be a table of settings, got {params!r:.60}")
    if params and "method" not in table:
        raise DataError(f"{where} has params, but no method that they belong to; name it")
    return Route(None, table.get("method"), chosen, weights, params)


def _models(names: Any, models: Collection[str], where: str) -> tuple[str, ...]:
    if not isinstance(names, list) or not names:
        raise DataError(f"{where}: models must be a list of prediction sets, got {names!r:.60}")
    for name in names:
        _check_known(name, models, f"{where}: models: prediction set")
        if names.count(name) > 1:
            raise DataError(f"{where}: models names {name!r} twice; a model counts once")
    return tuple(names)


def _weights(weights: Any, n_models: int, where: str) -> tuple[float, ...]:
    if n_models == 0:
        raise DataError(f"{where} has weights, but no models that they belong to; list them")
    if not isinstance(weights, list) or len(weights) != n_models:
        raise DataError(
            f"{where}: weights must be a list of {n_models} numbers, one for each of models, got "
            f"{weights!r:.60}"
        )
    for weight in weights:
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight < math.inf:
            raise DataError(f"{where}: weights must be finite and 0 or more, got {weight!r:.40}")
    if not any(weights):
        raise DataError(f"{where}: weights are all 0; give one model at least a say")
    return tuple(float(weight) for weight in weights)


def _check_known(name: Any, known: Collection[str], what: str) -> None:
    if not isinstance(name, str) or name not in known:
        raise DataError(f"{what} {name!r:.60} is unknown; known: {', '.join(known) or 'none'}")
