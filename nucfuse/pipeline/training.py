"""`nucfuse train`: a data set and a config in, a network that others can run out."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nucfuse.data.dataset import Dataset
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.data.image_ids import escape_id
from nucfuse.data.io import open_dataset
from nucfuse.data.run_record import run_record, write_json
from nucfuse.data.splits.folds import grouped_folds, leave_source_out
from nucfuse.data.splits.near_duplicates import ImageRecord
from nucfuse.errors import DataError
from nucfuse.models.families import begin, build_network, check_start, stages_of, validation_of
from nucfuse.models.files.card import Card, read_card
from nucfuse.models.files.initial_weights import check_same_network
from nucfuse.models.precision import chosen_precision
from nucfuse.models.training.config import TrainingConfig, read_config
from nucfuse.models.training.crops import TrainingImage
from nucfuse.pipeline.cross_validated import (
    PARTS,
    card_of_run,
    held_out_of,
    is_cross_validation,
)
from nucfuse.pipeline.held_out import score_held_out
from nucfuse.pipeline.training_images import common_ids, read_images, records_of

# Told the folder of a run and its log after each epoch.
Watch = Callable[[Path, Sequence[dict[str, float]]], None]

N_FOLDS = 5
ALL = "all"  # every fold in turn


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What `train` takes besides its files; see the command's help for each."""

    protocol: str = "all"
    fold: str | None = None
    bag: int | None = None
    seed: int | None = None
    images: Path | None = None
    start: Path | None = None
    imagenet: Path | None = None
    pinned: tuple[str, ...] = ()
    name: str | None = None
    jobs: int = 2


@dataclass(frozen=True, slots=True)
class Parts:
    """Which image is for what, ids sorted; an image may come several times in a bag."""

    learn: tuple[str, ...]
    validate: tuple[str, ...]
    held_out: tuple[str, ...]
    records: tuple[ImageRecord, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"learn": self.learn, "validate": self.validate, "held_out": self.held_out}


@dataclass(frozen=True, slots=True)
class _Given:
    """What all folds are trained from, opened once."""

    inputs: list[Path]
    dataset: Dataset
    images: Images
    records: list[ImageRecord]


def train(config_path: Path, truth: Path, out: Path, options: TrainOptions,
          watch: Watch = lambda run, log: None) -> str:  # fmt: skip
    """Train a network, or go on with a run that was interrupted; returns a line of report.

    For the fold "all", one network for each fold, and a line for each.

    Parameters
    ----------
    config_path : Path
        TOML, see `nucfuse.models.training.config.TrainingConfig`.
    truth : Path
        A data set with images (DSB2018), or masks in any format together with ``options.images``.
    out : Path
        Folder of the run: ``parts.json`` (which image is for what), ``checkpoint.npz`` after every
        epoch, and in the end the network and ``run.json``. Of all folds, a folder for each.
    options : TrainOptions
    watch : callable
        Given the folder of the run and its log after each epoch, a row an epoch.

    Raises
    ------
    DataError
        If Keras is not installed, the config or the data cannot be used, or ``out`` holds a run
        with other settings.
    """
    if find_spec("keras") is None or find_spec("tensorflow") is None:
        raise DataError("training needs TensorFlow and Keras: pip install 'nucfuse[models]'")
    config = read_config(config_path)
    if options.seed is not None:
        config = replace(config, seed=options.seed)
    check_start(config.network, options.imagenet, options.start)
    dataset = open_dataset(truth)
    images = open_images(options.images or truth)
    records = records_of(images, common_ids(dataset, images), options.jobs)
    given = _Given([config_path, truth], dataset, images, records)
    if options.protocol == "all" or _wanted(options)[0] != ALL:
        return _train_one(given, config, out, options, watch)
    names = sorted(set(_folds(records, config.split_seed, options).values()))
    return "\n".join(
        _train_one(given, config, out / escape_id(name), _of_fold(options, name), watch)
        for name in names
    )


def _train_one(
    given: _Given, config: TrainingConfig, out: Path, options: TrainOptions, watch: Watch
) -> str:
    """Train one network and score it; returns a line of report."""
    parts = _parts(given.records, config, options)
    _check_same_parts(out, parts)
    start = None if options.start is None else _start(options.start, config, parts)
    learn, validate = (
        read_images(given.dataset, given.images, ids, config, options.jobs)
        for ids in (parts.learn, parts.validate)
    )
    weights = options.imagenet if start is None else start.path
    inputs = [*given.inputs, *([] if weights is None else [weights])]
    line = _fit(out, config, learn, validate, parts, options, inputs, start, watch)
    if not parts.held_out:
        return line
    held = [record for record in parts.records if record.image_id in set(parts.held_out)]
    card = out / f"{_name(config, options)}.json"
    scores = score_held_out(card, given.dataset, given.images, held, f"local:{options.jobs}")
    return f"{line}: dsb_ap {scores.dsb_ap:.4f}"


