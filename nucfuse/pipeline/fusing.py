"""Fuse prediction sets of the same images into one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from nucfuse.data.dataset import Sample
from nucfuse.data.layouts import format_of_output, write_dataset
from nucfuse.data.sizes import open_sizes
from nucfuse.ensemble.fuse import fuse_members
from nucfuse.errors import DataError
from nucfuse.pipeline.fuse_report import FusedImage, FuseReport
from nucfuse.pipeline.members import MemberSet, common_images, open_members
from nucfuse.pipeline.plans import Plan, Planner, make_planner
from nucfuse.pipeline.running import (
    check_output,
    check_overlap,
    distinct_names,
    each_image,
    engine_name,
)
from nucfuse.pipeline.settings import settings_of

_VOTES = ("weighted", "consensus")
_OF_TWO = (
    "two sets cannot outvote each other, the surer decides; a third set is often better, even a "
    "classical one (nucfuse predict --model otsu)"
)
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
    explain: tuple[str, ...] = ()
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
    check_overlap(options.allow_overlap, format_of_output(out), out)
    # A Kaggle submission has no sizes; where there are no images, another set may know them.
    sizes = None if options.images is None else open_sizes(options.images)
    members = open_members(paths, distinct_names(paths), options.format, sizes)
    planner = make_planner(options.plan, members, options.route, options.map, options.images)
    image_ids = common_images(members, options.missing)
    unknown = sorted(set(options.explain) - set(image_ids))
    if unknown:
        raise DataError(f"--explain: no such image: {', '.join(unknown)}")
    report = FuseReport.of([member.name for member in members])
    for member in members:
        report.left_out[member.name] = len(set(image_ids) - set(member.words))
    votes = options.plan.method in _VOTES and not options.plan.by_pixels(members)
    if len(members) == 2 and votes and options.route is None:
        report.advice = _OF_TWO
    job = partial(fuse_image, members, planner, options.allow_overlap, watch is not None)
    results = each_image(options.engine, job, image_ids, "Fusing")
    write_dataset(out, _samples(results, report, watch), format_of_output(out))
    return report


def fuse_image(
    members: Sequence[MemberSet], planner: Planner, allow_overlap: bool, compare: bool,
    image_id: str,
) -> FusedImage:  # fmt: skip
    """Fuse one image by its plan; a DataError names the image and the models.

    With ``compare``, maps that are fused pixel by pixel are also split each by itself.
    """
    plan, decision = planner.of(image_id)
    chosen = plan.chosen(members)
    used = [k for k in chosen if image_id in members[k].words]
    plan = _plan_of_used(plan, chosen, used)
    names = [members[k].name for k in used]
    if not used:
        wanted = ", ".join(members[k].name for k in chosen)
        raise DataError(f"image {image_id!r}: none of its models ({wanted}) has it")
    by_pixels = plan.by_pixels(members)
    # Maps are read one at a time, as they are fused.
    read = (members[k].read(image_id) for k in used)
    # Nuclei of maps of other sizes cannot be compared.
    extra = {"keep_members": compare and not plan.params.get("resample")}
    if not by_pixels:
        extra = {"disjoint": not allow_overlap}
    try:
        fused = fuse_members(
            read, plan.method, plan.weights or None, names=names, split=plan.split,  # type: ignore[arg-type]
            split_params=plan.split_params, by_pixels=by_pixels, **plan.params, **extra,
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise DataError(f"image {image_id!r} ({', '.join(names)}): {error}") from None
    return FusedImage(image_id, fused, used, plan.weights, decision)


def _plan_of_used(plan: Plan, chosen: Sequence[int], used: Sequence[int]) -> Plan:
    """The plan for those of its sets that have the image.

    Where the primary set lacks it, the first of the others that has a say comes in its place.
    """
    weights = dict(zip(chosen, plan.weights, strict=True)) if plan.weights else {}
    left = tuple(weights[k] for k in used) if weights else ()
    if not plan.has_primary or not used:
        return replace(plan, weights=left)
    lead = chosen[int(plan.params.get("primary", 0))]
    if lead not in used:
        lead = next((k for k in used if weights.get(k, 1) > 0), used[0])
    return replace(plan, weights=left, params={**plan.params, "primary": used.index(lead)})


def _samples(
    results: Iterator[FusedImage], report: FuseReport, watch: Watch | None
) -> Iterator[Sample]:
    for image in results:
        if watch is not None:
            watch(image, report.names)
        yield Sample(image.image_id, report.add(image))
