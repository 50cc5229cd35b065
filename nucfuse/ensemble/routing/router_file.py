"""Routers as small JSON files that a person can read; nothing in them is ever executed."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.readers.raster import read_bytes
from nucfuse.data.run_record import to_json
from nucfuse.ensemble.routing.features import FEATURES
from nucfuse.ensemble.routing.router import DEFAULT, Router
from nucfuse.errors import DataError

# Raised whenever a feature is computed in another way, or the file has another form.
VERSION = 1

_VERSION_KEY = "nucfuse_router"
_KEYS = (_VERSION_KEY, "features", "scales", "clusters")
_CLUSTER_KEYS = ("name", "images", "centre", "radius")


def default_router() -> Router:
    """The router that comes with the package: learned from the 664 DSB2018 training images.

    Examples
    --------
    >>> router = default_router()
    >>> router.names, router.sizes
    (('fluorescence', 'histology', 'brightfield'), array([541, 107,  16]))
    """
    return read_router(Path(__file__).with_name("routers") / "dsb2018.json")


def write_router(path: Path, router: Router) -> None:
    """Write a router as JSON.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    clusters = [
        {"name": name, "images": int(size), "centre": centre.tolist(), "radius": float(radius)}
        for name, size, centre, radius in zip(
            router.names, router.sizes, router.centres, router.radii, strict=True
        )
    ]
    document = {
        _VERSION_KEY: VERSION, "features": router.features, "scales": router.scales.tolist(),
        "clusters": clusters,
    }  # fmt: skip
    with atomic_file(path) as part:
        part.write_text(to_json(document) + "\n", encoding="utf-8")


def read_router(path: Path) -> Router:
    """Read a router from JSON.

    Raises
    ------
    DataError
        Names the file, and what is wrong in it: no JSON, another version, unknown features, keys
        that are missing or unknown, values of another type, numbers that are NaN, infinite or not
        positive where they must be, names that come twice.
    """
    try:
        document = json.loads(read_bytes(path))
    except RecursionError as problem:
        raise DataError(f"{path} is nested too deeply for a router") from problem
    except DataError:
        raise
    except ValueError as problem:  # no JSON, no UTF-8, or a number of thousands of digits
        raise DataError(f"{path} is no valid JSON, so no router: {problem}") from problem
    return _router(document, str(path))


def _router(document: Any, where: str) -> Router:
    if not isinstance(document, dict) or _VERSION_KEY not in document:
        raise DataError(f"{where} is no router: expected an object with the key {_VERSION_KEY!r}")
    version = document[_VERSION_KEY]
    if isinstance(version, bool) or version != VERSION:
        raise DataError(
            f"{where} is a router of version {version!r:.40}, and this nucfuse reads version "
            f"{VERSION} only; make it anew with nucfuse route fit"
        )
    _check_keys(document, _KEYS, where)
    features = document["features"]
    if not isinstance(features, str) or features not in FEATURES:
        known = ", ".join(FEATURES)
        raise DataError(f"{where}: features must be one of {known}, got {features!r:.40}")
    n = len(FEATURES[features].names)
    scales = _numbers(document["scales"], n, f"{where}: scales", positive=True)
    entries = document["clusters"]
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{where}: clusters must be a list of at least one, got {entries!r:.40}")
    rows = [_cluster(entry, n, f"{where}, clusters[{i}]") for i, entry in enumerate(entries)]
    names, sizes, centres, radii = zip(*rows, strict=True)
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{where}: two clusters are called {name!r}; names must differ")
    return Router(
        features, scales, names, np.array(centres), np.array(radii), np.array(sizes, np.int64)
    )


def _cluster(entry: Any, n: int, where: str) -> tuple[str, int, Any, float]:
    """Name, images, centre (F,) and radius of one cluster."""
    if not isinstance(entry, dict):
        raise DataError(f"{where} must be an object, got {entry!r:.40}")
    _check_keys(entry, _CLUSTER_KEYS, where)
    name, images = entry["name"], entry["images"]
    if not isinstance(name, str) or not name or name == DEFAULT:
        raise DataError(f"{where}: name must be a text other than {DEFAULT!r}, got {name!r:.40}")
    if isinstance(images, bool) or not isinstance(images, int) or not 0 <= images < 2**63:
        raise DataError(f"{where}: images must be a whole number from 0 on, got {images!r:.40}")
    centre = _numbers(entry["centre"], n, f"{where}: centre")
    radius = _number(entry["radius"], f"{where}: radius", positive=True)
    return name, images, centre, radius


def _check_keys(found: dict[str, Any], expected: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(found) - set(expected))
    missing = [key for key in expected if key not in found]
    if unknown:
        raise DataError(f"{where} has the unknown key {unknown[0]!r}; known: {', '.join(expected)}")
    if missing:
        raise DataError(f"{where} lacks the key {missing[0]!r}")


def _numbers(values: Any, n: int, what: str, positive: bool = False) -> Any:
    if not isinstance(values, list) or len(values) != n:
        raise DataError(f"{what} must be a list of {n} numbers, got {values!r:.60}")
    return np.array([_number(value, what, positive) for value in values])


def _number(value: Any, what: str, positive: bool = False) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Compared as it is: a whole number of hundreds of digits does not fit a float.
    if not is_number or not abs(value) <= 1e300 or (positive and value <= 0):
        kind = "positive numbers" if positive else "numbers"
        raise DataError(f"{what} must hold finite {kind}, got {value!r:.40}")
    return float(value)
