"""Fuse prediction sets of the same images into one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nucfuse.data.dataset import Sample
from nucfuse.data.layouts import format_of_output, write_dataset
from nucfuse.data.sizes import open_sizes
from nucfuse.ensemble.fuse import fuse_members, is_pixel_method
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.pipeline.fuse_report import FusedImage, FuseReport
from nucfuse.pipeline.members import MemberSet, common_images, open_members
from nucfuse.pipeline.plans import Plan, Planner, make_planner
from nucfuse.pipeline.running import check_output, each_image, engine_name
from nucfuse.pipeline.scoring import distinct_names
from nucfuse.pipeline.settings import settings_of

# Called with each image as it is done, and the names of the models.
Watch = Callable[[FusedImage, Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class FuseOptions:
    """What `fuse` takes besides the sets; see the command's help for each."""

    plan: Plan
    missing: str = "error"
    allow_overlap: bool = False
    route: str | None = None
    map: Path | None = None
    images: Path | None = None
    format: str | None = None
    engine: str = "serial"

    @classmethod
    def from_text(cls, *, method: str, weights: str | None, settings: Sequence[str], split: str,
                  map_: Path | None, format_: str | None, jobs: int | None,
                  engine: str | None, **rest: Any) -> "FuseOptions":  # fmt: skip
        """From the words of the command line.

        Raises
        ------
        DataError
            If a weight is no number, or a setting is not NAME=VALUE.
        """
        try:
            numbers = tuple(float(w) for w in weights.split(",")) if weights else ()
        except ValueError:
            raise DataError(f"--weights must be numbers such as 1,0.5,2; got {weights!r}") from None
        params, split_params = settings_of(settings)
        plan = Plan(method, (), numbers, params, split, split_params)
        return cls(plan, map=map_, format=format_, engine=engine_name(jobs, engine), **rest)


def fuse(paths: Sequence[Path], out: Path, options: FuseOptions,
         watch: Watch | None = None) -> FuseReport:  # fmt: skip
    """Fuse prediction sets of the same images and write the result.

    Raises
    ------
    DataError
        If an input is bad, sets have different images or shapes, or method, weights, parameters or
        routes are wrong; nothing is written then.
    """
    if len(paths) < 2:
        raise DataError("a fusion needs at least two prediction sets")
    check_output(out, paths)
    # A Kaggle submission has no sizes; where there are no images, another set may know them.
    sizes = None if options.images is None else open_sizes(options.images)
    members = open_members(paths, distinct_names(paths), options.format, sizes)
    planner = make_planner(options.plan, members, options.route, options.map, options.images)
    image_ids = common_images(members, options.missing)
    report = FuseReport.of([member.name for member in members])
    for member in members:
        report.left_out[member.name] = len(set(image_ids) - set(member.words))
    job = partial(fuse_image, members, planner, options.allow_overlap)
    results = each_image(options.engine, job, image_ids, "Fusing")
    write_dataset(out, _samples(results, report, watch), format_of_output(out))
    return report


def fuse_image(
    members: Sequence[MemberSet], planner: Planner, allow_overlap: bool, image_id: str
) -> FusedImage:
    """Fuse one image by its plan; a DataError names the image and the models."""
    plan, decision = planner.of(image_id)
    chosen = [k for k, m in enumerate(members) if not plan.models or m.name in plan.models]
    order = {name: i for i, name in enumerate(plan.models)}
    chosen.sort(key=lambda k: order.get(members[k].name, k))  # weights follow the plan's order
    of_set = dict(zip(chosen, plan.weights, strict=True)) if plan.weights else {}
    used = [k for k in chosen if image_id in members[k].words]
    weights = tuple(of_set[k] for k in used) if of_set else ()
    names = [members[k].name for k in used]
    if not used:
        wanted = ", ".join(members[k].name for k in chosen)
        raise DataError(f"image {image_id!r}: none of its models ({wanted}) has it")
    read = [members[k].read(image_id) for k in used]
    try:
        by_pixels = is_pixel_method(plan.method, not any(isinstance(m, Instances) for m in read))
        extra = {} if by_pixels else {"disjoint": not allow_overlap}
        fused = fuse_members(
            read, plan.method, weights or None, names=names, split=plan.split,  # type: ignore[arg-type]
            split_params=plan.split_params, **plan.params, **extra,
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise DataError(f"image {image_id!r} ({', '.join(names)}): {error}") from None
    return FusedImage(image_id, fused, used, weights, decision)


def _samples(
    results: Iterator[FusedImage], report: FuseReport, watch: Watch | None
) -> Iterator[Sample]:
    for image in results:
        if watch is not None:
            watch(image, report.names)
        yield Sample(image.image_id, report.add(image))
