"""Score prediction sets against a truth, image by image, and compare them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nucfuse.data import run_record as provenance
from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.formats.image_folder import open_images
from nucfuse.data.formats.metadata import column_of
from nucfuse.data.image_ids import first_ids
from nucfuse.data.io import open_dataset, open_sizes
from nucfuse.data.modality import modality
from nucfuse.data.pairing import Pairing, pair
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.metrics.paired import Paired
from nucfuse.metrics.results import Comparison, ScoreResult
from nucfuse.metrics.scores import Scores
from nucfuse.metrics.scoring import ImageResult, Measures, score_image
from nucfuse.pipeline.running import check_output, each_image, engine_name


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What to measure, and how to take what is there; see the command's help for each."""

    measures: Measures
    missing: str = "error"
    by: tuple[str, ...] = ()
    images: Path | None = None
    metadata: Path | None = None
    seed: int = 0
    format: str | None = None
    truth_format: str | None = None
    engine: str = "serial"

    @classmethod
    def from_text(cls, *, thresholds: str | None, rule: str, metrics: str, allow_overlap: bool,
                  format_: str | None, jobs: int | None, engine: str | None,
                  **rest: Any) -> "ScoreOptions":  # fmt: skip
        """From the words of the command line.

        Raises
        ------
        DataError
            If a threshold is no number from 0 to 1, or a metric is unknown.
        """
        try:
            numbers = None if thresholds is None else [float(t) for t in thresholds.split(",")]
            wanted = [name.strip() for name in metrics.split(",") if name.strip()]
            measures = Measures.of(numbers, rule, wanted, allow_overlap)
        except ValueError as error:
            raise DataError(str(error)) from None
        return cls(measures, format=format_, engine=engine_name(jobs, engine), **rest)


def score(truth: Path, preds: Sequence[Path], options: ScoreOptions,
          out: Path | None = None) -> ScoreResult:  # fmt: skip
    """Score each prediction set; ``out`` is where the tables will go, if anywhere.

    Raises
    ------
    DataError
        If an input is bad, images are missing or unreadable (unless ``options.missing`` says what
        that means), masks overlap (unless allowed), or ``out`` is no place to write.
    """
    inputs = [truth, *preds]
    if out is not None:
        check_output(out, inputs)
    result = _score(truth, preds, options)
    return result if out is None else replace(result, record=_record(inputs, options))


def compare(truth: Path, preds: Sequence[Path], options: ScoreOptions,
            out: Path | None = None) -> Comparison:  # fmt: skip
    """Score the sets and compare each with the first, image by image; raises as `score` does."""
    result = score(truth, preds, options, out)
    first, *others = result.scores
    names = result.names
    pairs = [
        Paired.of(first, other, (names[0], name), options.seed)
        for other, name in zip(others, names[1:], strict=True)
    ]
    return Comparison(result, pairs)


def _record(inputs: Sequence[Path], options: ScoreOptions) -> dict[str, Any]:
    config = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in dataclasses.asdict(options).items()
    }
    return provenance.run_record(list(inputs), config)


def _score(truth_path: Path, pred_paths: Sequence[Path], options: ScoreOptions) -> ScoreResult:
    sizes = None if options.images is None else open_sizes(options.images)
    truth = open_dataset(truth_path, options.truth_format, sizes)
    preds = [open_dataset(path, options.format, truth.shape) for path in pred_paths]
    pairings = [pair(truth, pred) for pred in preds]
    if options.missing == "error":
        for pred, pairing in zip(preds, pairings, strict=True):
            _refuse_missing(pred, pairing, len(truth.ids))
    job = partial(_score_one, truth, preds, pairings, options)
    results = list(each_image(options.engine, job, truth.ids, "Scoring"))
    notes = [note for result in results for note in result.notes]
    failures = [_failures(truth.ids, [r.failures[k] for r in results]) for k in range(len(preds))]
    if options.missing == "error":
        _refuse_failures(failures)
    strata = _strata(truth, options)
    scores = []
    for k in range(len(preds)):
        kept = [(i, m) for i, r in enumerate(results) if (m := r.measured[k]) is not None]
        if not kept:
            raise DataError(f"{preds[k].path}: no image could be scored: {_first(failures[k])}")
        scores.append(
            Scores.build(
                [truth.ids[i] for i, _ in kept],
                [m for _, m in kept],
                options.measures,
                strata={name: [column[i] for i, _ in kept] for name, column in strata.items()},
                seed=options.seed,
            )
        )
    names = distinct_names(pred_paths)
    return ScoreResult(
        str(truth_path), names, scores, pairings, failures, notes, options.missing, options.by
    )


