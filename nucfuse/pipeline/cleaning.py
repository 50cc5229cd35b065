"""Clean predicted nuclei of a data set: overlaps, specks, holes, outlines; or split maps."""

from functools import partial
from pathlib import Path
from typing import cast

import attrs

from nucfuse.clean.objects import Cleaning, clean_instances, clean_overlapping
from nucfuse.clean.overlaps import By, remove_overlaps
from nucfuse.clean.splitting import Method as SplitMethod
from nucfuse.clean.splitting import split, split_settings
from nucfuse.data.dataset import Sample
from nucfuse.data.io import format_of_output, open_sizes, write_dataset
from nucfuse.ensemble.fuse import DEFAULT_SPLIT
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.pipeline.converting import Counts
from nucfuse.pipeline.members import MemberSet, open_members
from nucfuse.pipeline.outputs import reserved_outputs
from nucfuse.pipeline.running import (
    ReadingOptions,
    check_overlap,
    each_good_image,
    each_image,
    engine_name,
)
from nucfuse.pipeline.settings import Given, read_pairs
from nucfuse.report.written import failed_lines, written_text
from nucfuse.settings import read


@attrs.frozen(kw_only=True)
class CleanOptions(ReadingOptions):
    """What `clean` takes besides the set; see the command's help for each."""

    by: By = "score"
    split_method: str = DEFAULT_SPLIT
    settings: Given = attrs.field(factory=Given.none, converter=read_pairs)
    images: Path | None = None
    allow_overlap: bool = False
    map_max: float | None = None


def clean(pred: Path, out: Path, options: CleanOptions) -> tuple[str, dict[str, str]]:
    """Clean every image of a prediction set.

    Probability maps are split into nuclei first; overlaps are removed, if they are not allowed;
    then the rules about whole nuclei apply (`clean.objects`).

    Returns
    -------
    text : str
        Lines of report.
    failed : dict
        Image id -> why it was left out: into a folder, images whose maps can be used are cleaned
        without those whose maps cannot.

    Raises
    ------
    DataError
        If the input is bad, or a setting is unknown or out of range.
    """
    with reserved_outputs([out], [pred], [options.images]):
        return _clean(pred, out, options)


def _clean(pred: Path, out: Path, options: CleanOptions) -> tuple[str, dict[str, str]]:
    check_overlap(options.allow_overlap, format_of_output(out), out)
    sizes = None if options.images is None else open_sizes(options.images)
    member = open_members([pred], [pred.name], options.reading, sizes, options.map_max)[0]
    if options.settings.split and not member.is_map:
        raise DataError("split.NAME=VALUE is about probability maps, but there are none")
    read(Cleaning, options.settings.method, "cleaning")
    split_settings(options.split_method, options.settings.split)
    counts, failed, format_ = Counts(), dict[str, str](), format_of_output(out)
    job, engine = partial(_cleaned, member, options), engine_name(options.jobs, options.engine)
    if format_ == "labels":
        samples = each_good_image(engine, job, member.source.ids, "Cleaning", failed)
    else:
        samples = each_image(engine, job, member.source.ids, "Cleaning")
    write_dataset(out, counts.watch(samples), format_)
    notes = [*counts.notes, *failed_lines("not cleaned", failed)]
    return written_text(out, counts.images, counts.nuclei, notes=notes), failed


def _cleaned(member: MemberSet, options: CleanOptions, image_id: str) -> Sample:
    masks, given = member.read(image_id), options.settings
    try:
        if not isinstance(masks, Instances):
            masks = split(masks, cast(SplitMethod, options.split_method), **given.split)
        if options.allow_overlap:
            cleaned = clean_overlapping(masks, **given.method)
        else:
            cleaned = clean_instances(remove_overlaps(masks, options.by), **given.method)
    except (ValueError, TypeError) as error:
        raise DataError(f"image {image_id!r}: {error}") from None
    return Sample(image_id, cleaned)
