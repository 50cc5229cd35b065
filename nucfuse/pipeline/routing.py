"""Routers over folders of images: learn one, show it, ask it."""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.ensemble.routing.router import Decision, Router, fit_router
from nucfuse.ensemble.routing.router_file import default_router, read_router, write_router
from nucfuse.errors import DataError
from nucfuse.pipeline.running import check_output, each_image, engine_name


def fit(images: Path, out: Path, *, features: str, k: int, seed: int) -> str:
    """Learn a router from a folder of images and write it; returns lines of report.

    Raises
    ------
    DataError
        If an image cannot be read, there are too few that differ, or ``out`` cannot be written.
    """
    source = open_images(images)
    if images.is_dir():
        check_output(out, [images])
    try:
        router = fit_router(((i, source.image(i)) for i in source.ids), features, k, seed)
    except (ValueError, TypeError) as error:
        raise DataError(f"{images}: {error}") from None
    write_router(out, router)
    sizes = [f"  {name}: {n} images" for name, n in zip(router.names, router.sizes, strict=True)]
    return "\n".join([f"{out}: {len(router.names)} clusters of {len(source.ids)} images", *sizes])


def open_router(router: str) -> Router:
    """The router of a file, or "default" for the one in the package."""
    return default_router() if router == "default" else read_router(Path(router))


def decide(
    images: Path, router: Router, jobs: int | None = None, engine: str | None = None
) -> dict[str, Decision]:
    """Where each image goes."""
    source = open_images(images)
    job = partial(_decision, source, router)
    decisions = each_image(engine_name(jobs, engine), job, source.ids, "Routing")
    return dict(zip(source.ids, decisions, strict=True))


def samples_of(
    images: Path, decisions: dict[str, Decision], cluster: str, most: int
) -> list[tuple[str, NDArray[Any]]]:
    """Some images of a cluster, evenly spread over its ids."""
    source = open_images(images)
    ids = [image_id for image_id, d in decisions.items() if d.cluster == cluster]
    places = np.linspace(0, len(ids) - 1, min(most, len(ids))).round().astype(int)
    return [(ids[k], source.image(ids[k])) for k in places.tolist()]


def write_decisions(out: Path, decisions: dict[str, Decision]) -> None:
    """A CSV with a row per image: image_id, cluster, nearest, distance, is_far."""
    with atomic_file(out) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image_id", "cluster", "nearest", "distance", "is_far"])
        for image_id, d in decisions.items():
            table.writerow([image_id, d.cluster, d.nearest, f"{d.distance:.4f}", int(d.is_far)])


def counts(decisions: dict[str, Decision], names: Sequence[str]) -> list[str]:
    """A line for each cluster, and one for images far from all."""
    found = [d.cluster for d in decisions.values()]
    lines = [f"{name}: {found.count(name)} images" for name in names]
    far = [image_id for image_id, d in decisions.items() if d.is_far]
    if far:
        lines.append(f"far from every cluster, go to the default: {', '.join(far)}")
    return lines


def _decision(source: Images, router: Router, image_id: str) -> Decision:
    return router.route(source.image(image_id))
