"""`nucfuse train`: a data set and a config in, a network that others can run out."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

from nucfuse.data.dataset import Dataset
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.data.image_ids import escape_id
from nucfuse.data.run_record import run_record, write_json
from nucfuse.data.splits.near_duplicates import ImageRecord
from nucfuse.errors import DataError
from nucfuse.models.families import family_named
from nucfuse.models.files.card import Card, shipped_cards
from nucfuse.models.files.initial_weights import check_same_network, load_weights
from nucfuse.models.files.read_card import read_card
from nucfuse.models.files.run import PARTS, card_of_run, held_out_of, runs_in
from nucfuse.models.precision import chosen_precision
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.training.crops import Crops
from nucfuse.models.training.images import TrainingImage
from nucfuse.models.training.loop import Trainer, set_up_tensorflow
from nucfuse.models.training.read_config import read_config
from nucfuse.pipeline.held_out import score_held_out
from nucfuse.pipeline.outputs import reserved_outputs
from nucfuse.pipeline.training_images import common_ids, read_images, records_of
from nucfuse.pipeline.training_parts import (
    ALL,
    Parts,
    TrainOptions,
    check_same_parts,
    folds_of,
    parts_of,
)
from nucfuse.report.training import epoch_text, run_text, write_log

_log = logging.getLogger(__name__)


@attrs.frozen
class _Data:
    """What all folds are trained from, opened once."""

    inputs: list[Path]
    dataset: Dataset
    images: Images
    records: list[ImageRecord]

    def read(
        self, ids: Sequence[str], config: TrainingConfig, options: TrainOptions
    ) -> list[TrainingImage]:
        return read_images(self.dataset, self.images, ids, config, options.jobs)


@attrs.frozen
class _Run:
    """One network to be trained."""

    out: Path
    config: TrainingConfig
    options: TrainOptions
    parts: Parts
    start: Card | None

    @property
    def name(self) -> str:
        """What the network is called: as asked for, else its kind."""
        return self.options.name or self.config.model

    def trainer(
        self, learn: Sequence[TrainingImage], validate: Sequence[TrainingImage], precision: str
    ) -> Trainer:
        """Make a network with the weights it starts from, or an earlier run's, ready to learn."""
        config, family = self.config, family_named(self.config.model)
        model = family.build(config.network, config.seed, precision)
        if self.start is not None:
            load_weights(model, self.start)
        if self.options.imagenet is not None:
            family.load_imagenet(model, self.options.imagenet)
        score = family.validation(validate, config) if validate else None
        return Trainer(model, Crops(learn, config), config, self.out / "checkpoint.npz", score)

    def record(self, inputs: Sequence[Path], trainer: Trainer, precision: str) -> dict[str, Any]:
        """Say what the network was trained on and how long, for its card."""
        options, parts, progress = self.options, self.parts, trainer.progress
        return {
            "data": inputs[1].name,
            "config": inputs[0].name,
            "protocol": options.protocol,
            "fold": options.fold,
            "bag": options.bag,
            "start": None if self.start is None else self.start.sha256,
            "precision": precision,
            "n_learn": len(set(parts.learn)),
            "n_validate": len(parts.validate),
            "n_held_out": len(parts.held_out),
            "steps": progress.step,
            "seconds": round(progress.seconds, 1),
        }


def train(config_path: Path, truth: Path, out: Path, options: TrainOptions) -> str:
    """Train a network, or go on with a run that was interrupted; returns a line of report.

    For the fold "all", one network for each fold, and a line for each. What happens meanwhile is
    logged.

    Parameters
    ----------
    config_path : Path
        TOML, see `nucfuse.models.training.config.TrainingConfig`.
    truth : Path
        A data set with images (DSB2018), or masks in any format together with ``options.images``.
    out : Path
        Folder of the run: ``parts.json`` (which image is for what), ``checkpoint.npz`` and the log
        after every epoch, and in the end the network and ``run.json``. Of all folds, a folder for
        each.
    options : TrainOptions

    Raises
    ------
    DataError
        If Keras is not installed, the config or the data cannot be used, or ``out`` holds a run
        with other settings.
    """
    if find_spec("keras") is None or find_spec("tensorflow") is None:
        raise DataError("training needs TensorFlow and Keras: pip install 'nucfuse[models]'")
    with reserved_outputs([out], [], [config_path, truth, options.images, options.start]):
        return _train(config_path, truth, out, options)


