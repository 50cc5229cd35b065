"""A legal Kaggle submission."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path

from nucfuse.clean.overlaps import By
from nucfuse.clean.tally import Tally, clean_and_count
from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.formats import kaggle
from nucfuse.data.formats.writing import as_instances
from nucfuse.data.image_ids import first_ids
from nucfuse.data.io import open_sizes
from nucfuse.errors import DataError
from nucfuse.pipeline.converting import Counts
from nucfuse.pipeline.outputs import reserved_outputs
from nucfuse.pipeline.running import Reading, each_image
from nucfuse.pipeline.settings import Given, read_pairs
from nucfuse.report.written import cleaned_text, written_text


def submit(
    pred: Path,
    target: Path,
    reading: Reading,
    *,
    sample_submission: Path | None = None,
    sizes: Path | None = None,
    by: By = "score",
    settings: tuple[str, ...] | Given = (),
) -> str:
    """Write a legal Kaggle submission: disjoint, clean masks, one row each; a report of it.

    Nuclei are cleaned as `nucfuse clean` cleans them, by its rules unless ``settings`` has others,
    such as "speck=0". With ``sample_submission`` the images are those of that file, in its order:
    an image without a prediction is an error, and so is one that the file does not know.

    Raises
    ------
    DataError
        If the input or a setting is bad, or the images are not those that Kaggle wants.
    """
    with reserved_outputs([target], [pred, sample_submission], [sizes]):
        return _submit(pred, target, reading, sample_submission, sizes, by, read_pairs(settings))


def _submit(
    pred: Path,
    target: Path,
    reading: Reading,
    sample_submission: Path | None,
    sizes: Path | None,
    by: By,
    rules: Given,
) -> str:
    dataset = reading.open(pred, None if sizes is None else open_sizes(sizes))
    ids = dataset.ids
    if sample_submission is not None:
        ids = _wanted_ids(dataset, sample_submission)
    if rules.split:
        raise DataError("split.NAME=VALUE is about probability maps, which submit does not take")
    counts, tallies = Counts(), list[Tally]()
    results = each_image(reading.engine, partial(_legal, dataset, by, rules), ids, "Writing")
    kaggle.write_submission(target, counts.watch(_samples(results, tallies)))
    detail = f", {counts.empty} images without"
    done = cleaned_text(reduce(Tally.plus, tallies, Tally()), by)
    notes = [done, *counts.notes] if done else counts.notes
    return written_text(target, counts.images, counts.nuclei, detail, notes)


def _legal(dataset: Dataset, by: By, rules: Given, image_id: str) -> tuple[Sample, Tally]:
    sample = dataset.read(image_id)
    try:
        masks, tally = clean_and_count(as_instances(sample), by, **rules.method)
    except ValueError as error:
        raise DataError(f"image {image_id!r}: {error}") from None
    return replace(sample, masks=masks, names=(), label_ids=()), tally


def _samples(results: Iterator[tuple[Sample, Tally]], tallies: list[Tally]) -> Iterator[Sample]:
    for sample, tally in results:
        tallies.append(tally)
        yield sample


def _wanted_ids(dataset: Dataset, sample_submission: Path) -> list[str]:
    """Ids in the order of Kaggle's sample submission."""
    wanted = kaggle.ids_in_order(sample_submission)
    have = set(dataset.ids)
    missing = [name for name in wanted if name not in have]
    unknown = sorted(have.difference(wanted))
    if missing:
        raise DataError(
            f"{dataset.path}: {len(missing)} of the {len(wanted)} images of {sample_submission} "
            f"have no prediction: {first_ids(missing)}"
        )
    if unknown:
        raise DataError(
            f"{dataset.path}: {len(unknown)} images are not in {sample_submission}: "
            f"{first_ids(unknown)}; leave them out"
        )
    return wanted
