"""From one format to another, a Kaggle submission, and the doctor's round."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from nucfuse.clean.overlaps import By, remove_overlaps
from nucfuse.data.dataset import Dataset, Sample, ShapeOf
from nucfuse.data.doctor import Report, duplicate_images, examine
from nucfuse.data.formats import kaggle
from nucfuse.data.formats.writing import as_instances
from nucfuse.data.image_ids import first_ids
from nucfuse.data.io import open_dataset, open_sizes, write_dataset
from nucfuse.errors import DataError
from nucfuse.pipeline.outputs import reserved_outputs
from nucfuse.pipeline.running import Reading, count_nuclei, each_image
from nucfuse.report.written import written_text


def convert(
    source: Path, target: Path, to: str, reading: Reading, sizes: Path | None = None
) -> str:
    """Write the data set ``source`` as ``target`` in another format; returns a line of report.

    Raises
    ------
    DataError
        If the input is bad, or the format cannot hold it (overlapping masks in label images).
    """
    counts = Counts()
    with reserved_outputs([target], [source], [sizes]):
        dataset = open_dataset(source, reading.format, _sizes_from(sizes))
        samples = each_image(reading.engine, dataset.read, dataset.ids, "Converting")
        write_dataset(target, counts.watch(samples), to)
    return written_text(target, counts.images, counts.nuclei, f" as {to}", counts.notes)


def submit(
    pred: Path,
    target: Path,
    reading: Reading,
    *,
    sample_submission: Path | None = None,
    sizes: Path | None = None,
    by: By = "score",
) -> str:
    """Write a legal Kaggle submission: disjoint masks, one row each; returns a line of report.

    With ``sample_submission`` the images are those of that file, in its order: an image without a
    prediction is an error, and so is one that the file does not know.

    Raises
    ------
    DataError
        If the input is bad, or the images are not those that Kaggle wants.
    """
    counts = Counts()
    with reserved_outputs([target], [pred, sample_submission], [sizes]):
        dataset = open_dataset(pred, reading.format, _sizes_from(sizes))
        ids = dataset.ids
        if sample_submission is not None:
            ids = _wanted_ids(dataset, sample_submission)
        job = partial(_legal_sample, dataset, by)
        samples = each_image(reading.engine, job, ids, "Writing")
        kaggle.write_submission(target, counts.watch(samples))
    detail = f", {counts.empty} images without"
    return written_text(target, counts.images, counts.nuclei, detail, counts.notes)


def doctor(path: Path, reading: Reading) -> Report:
    """Look at every image of a data set and report what is wrong with it."""
    dataset = open_dataset(path, reading.format)
    findings, hashes, n_nuclei = [], {}, 0
    job = partial(examine, dataset)
    looked = each_image(reading.engine, job, dataset.ids, "Examining")
    for image_id, (nuclei, digest, found) in zip(dataset.ids, looked, strict=True):
        n_nuclei += nuclei
        findings += found
        if digest is not None:
            hashes[image_id] = digest
    findings += duplicate_images(hashes)
    return Report(str(path), dataset.format, len(dataset.ids), n_nuclei, findings)


class Counts:
    """Counts images and nuclei as they stream by, and keeps their notes."""

    def __init__(self) -> None:
        self.images = self.nuclei = self.empty = 0
        self.notes: list[str] = []

    def watch(self, samples: Iterator[Sample]) -> Iterator[Sample]:
        """Count the samples as they pass."""
        for sample in samples:
            n_nuclei = count_nuclei(sample)
            self.images += 1
            self.nuclei += n_nuclei
            self.empty += not n_nuclei
            self.notes += [f"{sample.image_id}: {note}" for note in sample.notes]
            yield sample


def _sizes_from(path: Path | None) -> ShapeOf | None:
    return None if path is None else open_sizes(path)


def _legal_sample(dataset: Dataset, by: By, image_id: str) -> Sample:
    sample = dataset.read(image_id)
    nuclei = as_instances(sample)
    if nuclei.disjoint:
        return replace(sample, masks=nuclei)
    legal = remove_overlaps(nuclei, by)
    lost = int(nuclei.areas.sum() - legal.areas.sum())
    note = f"{lost} pixels lay in several masks; each went to one (by {by})"
    return replace(sample, masks=legal, names=(), notes=(*sample.notes, note))


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
