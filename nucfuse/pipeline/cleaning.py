"""Clean predicted nuclei of a data set: overlaps, specks, holes, outlines; or split maps."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from nucfuse.clean.objects import PARAMETERS, clean_instances, clean_overlapping
from nucfuse.clean.overlaps import By, remove_overlaps
from nucfuse.clean.parameters import resolve
from nucfuse.clean.split import Method as SplitMethod
from nucfuse.clean.split import parameters_of, split
from nucfuse.data.dataset import Sample
from nucfuse.data.layouts import format_of_output, write_dataset
from nucfuse.data.sizes import open_sizes
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.pipeline.converting import Counts
from nucfuse.pipeline.members import MemberSet, open_members
from nucfuse.pipeline.running import check_output, check_overlap, each_image, engine_name
from nucfuse.pipeline.settings import settings_of
from nucfuse.report.written import written_text


def clean(pred: Path, out: Path, *, by: By, split_method: str, settings: Sequence[str],
          images: Path | None, format_: str | None, jobs: int | None, engine: str | None,
          allow_overlap: bool = False) -> str:  # fmt: skip
    """Clean every image of a prediction set; returns a line of report.

    Probability maps are split into nuclei first; overlaps are removed, if they are not allowed;
    then the rules about whole nuclei apply (`clean.objects`).

    Raises
    ------
    DataError
        If the input is bad, or a setting is unknown or out of range.
    """
    check_output(out, [pred])
    check_overlap(allow_overlap, format_of_output(out), out)
    sizes = None if images is None else open_sizes(images)
    member = open_members([pred], [pred.name], format_, sizes)[0]
    params, split_params = settings_of(settings)
    _check_settings(params, split_method, split_params, member.is_map)
    job = partial(
        _cleaned, member, None if allow_overlap else by, split_method, params, split_params
    )
    counts = Counts()
    samples = each_image(engine_name(jobs, engine), job, member.source.ids, "Cleaning")
    write_dataset(out, counts.watch(samples), format_of_output(out))
    return written_text(out, counts.images, counts.nuclei, notes=counts.notes)


def _check_settings(
    params: dict[str, Any], split_method: str, split_params: dict[str, Any], is_map: bool
) -> None:
    """Raise a DataError if a setting is unknown, out of range, or about maps that are not there."""
    if split_params and not is_map:
        raise DataError("split.NAME=VALUE is about probability maps, but there are none")
    try:
        resolve(PARAMETERS, params, "cleaning")
        table = parameters_of(cast(SplitMethod, split_method))
        resolve(table, split_params, f"splitting by {split_method!r}")
    except ValueError as error:
        raise DataError(str(error)) from None


def _cleaned(
    member: MemberSet, by: By | None, split_method: str, params: dict[str, Any],
    split_params: dict[str, Any], image_id: str,
) -> Sample:  # fmt: skip
    masks = member.read(image_id)
    try:
        if not isinstance(masks, Instances):
            masks = split(masks, cast(SplitMethod, split_method), **split_params)
        if by is None:
            cleaned = clean_overlapping(masks, **params)
        else:
            cleaned = clean_instances(remove_overlaps(masks, by), **params)
    except (ValueError, TypeError) as error:
        raise DataError(f"image {image_id!r}: {error}") from None
    return Sample(image_id, cleaned)
