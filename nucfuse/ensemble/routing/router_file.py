"""Routers as small JSON files that a person can read; nothing in them is ever executed."""

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.readers.files import read_bytes
from nucfuse.data.run_record import to_json
from nucfuse.ensemble.routing.features import FEATURES
from nucfuse.ensemble.routing.router import DEFAULT, Router
from nucfuse.errors import DataError
from nucfuse.settings import checked, read, several

# Raised whenever a feature is computed in another way, or the file has another form.
VERSION = 1

_VERSION_KEY = "nucfuse_router"


def _is_number(value: Any, low: float = -1e300) -> bool:
    # Compared as it is: a whole number of hundreds of digits does not fit a float.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and low <= value <= 1e300


def _is_positive(value: Any) -> bool:
    return _is_number(value, 0.0) and value > 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value not in ("", DEFAULT)


@attrs.frozen
class _Cluster:
    """One cluster as it stands in the file."""

    name: str = checked(attrs.NOTHING, _is_name, f"a text other than {DEFAULT!r}")
    images: int = checked(attrs.NOTHING, _is_count, "a whole number from 0 on")
    centre: tuple[float, ...] = several(attrs.NOTHING, _is_number, "a list of finite numbers")
    radius: float = checked(attrs.NOTHING, _is_positive, "a finite positive number")


@attrs.frozen
class _Document:
    """A router as it stands in the file."""

    features: str = checked(
        attrs.NOTHING,
        lambda value: isinstance(value, str) and value in FEATURES,
        f"one of {', '.join(FEATURES)}",
    )
    scales: tuple[float, ...] = several(
        attrs.NOTHING, _is_positive, "a list of finite positive numbers"
    )
    clusters: tuple[Any, ...] = several(attrs.NOTHING, lambda _: True, "a list of at least one")


def default_router() -> Router:
    """Read the router of the package, learned from the 664 DSB2018 training images.

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
        _Cluster(name, int(size), tuple(centre.tolist()), float(radius))
        for name, size, centre, radius in zip(
            router.names, router.sizes, router.centres, router.radii, strict=True
        )
    ]
    document = _Document(router.features, tuple(router.scales.tolist()), tuple(clusters))
    with atomic_file(path) as part:
        text = to_json({_VERSION_KEY: VERSION, **attrs.asdict(document)})
        part.write_text(text + "\n", encoding="utf-8")


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


def _router(given: Any, where: str) -> Router:
    if not isinstance(given, dict) or _VERSION_KEY not in given:
        raise DataError(f"{where} is no router: expected an object with the key {_VERSION_KEY!r}")
    version = given[_VERSION_KEY]
    if isinstance(version, bool) or version != VERSION:
        raise DataError(
            f"{where} is a router of version {version!r:.40}, and this nucfuse reads version "
            f"{VERSION} only; make it anew with nucfuse route fit"
        )
    rest = {key: value for key, value in given.items() if key != _VERSION_KEY}
    document = read(_Document, rest, where)
    clusters = [
        read(_Cluster, entry, f"{where}, clusters[{i}]")
        for i, entry in enumerate(document.clusters)
    ]
    n = len(FEATURES[document.features].names)
    for numbers in (document.scales, *(cluster.centre for cluster in clusters)):
        if len(numbers) != n:
            raise DataError(
                f"{where}: scales and centres have {n} numbers, got {list(numbers)!r:.60}"
            )
    names = tuple(cluster.name for cluster in clusters)
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{where}: two clusters are called {name!r}; names must differ")
    return Router(
        document.features,
        np.array(document.scales, float),
        names,
        np.array([cluster.centre for cluster in clusters], float),
        np.array([cluster.radius for cluster in clusters], float),
        np.array([cluster.images for cluster in clusters], np.int64),
    )
