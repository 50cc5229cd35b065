"""Score prediction sets against a truth: pair the images, read them, and score each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from nucfuse.data import run_record as provenance
from nucfuse.data.dataset import Dataset, Sample, ShapeOf
from nucfuse.data.formats.kaggle_usage import counted_images
from nucfuse.data.image_ids import alike_text, first_ids
from nucfuse.data.pairing import Pairing, pair
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.metrics.image_scores import ImageScores
from nucfuse.metrics.request import DSB_REQUEST, ScoreRequest
from nucfuse.metrics.scores import Scores
from nucfuse.metrics.scoring import SideAnnotations, score_image
from nucfuse.pipeline.running import Reading, distinct_names, each_image
from nucfuse.report.results import ScoreResult


@dataclass(frozen=True, slots=True)
class StrataOptions:
    """What to group images by: "modality", "size" or columns of ``metadata``, a CSV."""

    by: tuple[str, ...] = ()
    images: Path | None = None
    metadata: Path | None = None


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What to measure, and how to take what is there; see the command's help for each."""

    request: ScoreRequest = DSB_REQUEST
    strata: StrataOptions = field(default_factory=StrataOptions)
    missing: Literal["error", "zero", "skip"] = "error"
    seed: int = 0
    truth_format: str | None = None
    usage: str | None = None
    reading: Reading = field(default_factory=Reading)


class _ImageResult(NamedTuple):
    """One image against all prediction sets: its scores or why there are none, and notes."""

    scores: list[ImageScores | None]
    failures: list[str | None]
    notes: list[str]


def score_sets(truth: Path, preds: Sequence[Path], options: ScoreOptions) -> ScoreResult:
    """Score each prediction set.

    Raises
    ------
    DataError
        If an input is bad, images are missing or unreadable (unless ``options.missing`` says what
        that means), or masks overlap (unless allowed).
    """
    of_truth = replace(options.reading, format=options.truth_format)
    everything = of_truth.open(truth, _sizes(options.strata.images))
    true, left_out = counted_images(everything, options.usage)
    sets = [options.reading.open(path, true.shape) for path in preds]
    pairings = [pair(true, pred) for pred in sets]
    if options.missing == "error":
        for pred, pairing in zip(sets, pairings, strict=True):
            _refuse_missing(true, pred, pairing)
    found, failures, notes = _score_images(true, sets, pairings, options)
    if options.missing == "error":
        _refuse_failures(failures)
    for pred, of_set, failed in zip(sets, found, failures, strict=True):
        if all(image is None for image in of_set):
            reason = next(iter(failed.values()), "nothing was paired")
            raise DataError(f"{pred.path}: no image could be scored: {reason}")
    notes += [
        f"{pred.path.name}: {alike_text(pairing.alike)}"
        for pred, pairing in zip(sets, pairings, strict=True)
        if pairing.alike
    ]
    strata = _strata(true, options)
    scores = [_scores_of_set(true.ids, of_set, strata, options) for of_set in found]
    notes, names, by = [*left_out, *notes], distinct_names(preds), options.strata.by
    return ScoreResult(str(truth), names, scores, pairings, failures, notes, options.missing, by)


def _score_images(
    truth: Dataset, preds: Sequence[Dataset], pairings: Sequence[Pairing], options: ScoreOptions
) -> tuple[list[list[ImageScores | None]], list[dict[str, str]], list[str]]:
    """Score all images: per prediction set the scores and why there are none by id; notes."""
    scores: list[list[ImageScores | None]] = [[] for _ in preds]
    failures: list[dict[str, str]] = [{} for _ in preds]
    notes: list[str] = []
    job = partial(_score_sample, truth, preds, pairings, options)
    results = each_image(options.reading.engine, job, truth.ids, "Scoring")
    for image_id, result in zip(truth.ids, results, strict=True):
        notes += result.notes
        for k, (one, failure) in enumerate(zip(result.scores, result.failures, strict=True)):
            scores[k].append(one)
            if failure is not None:
                failures[k][image_id] = failure
    return scores, failures, notes


def _sizes(images: Path | None) -> ShapeOf | None:
    if images is None:
        return None
    from nucfuse.data.io import open_sizes

    return open_sizes(images)