def _train(config_path: Path, truth: Path, out: Path, options: TrainOptions) -> str:
    config = read_config(config_path)
    if options.seed is not None:
        config = attrs.evolve(config, seed=options.seed)
    family_named(config.model).check_start(config.network, options.imagenet, options.start)
    dataset = options.reading.open(truth)
    if options.images is None and dataset.format != "dsb":
        raise DataError(
            f"{truth}: these are masks, the images are missing; give the folder that holds them "
            "with --images"
        )
    images = open_images(options.images or truth)
    records = records_of(images, common_ids(dataset, images), options.jobs)
    data = _Data([config_path, truth], dataset, images, records)
    if not options.all_folds:
        return _train_one(data, config, out, options)
    names = sorted(set(folds_of(records, config.split_seed, options).values()))
    return "\n".join(_train_fold(data, config, out, options, name) for name in names)


def _train_fold(
    data: _Data, config: TrainingConfig, out: Path, options: TrainOptions, name: str
) -> str:
    """Train the network of one fold of all, in a folder of its own."""
    folder = out / escape_id(name)
    with reserved_outputs([folder], []):
        return _train_one(data, config, folder, _options_of_fold(options, name))


def _options_of_fold(options: TrainOptions, name: str) -> TrainOptions:
    """Those of one fold of all; where they start from runs of all folds, from that of the fold."""
    start = options.start
    if start is not None and runs_in(Path(start)):
        start = str(Path(start) / escape_id(name))
    return attrs.evolve(options, fold=name + str(options.fold).removeprefix(ALL), start=start)


def _train_one(data: _Data, config: TrainingConfig, out: Path, options: TrainOptions) -> str:
    """Train one network and score it; returns a line of report."""
    parts = parts_of(data.records, config, options)
    check_same_parts(out, parts)
    start = None if options.start is None else _start(options.start, config, parts)
    learn, validate = (data.read(ids, config, options) for ids in (parts.learn, parts.validate))
    run = _Run(out, config, options, parts, start)
    weights = options.imagenet if start is None else start.path
    inputs = [*data.inputs, *([] if weights is None else [weights])]
    card, record, n_epochs = _fit(run, learn, validate, inputs)
    dsb_ap = None
    if parts.held_out:
        held = [record for record in data.records if record.image_id in set(parts.held_out)]
        engine = f"local:{options.jobs}"
        dsb_ap = score_held_out(card, data.dataset, data.images, held, engine).dsb_ap
    return run_text(card, record, n_epochs, dsb_ap)


def _fit(
    run: _Run, learn: Sequence[TrainingImage], validate: Sequence[TrainingImage], inputs: list[Path]
) -> tuple[Path, dict[str, Any], int]:
    """Train and save a network; path and record of its card, and how many epochs it took."""
    set_up_tensorflow(run.options.jobs)
    write_json(run.out / PARTS, run.parts.to_dict())
    precision = chosen_precision(run.config.precision)
    trainer = run.trainer(learn, validate, precision)
    progress = trainer.progress
    if progress.step:
        _log.info("going on after epoch %d", progress.epoch)

    def report(row: dict[str, float]) -> None:
        write_log(run.out, progress.log)
        _log.info("%s", epoch_text(row))

    trainer.run(report)
    record = run.record(inputs, trainer, precision)
    family = family_named(run.config.model)
    card = family.save(trainer.model, run.config, run.out, run.name, record)
    settings = {**run.config.to_dict(), "training": record}
    write_json(run.out / "run.json", run_record(inputs, settings))
    return card.path, record, progress.epoch


def _start(named: str, config: TrainingConfig, parts: Parts) -> Card:
    """Read the card of the network to start from, which must not have seen what is held out."""
    path, shipped = Path(named), shipped_cards()
    if not path.exists() and named in shipped:
        path = shipped[named]
    card = card_of_run(path) if path.is_dir() else read_card(path)
    if card.members:
        raise DataError(f"{card.path}: this is an ensemble; start from one of its networks")
    check_same_network(card, config)
    source = card.path.with_name(PARTS)
    if not parts.held_out:
        return card
    if not source.exists():
        _log.warning(
            "nothing says which images %s was trained on; if some of them are held out now, their "
            "score is worth nothing",
            card.path,
        )
        return card
    seen = sorted(set(parts.held_out) - set(held_out_of(source)))
    if seen:
        raise DataError(
            f"{card.path}: this network may have seen {len(seen)} of the {len(parts.held_out)} "
            f"images that are held out now, such as {seen[0]!r}; start from one of the same fold"
        )
    return card