def _fit(
    out: Path, config: TrainingConfig, learn: Sequence[TrainingImage],
    validate: Sequence[TrainingImage], parts: Parts, options: TrainOptions, inputs: list[Path],
    start: Card | None, watch: Watch,
) -> str:  # fmt: skip
    from nucfuse.models.files.save import save_network
    from nucfuse.models.training.crops import Crops
    from nucfuse.models.training.loop import Trainer, set_up_tensorflow

    set_up_tensorflow(options.jobs)
    write_json(out / PARTS, parts.to_dict())
    precision = chosen_precision(config.precision)
    model = build_network(config.network, config.seed, precision)
    begin(model, options.imagenet, start)
    trainer = Trainer(
        model, Crops(learn, config), config, out / "checkpoint.npz",
        validation_of(config, validate), stages_of(config, model),
    )  # fmt: skip
    if trainer.progress.step:
        print(f"going on after epoch {trainer.progress.epoch}", file=sys.stderr)

    trainer.run(lambda row: watch(out, trainer.progress.log))
    record = {
        "data": inputs[1].name, "config": inputs[0].name, "protocol": options.protocol,
        "fold": options.fold, "bag": options.bag, "start": None if start is None else start.sha256,
        "precision": precision,
        "n_learn": len(set(parts.learn)),
        "n_validate": len(parts.validate), "n_held_out": len(parts.held_out),
        "steps": trainer.progress.step, "seconds": round(trainer.progress.seconds, 1),
    }  # fmt: skip
    card = save_network(model, config, out, _name(config, options), record)
    write_json(out / "run.json", run_record(inputs, {**config.to_dict(), "training": record}))
    return (
        f"{card}: {trainer.progress.epoch} epochs, {trainer.progress.step} steps in "
        f"{trainer.progress.seconds / 60:.1f} minutes on {record['n_learn']} images; "
        f"{len(parts.held_out)} held out"
    )


def _name(config: TrainingConfig, options: TrainOptions) -> str:
    """What the network is called: as asked for, else its kind."""
    return options.name or config.model


def _of_fold(options: TrainOptions, name: str) -> TrainOptions:
    """Those of one fold of all; where they start from runs of all folds, from that of the fold."""
    start = options.start
    if start is not None and is_cross_validation(start):
        start = start / escape_id(name)
    return replace(options, fold=name + str(options.fold).removeprefix(ALL), start=start)


def _start(path: Path, config: TrainingConfig, parts: Parts) -> Card:
    """The network to start from, which must not have seen what is held out."""
    card = card_of_run(path) if path.is_dir() else read_card(path)
    check_same_network(card, config.network)
    source = card.path.with_name(PARTS)
    if not parts.held_out:
        return card
    if not source.exists():
        print(
            f"warning: nothing says which images {card.path} was trained on; if some of them are "
            "held out now, their score is worth nothing", file=sys.stderr,
        )  # fmt: skip
        return card
    seen = sorted(set(parts.held_out) - set(held_out_of(source)))
    if seen:
        raise DataError(
            f"{card.path}: this network may have seen {len(seen)} of the {len(parts.held_out)} "
            f"images that are held out now, such as {seen[0]!r}; start from one of the same fold"
        )
    return card


def _parts(records: Sequence[ImageRecord], config: TrainingConfig, options: TrainOptions) -> Parts:
    rng = np.random.default_rng([config.seed, options.bag or 0])
    held = _held_out(records, config.split_seed, options)
    rest = [r for r in records if r.image_id not in held]
    validate = _validation(rest, config)
    learn = [r.image_id for r in rest if r.image_id not in validate]
    if not learn:
        raise DataError("no image is left to learn from; lower validation, or hold out less")
    if options.bag is not None:
        learn = sorted(rng.choice(learn, len(learn)).tolist())
    return Parts(tuple(learn), tuple(sorted(validate)), tuple(sorted(held)), tuple(records))


def _held_out(records: Sequence[ImageRecord], seed: int, options: TrainOptions) -> set[str]:
    if options.protocol == "all":
        return set()
    folds = _folds(records, seed, options)
    names = sorted(set(folds.values()))
    wanted = _wanted(options)[0]
    if wanted not in names:
        known = ", ".join([*names, ALL])
        raise DataError(f"--fold must be one of {known}, got {options.fold!r}")
    return {i for i, fold in folds.items() if fold == wanted}


def _folds(records: Sequence[ImageRecord], seed: int, options: TrainOptions) -> dict[str, str]:
    """Image id -> name of its fold."""
    if options.protocol == "source":
        return leave_source_out(records)
    known = {r.image_id for r in records}
    n_folds, pinned = _wanted(options)[1], [i for i in options.pinned if i in known]
    numbers = _grouped(records, n_folds, seed, pinned)
    return {i: str(number) for i, number in numbers.items()}


def _wanted(options: TrainOptions) -> tuple[str, int]:
    """Which fold, and of how many where they are numbered: "2" and 4 of "2/4"."""
    fold = str(options.fold)
    name, slash, number = fold.partition("/")
    if options.protocol != "grouped" or not slash:
        return fold, N_FOLDS
    if not number.isdecimal() or not 2 <= int(number) <= 100:
        raise DataError(f"--fold must be K or K/N with N in 2..100, got {fold!r}")
    return name, int(number)


def _grouped(
    records: Sequence[ImageRecord], n_folds: int, seed: int, pinned: Sequence[str] = ()
) -> dict[str, int]:
    try:
        return grouped_folds(records, n_folds, seed, pinned)
    except ValueError as error:  # too few images
        raise DataError(f"these {len(records)} images cannot be split: {error}") from None


def _validation(records: Sequence[ImageRecord], config: TrainingConfig) -> set[str]:
    """Images that only measure; near-duplicates of what is trained on would say nothing."""
    if not config.validation:
        return set()
    inner = _grouped(records, max(2, round(1 / config.validation)), config.split_seed)
    return {i for i, fold in inner.items() if fold == 1}


def _check_same_parts(out: Path, parts: Parts) -> None:
    path = out / PARTS
    if not path.exists():
        return
    before = json.loads(path.read_text("utf-8"))
    if before != json.loads(json.dumps(parts.to_dict())):
        raise DataError(
            f"{out} holds a run on other images or another fold; choose another folder, or remove "
            "it to begin anew"
        )