@dataclass(frozen=True, slots=True)
class _OneImage:
    measured: list[ImageResult | None]  # per prediction set
    failures: list[str | None]
    notes: list[str]


def _score_one(truth: Dataset, preds: list[Dataset], pairings: list[Pairing],
               options: ScoreOptions, image_id: str) -> _OneImage:  # fmt: skip
    """One image against all prediction sets; the truth is read once."""
    true = truth.read(image_id)  # a truth that cannot be read ends the run
    notes = [f"{image_id}: {note}" for note in true.notes]
    measured: list[ImageResult | None] = []
    failures: list[str | None] = []
    for pred, pairing in zip(preds, pairings, strict=True):
        result, failure = None, None
        try:
            if image_id in pairing.names:
                sample = pred.read(pairing.names[image_id])
                notes += [f"{pred.path.name}: {image_id}: {note}" for note in sample.notes]
                result = _measured(true, sample, pred, options.measures)
        except DataError as error:
            failure = str(error)
        if result is None and options.missing == "zero":
            result = score_image(true.masks, _nothing_like(true), options.measures)
        measured.append(result)
        failures.append(failure)
    return _OneImage(measured, failures, notes)


def _measured(true: Sample, pred: Sample, dataset: Dataset, measures: Measures) -> ImageResult:
    try:
        return score_image(true.masks, pred.masks, measures)
    except ValueError as error:
        raise DataError(f"{dataset.path}, image {true.image_id!r}: {error}") from None


def _nothing_like(true: Sample) -> Any:
    """No nuclei in an image (or volume) of the same shape."""
    if isinstance(true.masks, Instances):
        return Instances.empty(true.masks.shape)
    return np.zeros_like(true.masks)


def _strata(truth: Dataset, options: ScoreOptions) -> dict[str, list[str]]:
    """A value per image for each ``--by`` except "size", which goes by nucleus."""
    strata = {}
    for name in options.by:
        if name == "modality":
            strata[name] = _modalities(truth, options)
        elif name != "size":
            if options.metadata is None:
                raise DataError(f"--by {name} needs --metadata, a CSV with a column {name!r}")
            strata[name] = column_of(options.metadata, name, truth.ids)
    return strata


def _modalities(truth: Dataset, options: ScoreOptions) -> list[str]:
    try:
        # A folder of label images would pass for one of images.
        if options.images is None and truth.image(truth.ids[0]) is None:
            raise DataError(f"{truth.path} has no images")
        images = open_images(options.images or truth.path)
    except DataError:
        raise DataError("--by modality needs the images: give their folder as --images") from None
    absent = [image_id for image_id in truth.ids if image_id not in images]
    if absent:
        raise DataError(f"--by modality: {len(absent)} images are not there: {first_ids(absent)}")

    def job(image_id: str) -> str:
        return modality(images.image(image_id))

    return list(each_image(options.engine, job, truth.ids, "Looking at images"))


def _refuse_missing(pred: Dataset, pairing: Pairing, n_images: int) -> None:
    if pairing.missing:
        raise DataError(
            f"{pred.path}: {len(pairing.missing)} of {n_images} images have no prediction: "
            f"{first_ids(pairing.missing)}. Give --missing zero to score them 0, or --missing "
            "skip to leave them out"
        )


def _failures(image_ids: list[str], problems: list[str | None]) -> dict[str, str]:
    return {i: p for i, p in zip(image_ids, problems, strict=True) if p is not None}


def _first(failures: dict[str, str]) -> str:
    return next(iter(failures.values()), "nothing was paired")


def _refuse_failures(failures: list[dict[str, str]], most: int = 10) -> None:
    problems = [problem for failed in failures for problem in failed.values()]
    if problems:
        more = f"\n  … and {len(problems) - most} more" if len(problems) > most else ""
        head = f"{len(problems)} predictions cannot be scored:\n  " if len(problems) > 1 else ""
        raise DataError(head + "\n  ".join(problems[:most]) + more)


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """What to call the prediction sets: the last part of the path, more where that is not enough.

    Examples
    --------
    >>> distinct_names([Path("a/pred"), Path("b/pred"), Path("c.csv")])
    ['a/pred', 'b/pred', 'c']
    """
    names = [path.resolve().stem or str(path) for path in paths]
    longer = [
        f"{path.resolve().parent.name}/{name}" for path, name in zip(paths, names, strict=True)
    ]
    chosen = [long if names.count(n) > 1 else n for n, long in zip(names, longer, strict=True)]
    return [c if chosen.count(c) == 1 else f"{c}#{k + 1}" for k, c in enumerate(chosen)]
