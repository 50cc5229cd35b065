"""Fuse prediction sets of the same images into one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nucfuse.data.dataset import Sample
from nucfuse.data.layouts import format_of_output, write_dataset
from nucfuse.data.sizes import open_sizes
from nucfuse.ensemble.fuse import (
    DEFAULT_METHOD,
    DEFAULT_SPLIT,
    Fused,
    fuse_members,
    is_pixel_method,
)
from nucfuse.ensemble.fusion import Fate
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.pipeline.members import MemberSet, common_images, open_members
from nucfuse.pipeline.running import check_output, each_image, engine_name
from nucfuse.pipeline.scoring import distinct_names

MISSING = ("error", "skip-model")


@dataclass(frozen=True, slots=True)
class Plan:
    """How images are fused: a method, which models, their weights, and its parameters.

    Attributes
    ----------
    method : str
    models : tuple of str
        Names of the prediction sets; all if empty.
    weights : tuple of float
        One per model; equal if empty.
    params : dict
        Of the method.
    split : str
        How maps become nuclei.
    split_params : dict
    """

    method: str = DEFAULT_METHOD
    models: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    split: str = DEFAULT_SPLIT
    split_params: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FuseOptions:
    """What `fuse` takes besides the sets; see the command's help for each."""

    plan: Plan
    missing: str = "error"
    allow_overlap: bool = False
    sizes: Path | None = None
    format: str | None = None
    engine: str = "serial"

    @classmethod
    def from_text(cls, *, method: str, weights: str | None, settings: Sequence[str], split: str,
                  images: Path | None, format_: str | None, jobs: int | None,
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
        params, split_params = _settings(settings)
        plan = Plan(method, (), numbers, params, split, split_params)
        workers = engine_name(jobs, engine)
        return cls(plan, sizes=images, format=format_, engine=workers, **rest)


@dataclass(slots=True)
class FuseReport:
    """What each step did, added up over the images.

    Attributes
    ----------
    names : list of str
        The models.
    fates : ndarray of int64, shape (M, 4)
        Nuclei of each model that were kept, fused, suppressed and dropped.
    results, cut, images, by_pixels : int
        Nuclei that came out, and of these those that lost pixels to another; images, and of these
        those fused pixel by pixel.
    left_out : dict
        Model -> images it had no prediction for.
    """

    names: list[str]
    fates: np.ndarray
    results: int = 0
    cut: int = 0
    images: int = 0
    by_pixels: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def add(self, fused: Fused, models: Sequence[int]) -> None:
        """Count one image, in which these models took part."""
        self.images += 1
        self.results += len(fused.instances)
        if fused.fusion is None:
            self.by_pixels += 1
            return
        self.cut += int(fused.fusion.cut.sum())
        self.fates[list(models)] += fused.fusion.counts

    def to_text(self, out: Path, method: str) -> str:
        """A line per model and one for the result."""
        lines = [f"{out}: {self.images} images, {self.results} nuclei, by {method}"]
        if self.by_pixels:
            lines.append(f"  {self.by_pixels} images fused pixel by pixel, then split into nuclei")
        width = max(len(name) for name in self.names)
        for name, row in zip(self.names, self.fates, strict=True):
            if row.sum():
                said = ", ".join(f"{n} {f.name.lower()}" for n, f in zip(row, Fate, strict=True))
                lines.append(f"  {name:{width}} {row.sum()} nuclei in: {said}")
            if self.left_out.get(name):
                lines.append(f"  {name:{width}} left out of {len(self.left_out[name])} images")
        if self.cut:
            lines.append(f"  {self.cut} results were cut where they overlapped another")
        return "\n".join(lines)


def fuse(paths: Sequence[Path], out: Path, options: FuseOptions) -> FuseReport:
    """Fuse prediction sets of the same images and write the result.

    Raises
    ------
    DataError
        If an input is bad, sets have different images or shapes, or method, weights or parameters
        are wrong; nothing is written then.
    """
    if len(paths) < 2:
        raise DataError("a fusion needs at least two prediction sets")
    check_output(out, paths)
    sizes = None if options.sizes is None else open_sizes(options.sizes)
    names = distinct_names(paths)
    members = open_members(paths, names, options.format, sizes)
    check_plan(options.plan, members)
    image_ids = common_images(members, options.missing)
    report = FuseReport(names, np.zeros((len(names), len(Fate)), np.int64))
    job = partial(_fuse_one, members, options)
    results = each_image(options.engine, job, image_ids, "Fusing")
    write_dataset(out, _counted(image_ids, results, members, report), format_of_output(out))
    return report


def check_plan(plan: Plan, members: Sequence[MemberSet]) -> None:
    """Raise a DataError if a plan names an unknown model or method, or its weights do not fit."""
    known = [member.name for member in members]
    for name in plan.models:
        if name not in known:
            raise DataError(f"no prediction set is called {name!r}; there are {', '.join(known)}")
    chosen = [m for m in members if not plan.models or m.name in plan.models]
    if plan.weights and len(plan.weights) != len(chosen):
        raise DataError(
            f"{len(chosen)} prediction sets need as many weights, got {len(plan.weights)}"
        )
    try:
        is_pixel_method(plan.method, all(member.is_map for member in chosen))
    except ValueError as error:
        raise DataError(str(error)) from None


def _fuse_one(
    members: Sequence[MemberSet], options: FuseOptions, image_id: str
) -> tuple[Fused, list[int]]:
    return fuse_image(members, options.plan, options.allow_overlap, image_id)


def fuse_image(
    members: Sequence[MemberSet], plan: Plan, allow_overlap: bool, image_id: str
) -> tuple[Fused, list[int]]:
    """Fuse one image by a plan: the result, and the places of the members that took part."""
    chosen = [k for k, m in enumerate(members) if not plan.models or m.name in plan.models]
    used = [k for k in chosen if image_id in members[k].words]
    weights = dict(zip(chosen, plan.weights, strict=True)) if plan.weights else None
    read = [members[k].read(image_id) for k in used]
    extra = {} if is_pixel_method(plan.method, _all_maps(read)) else {"disjoint": not allow_overlap}
    try:
        fused = fuse_members(
            read, plan.method, None if weights is None else [weights[k] for k in used],
            names=[members[k].name for k in used], split=plan.split,  # type: ignore[arg-type]
            split_params=plan.split_params, **plan.params, **extra,
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        called = ", ".join(members[k].name for k in used)
        raise DataError(f"image {image_id!r} ({called}): {error}") from None
    return fused, used


def _all_maps(members: Sequence[Any]) -> bool:
    return not any(isinstance(member, Instances) for member in members)


def _counted(
    image_ids: Sequence[str], results: Iterator[tuple[Fused, list[int]]],
    members: Sequence[MemberSet], report: FuseReport,
) -> Iterator[Sample]:  # fmt: skip
    for image_id, (fused, used) in zip(image_ids, results, strict=True):
        report.add(fused, used)
        for k, member in enumerate(members):
            if k not in used and image_id not in member.words:
                report.left_out.setdefault(member.name, []).append(image_id)
        yield Sample(image_id, fused.instances)


def _settings(texts: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """NAME=VALUE and split.NAME=VALUE -> parameters of the method, of the splitting."""
    params: dict[str, Any] = {}
    split_params: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise DataError(f"--set takes NAME=VALUE, such as iou=0.4; got {text!r}")
        try:
            number: float | str = float(value) if "." in value or "e" in value else int(value)
        except ValueError:
            number = value
        if name.startswith("split."):
            split_params[name.removeprefix("split.")] = number
        else:
            params[name] = number
    return params, split_params
