"""Routers over folders of images: learn one, show it, ask it."""

import csv
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.atomic_output import atomic_file, atomic_folder
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.data.image_ids import escape_id
from nucfuse.data.spreadsheet import guarded
from nucfuse.ensemble.routing.router import Decision, Router, fit_router
from nucfuse.ensemble.routing.router_file import default_router, read_router, write_router
from nucfuse.errors import DataError
from nucfuse.pipeline.outputs import reserved_outputs
from nucfuse.pipeline.running import each_image, engine_name
from nucfuse.report.pictures import contact_sheet, write_png


def fit(images: Path, out: Path, *, features: str, k: int, seed: int) -> str:
    """Learn a router from a folder of images and write it; returns lines of report.

    Raises
    ------
    DataError
        If an image cannot be read, there are too few that differ, or ``out`` cannot be written.
    """
    with reserved_outputs([out], [images]):
        source = open_images(images)
        try:
            router = fit_router(((i, source.image(i)) for i in source.ids), features, k, seed)
        except (ValueError, TypeError) as error:
            raise DataError(f"{images}: {error}") from None
        write_router(out, router)
    sizes = [f"  {name}: {n} images" for name, n in zip(router.names, router.sizes, strict=True)]
    return "\n".join([f"{out}: {len(router.names)} clusters of {len(source.ids)} images", *sizes])


def _file_of(router: str) -> list[str]:
    return [] if router == "default" else [router]


def open_router(router: str) -> Router:
    """Open the router of a file, or "default" for the one in the package."""
    return default_router() if router == "default" else read_router(Path(router))


def show(
    images: Path, out: Path, *, router: str, most: int, jobs: int | None, engine: str | None
) -> str:
    """Draw a contact sheet of each cluster, up to ``most`` images; returns lines of report.

    Raises
    ------
    DataError
        If an image or the router cannot be read, or ``out`` cannot be written.
    """
    with reserved_outputs([out], [images], _file_of(router)):
        loaded, source = open_router(router), open_images(images)
        decisions = _decide(source, loaded, engine_name(jobs, engine))
        with atomic_folder(out) as folder:
            for name in sorted({d.cluster for d in decisions.values()}):
                members = [image_id for image_id, d in decisions.items() if d.cluster == name]
                write_png(folder / f"{escape_id(name)}.png", _sheet(source, name, members, most))
    return _counts(decisions, loaded.names)


def _sheet(source: Images, name: str, members: Sequence[str], most: int) -> NDArray[np.uint8]:
    """Draw the contact sheet of a cluster."""
    chosen = [(image_id, source.image(image_id)) for image_id in spread(members, most)]
    heading = f"{name}: {len(chosen)} of {len(members)} images"
    return contact_sheet(chosen, heading=heading)


def apply(images: Path, out: Path, *, router: str, jobs: int | None, engine: str | None) -> str:
    """Write a CSV with the cluster of each image; returns lines of report.

    Raises
    ------
    DataError
        If an image or the router cannot be read, or ``out`` cannot be written.
    """
    with reserved_outputs([out], [images], _file_of(router)):
        loaded, source = open_router(router), open_images(images)
        decisions = _decide(source, loaded, engine_name(jobs, engine))
        with atomic_file(out) as part, part.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["image_id", "cluster", "nearest", "distance", "is_far"])
            for image_id, d in decisions.items():
                where = [image_id, d.cluster, d.nearest, f"{d.distance:.4f}", int(d.is_far)]
                table.writerow(map(guarded, where))
    return _counts(decisions, loaded.names)


def spread(ids: Sequence[str], most: int) -> list[str]:
    """Up to so many of some ids, evenly spread, from the first to the last."""
    places = np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int)
    return [ids[k] for k in places.tolist()]


def _decide(source: Images, router: Router, engine: str) -> dict[str, Decision]:
    """Where each image goes."""
    decisions = each_image(engine, partial(_decision, source, router), source.ids, "Routing")
    return dict(zip(source.ids, decisions, strict=True))


def _decision(source: Images, router: Router, image_id: str) -> Decision:
    return router.route(source.image(image_id))


def _counts(decisions: Mapping[str, Decision], names: Sequence[str]) -> str:
    """Write a line for each cluster, and one for images far from all."""
    found = [d.cluster for d in decisions.values()]
    lines = [f"{name}: {found.count(name)} images" for name in names]
    far = [image_id for image_id, d in decisions.items() if d.is_far]
    if far:
        lines.append(f"far from every cluster, go to the default: {', '.join(far)}")
    return "\n".join(lines)
