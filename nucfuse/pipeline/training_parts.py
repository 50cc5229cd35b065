"""Which image of a data set a run of training is for: to learn from, to validate, held out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import attrs
import numpy as np

from nucfuse.data.label_checks import LabelRules
from nucfuse.data.readers.stack import Stack
from nucfuse.data.splits.folds import grouped_folds, leave_source_out
from nucfuse.data.splits.near_duplicates import ImageRecord, near_duplicate_groups
from nucfuse.errors import DataError
from nucfuse.models.files.run import PARTS
from nucfuse.models.training.config import TrainingConfig
from nucfuse.pipeline.running import Reading
from nucfuse.settings import to_table

N_FOLDS = 5
ALL = "all"  # every fold in turn


@attrs.frozen
class TrainOptions:
    """What `train` takes besides its files; see the command's help for each."""

    protocol: str = "all"
    fold: str | None = None
    bag: int | None = None
    seed: int | None = None
    images: Path | None = None
    start: str | None = None
    imagenet: Path | None = None
    pinned: tuple[str, ...] = ()
    name: str | None = None
    binary: Literal["components"] | None = None
    anyway: bool = False
    skip_bad: bool = False
    jobs: int = 2
    stack: Stack = None

    @property
    def reading(self) -> Reading:
        """How the truth is read."""
        labels = LabelRules(self.binary, self.anyway)
        return Reading(labels=labels, skip_bad=self.skip_bad, stack=self.stack)

    @property
    def fold_and_number(self) -> tuple[str, int]:
        """Which fold, and of how many where they are numbered: "2" and 4 of "2/4"."""
        fold = str(self.fold)
        name, slash, number = fold.partition("/")
        if self.protocol != "grouped" or not slash:
            return fold, N_FOLDS
        if not number.isdecimal() or not 2 <= int(number) <= 100:
            raise DataError(f"--fold must be K or K/N with N in 2..100, got {fold!r}")
        return name, int(number)

    @property
    def all_folds(self) -> bool:
        """Whether every fold is to be held out in turn."""
        return self.protocol != "all" and self.fold_and_number[0] == ALL


@attrs.frozen
class Parts:
    """Which image is for what, ids sorted; an image may come several times in a bag."""

    learn: tuple[str, ...]
    validate: tuple[str, ...]
    held_out: tuple[str, ...]

    def to_dict(self) -> dict[str, list[str]]:
        """As JSON can hold it."""
        return to_table(self)


def parts_of(
    records: Sequence[ImageRecord], config: TrainingConfig, options: TrainOptions
) -> Parts:
    """Say which image is for what.

    Raises
    ------
    DataError
        If there is no such fold, or nothing is left to learn from.
    """
    held = _held_out(records, config.split_seed, options)
    rest = [record for record in records if record.image_id not in held]
    validate = _validation(rest, config)
    learn = [record.image_id for record in rest if record.image_id not in validate]
    if not learn:
        raise DataError("no image is left to learn from; lower validation, or hold out less")
    if options.bag is not None:
        rng = np.random.default_rng([config.seed, options.bag])
        learn = sorted(rng.choice(learn, len(learn)).tolist())
    return Parts(tuple(learn), tuple(sorted(validate)), tuple(sorted(held)))


def folds_of(
    records: Sequence[ImageRecord], split_seed: int, options: TrainOptions
) -> dict[str, str]:
    """Image id -> name of its fold."""
    if options.protocol == "source":
        return leave_source_out(records)
    known = {record.image_id for record in records}
    pinned = [image_id for image_id in options.pinned if image_id in known]
    numbers = _grouped(records, options.fold_and_number[1], split_seed, pinned)
    return {image_id: str(number) for image_id, number in numbers.items()}


def check_same_parts(out: Path, parts: Parts) -> None:
    """Raise a DataError if a folder holds a run that divides the images otherwise."""
    path = out / PARTS
    if path.exists() and json.loads(path.read_text("utf-8")) != parts.to_dict():
        raise DataError(
            f"{out} holds a run on other images or another fold; choose another folder, or remove "
            "it to begin anew"
        )


def _held_out(records: Sequence[ImageRecord], split_seed: int, options: TrainOptions) -> set[str]:
    if options.protocol == "all":
        return set()
    folds, wanted = folds_of(records, split_seed, options), options.fold_and_number[0]
    names = sorted(set(folds.values()))
    if wanted not in names:
        known = ", ".join([*names, ALL])
        raise DataError(f"--fold must be one of {known}, got {options.fold!r}")
    return {image_id for image_id, fold in folds.items() if fold == wanted}


def _validation(records: Sequence[ImageRecord], config: TrainingConfig) -> set[str]:
    """Images that only measure; near-duplicates of what is trained on would say nothing."""
    if not config.validation:
        return set()
    n_folds, groups = max(2, round(1 / config.validation)), near_duplicate_groups(records)
    if len(groups) < n_folds:
        larger = (
            f"{-(-100 // len(groups)) / 100:g} (one of {len(groups)}) or " if groups[1:] else ""
        )
        raise DataError(
            f"{len(records)} images ({len(groups)} groups of unlike ones) are too few for "
            f"validation = {config.validation:g}, which keeps one group in {n_folds} to measure "
            f"with; set validation in the config to {larger}0 (train on all)"
        )
    inner = grouped_folds(records, n_folds, config.split_seed, groups=groups)
    return {image_id for image_id, fold in inner.items() if fold == 1}


def _grouped(
    records: Sequence[ImageRecord], n_folds: int, seed: int, pinned: Sequence[str] = ()
) -> dict[str, int]:
    try:
        return grouped_folds(records, n_folds, seed, pinned)
    except ValueError as error:  # too few images
        raise DataError(f"these {len(records)} images cannot be split: {error}") from None