def score_record(truth: Path, preds: Sequence[Path], options: ScoreOptions) -> dict[str, Any]:
    """Make what ``run.json`` says of a run that is done."""
    strata = {name: _text(value) for name, value in asdict(options.strata).items()}
    config = {
        "measures": asdict(options.request),
        "missing": options.missing,
        **strata,
        "seed": options.seed,
        "format": options.reading.format,
        "truth_format": options.truth_format,
        "stack": options.reading.stack,
        "usage": options.usage,
        "engine": options.reading.engine,
        "labels": asdict(options.reading.labels),
        "skip_bad": options.reading.skip_bad,
    }
    return provenance.run_record([truth, *preds], config)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _score_sample(
    truth: Dataset,
    preds: Sequence[Dataset],
    pairings: Sequence[Pairing],
    options: ScoreOptions,
    image_id: str,
) -> _ImageResult:
    """One image against all prediction sets; the truth is read once."""
    true = truth.read(image_id)  # a truth that cannot be read ends the run
    result = _ImageResult([], [], [f"{image_id}: {note}" for note in true.notes])
    for pred, pairing in zip(preds, pairings, strict=True):
        scores, failure = None, None
        try:
            if image_id in pairing.names:
                sample = pred.read(pairing.names[image_id])
                result.notes.extend(f"{pred.path.name}: {image_id}: {n}" for n in sample.notes)
                try:
                    said = SideAnnotations(true.annotations, sample.annotations)
                    scores = score_image(true.masks, sample.masks, options.request, said)
                except ValueError as error:
                    raise DataError(f"{pred.path}, image {image_id!r}: {error}") from None
        except DataError as error:
            failure = str(error)
        if scores is None and options.missing == "zero":
            said = SideAnnotations(true.annotations)
            nothing = score_image(true.masks, _nothing_like(true), options.request, said)
            scores = replace(nothing, is_missing=True)
        result.scores.append(scores)
        result.failures.append(failure)
    return result


def _nothing_like(true: Sample) -> Any:
    """No nuclei in an image (or volume) of the same shape."""
    if isinstance(true.masks, Instances):
        return Instances.empty(true.masks.shape)
    return np.zeros_like(true.masks)


def _scores_of_set(
    image_ids: Sequence[str],
    of_set: Sequence[ImageScores | None],
    strata: Mapping[str, Sequence[str]],
    options: ScoreOptions,
) -> Scores:
    """Gather the scores of one prediction set, of the images that have any."""
    kept = [i for i, scores in enumerate(of_set) if scores is not None]
    try:
        return Scores.build(
            [image_ids[i] for i in kept],
            [scores for scores in of_set if scores is not None],
            options.request,
            strata={name: [column[i] for i in kept] for name, column in strata.items()},
            seed=options.seed,
        )
    except ValueError as error:
        raise DataError(str(error)) from None


def _strata(truth: Dataset, options: ScoreOptions) -> dict[str, list[str]]:
    """Find a value per image for each ``--by`` except "size", which goes by nucleus."""
    from nucfuse.data.formats.metadata import column_of

    strata = {}
    for name in options.strata.by:
        if name == "modality":
            strata[name] = _modalities(truth, options)
        elif name != "size":
            if options.strata.metadata is None:
                raise DataError(f"--by {name} needs --metadata, a CSV with a column {name!r}")
            strata[name] = column_of(options.strata.metadata, name, truth.ids)
    return strata


def _modalities(truth: Dataset, options: ScoreOptions) -> list[str]:
    from nucfuse.data.formats.image_folder import open_images
    from nucfuse.data.modality import modality

    folder = options.strata.images
    try:
        # A folder of label images would pass for one of images.
        if folder is None and truth.image(truth.ids[0]) is None:
            raise DataError(f"{truth.path} has no images")
        images = open_images(folder or truth.path)
    except DataError:
        raise DataError("--by modality needs the images: give their folder as --images") from None
    absent = [image_id for image_id in truth.ids if image_id not in images]
    if absent:
        raise DataError(f"--by modality: {len(absent)} images are not there: {first_ids(absent)}")

    def job(image_id: str) -> str:
        return modality(images.image(image_id))

    return list(each_image(options.reading.engine, job, truth.ids, "Looking at images"))


def _refuse_missing(truth: Dataset, pred: Dataset, pairing: Pairing) -> None:
    if pairing.missing:
        truth.read(pairing.missing[0])  # a photograph among the labels says what it is
        raise DataError(
            f"{pred.path}: {len(pairing.missing)} of {len(truth.ids)} images have no prediction: "
            f"{first_ids(pairing.missing)}. Give --missing zero to score them 0, or --missing "
            f"skip to leave them out{alike_text(pairing.alike, '. ')}"
        )


def _refuse_failures(failures: Sequence[Mapping[str, str]], most: int = 10) -> None:
    problems = [problem for failed in failures for problem in failed.values()]
    if problems:
        more = f"\n  … and {len(problems) - most} more" if len(problems) > most else ""
        head = f"{len(problems)} predictions cannot be scored:\n  " if len(problems) > 1 else ""
        raise DataError(head + "\n  ".join(problems[:most]) + more)
