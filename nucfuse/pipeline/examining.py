"""The doctor's round: every image of a data set is looked at, and what is wrong is listed."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nucfuse.data.dataset import Dataset, Shape, ShapeOf
from nucfuse.data.doctor import Finding, Report, duplicate_images, examine
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.data.image_ids import alike
from nucfuse.data.io import open_dataset, open_sizes
from nucfuse.data.label_checks import NotLabels, checked
from nucfuse.pipeline.running import Reading, each_image


def doctor(
    path: Path, reading: Reading, truth: Path | None = None, images: Path | None = None
) -> Report:
    """Look at every image of a data set and report what is wrong with it.

    Parameters
    ----------
    path : Path
    reading : Reading
    truth, images : Path, optional
        Know the sizes of the images of a submission, and which images there must be.

    Raises
    ------
    DataError
        If a path holds no data set, or images for ``images``.
    """
    others = [open_sizes(other) for other in (truth, images) if other is not None]
    dataset = open_dataset(
        path, reading.format, _first_of(others), stack=reading.stack, skip_bad=reading.skip_bad
    )
    findings, hashes, n_nuclei = [], {}, 0
    try:
        dataset = checked(dataset, reading.labels)
    except NotLabels as problem:
        findings.append(Finding("(data set)", "not labels", 1, str(problem)))
    looked = each_image(reading.engine, partial(examine, dataset), dataset.ids, "Examining")
    for image_id, (nuclei, digest, found) in zip(dataset.ids, looked, strict=True):
        n_nuclei += nuclei
        findings += found
        if digest is not None:
            hashes[image_id] = digest
    findings += duplicate_images(hashes)
    findings += [
        Finding(one, "similar id", 1, f"differs from {other!r} only in upper and lower case")
        for one, other in alike(dataset.ids, dataset.ids)
        if one < other
    ]
    if truth is not None:
        known = open_dataset(truth, stack=reading.stack)
        findings += _compared(dataset, known.ids, others[0], "the truth")
    if images is not None:
        known_images: Images = open_images(images)
        findings += _compared(dataset, known_images.ids, others[-1], "the images")
    return Report(str(path), dataset.format, len(dataset.ids), n_nuclei, findings)


def _first_of(sources: list[ShapeOf]) -> ShapeOf | None:
    """Ask one after the other for a size."""
    if not sources:
        return None

    def shape_of(image_id: str) -> Shape | None:
        return next((found for ask in sources if (found := ask(image_id)) is not None), None)

    return shape_of


def _compared(
    dataset: Dataset, ids: list[str], shape_of: ShapeOf, others: str
) -> Iterator[Finding]:
    """Find images that are missing, that are too many, and of another size."""
    have = set(dataset.ids)
    for image_id in ids:
        if image_id not in have:
            yield Finding(image_id, "missing image", 1, f"{others} have it, this set has not")
    known = set(ids)
    for image_id in dataset.ids:
        if image_id not in known:
            yield Finding(image_id, "unknown image", 1, f"not among {others}")
            continue
        own, other = dataset.shape(image_id), shape_of(image_id)
        if own is not None and other is not None and own != other:
            detail = f"masks are {own}, {others} say {other}"
            yield Finding(image_id, "image size", 1, detail)
