"""Fuse prediction sets of the same images into one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from nucfuse.data.atomic_output import atomic_folder
from nucfuse.data.dataset import Sample
from nucfuse.data.formats.image_folder import open_images
from nucfuse.data.io import format_of_output, open_sizes, write_dataset
from nucfuse.ensemble.fuse import fuse_members
from nucfuse.ensemble.maps.fuse_maps import MapSettings
from nucfuse.errors import DataError, MapError
from nucfuse.pipeline.members import MemberSet, common_images, open_members
from nucfuse.pipeline.outputs import reserved_outputs
from nucfuse.pipeline.plans import FuseOptions, Planner, make_planner
from nucfuse.pipeline.running import (
    check_overlap,
    distinct_names,
    each_good_image,
    each_image,
    engine_name,
    too_large_named,
)
from nucfuse.report.fusions import FusedImage, FusionFiles, FusionSummary, fusion_files

_VOTES = ("weighted", "consensus")
_OF_TWO = (
    "two sets cannot outvote each other, the surer decides; a third set is often better, even a "
    "classical one (nucfuse predict --model otsu)"
)


def fuse(paths: Sequence[Path], out: Path, options: FuseOptions) -> FusionSummary:
    """Fuse prediction sets of the same images and write the result, and a report if wanted.

    Raises
    ------
    DataError
        If an input is bad, sets have different images or shapes, or method, weights, parameters or
        routes are wrong; nothing is written then.
    """
    if len(paths) < 2:
        raise DataError("a fusion needs at least two prediction sets")
    router = None if options.route == "default" else options.route
    beside = [options.images, options.map_, router]
    with reserved_outputs([out, options.report], paths, beside):
        return _fuse(paths, out, options)


def _fuse(paths: Sequence[Path], out: Path, options: FuseOptions) -> FusionSummary:
    engine = engine_name(options.jobs, options.engine)
    check_overlap(options.allow_overlap, format_of_output(out), out)
    # A Kaggle submission has no sizes; where there are no images, another set may know them.
    sizes = None if options.images is None else open_sizes(options.images)
    names = distinct_names(paths)
    members = open_members(paths, names, options.reading, sizes, options.map_max)
    planner = make_planner(options, members)
    image_ids = common_images(members, options.missing)
    unknown = sorted(set(options.explain) - set(image_ids))
    if unknown:
        raise DataError(f"--explain: no such image: {', '.join(unknown)}")
    summary = FusionSummary.of([member.name for member in members])
    for member in members:
        summary.left_out[member.name] = len(set(image_ids) - set(member.words))
    how = planner.plan.how
    if planner.router is None and len(members) == 2 and how.method in _VOTES and not how.by_pixels:
        summary.advice = _OF_TWO
    job = partial(fuse_image, members, planner, options.report is not None)
    with _report_files(options) as files:
        format_ = format_of_output(out)
        if format_ == "labels":
            results = each_good_image(engine, job, image_ids, "Fusing", summary.failed)
        else:
            results = each_image(engine, job, image_ids, "Fusing")
        write_dataset(out, _samples(results, summary, files), format_)
    return summary


def fuse_image(
    members: Sequence[MemberSet], planner: Planner, compare: bool, image_id: str
) -> FusedImage:
    """Fuse one image by its plan; a DataError names the image and the models.

    With ``compare``, maps that are fused pixel by pixel are also split each by itself.
    """
    plan, decision = planner.of(image_id)
    present = [k for k in plan.sets if image_id in members[k].words]
    if not present:
        wanted = ", ".join(members[k].name for k in plan.sets)
        raise DataError(f"image {image_id!r}: none of its models ({wanted}) has it")
    plan = plan.for_sets(present)
    names, settings = [members[k].name for k in present], plan.how.settings
    # Nuclei of maps of other sizes cannot be compared.
    compare = compare and not (isinstance(settings, MapSettings) and settings.resample)
    # Maps are read one at a time, as they are fused.
    read = (members[k].read(image_id) for k in present)
    try:
        fused = fuse_members(read, plan.how, plan.weights or None, names, compare)
    except (ValueError, TypeError) as error:
        kind = MapError if isinstance(error, MapError) else DataError
        raise kind(f"image {image_id!r} ({', '.join(names)}): {error}") from None
    return FusedImage(image_id, fused, present, names, plan.weights, decision)


@contextmanager
def _report_files(options: FuseOptions) -> Iterator[FusionFiles | None]:
    """Open the files of the report, if wanted, in a folder that stays only if all goes well."""
    if options.report is None:
        if options.explain:
            raise DataError("--explain draws into the --report folder; name one")
        yield None
        return
    images = None if options.images is None else open_images(options.images)
    with (
        atomic_folder(options.report) as folder,
        fusion_files(folder, options.explain, images) as files,
    ):
        yield files


def _samples(
    results: Iterator[FusedImage], summary: FusionSummary, files: FusionFiles | None
) -> Iterator[Sample]:
    for image in results:
        if files is not None:
            with too_large_named(image.image_id):
                files.write(image)
        summary.add(image)
        yield Sample(image.image_id, image.fused.instances)
