"""A model over a folder of images."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.dataset import Sample
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.data.image_ids import escape_id
from nucfuse.data.io import format_of_output, write_dataset
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.segmenter import default_model
from nucfuse.pipeline.members import Masks
from nucfuse.pipeline.predicted_folder import PredictedFolder
from nucfuse.pipeline.predictors import Predictor, open_predictor
from nucfuse.pipeline.running import check_output, count_nuclei, each_image, engine_name

# Draws the nuclei of an image into a file.
Draw = Callable[[Path, NDArray[np.uint8], Instances], None]


@dataclass(slots=True)
class Report:
    """What a run has done."""

    out: Path
    format: str
    model: str
    images: int = 0
    nuclei: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """For a person."""
        text = f"{self.out}: {self.images} images, {self.nuclei} nuclei as {self.format}, "
        text += f"by {self.model}"
        if self.kept:
            text += f"; {self.kept} more were there already"
        for image_id, problem in list(self.failed.items())[:10]:
            text += f"\nnot predicted: {image_id!r}: {problem}"
        if len(self.failed) > 10:
            text += f"\nnor were {len(self.failed) - 10} others"
        return text


@dataclass(frozen=True)
class Job:
    """All that is done with one image."""

    source: Images
    predictor: Predictor
    probabilities: Path | None = None
    overlays: Path | None = None
    draw: Draw | None = None
    folder: PredictedFolder | None = None

    def __call__(self, image_id: str) -> Sample | DataError:
        """Predict and write; with a folder, an error stands for this image alone."""
        try:
            image = self.source.image(image_id)
            sample = Sample(
                image_id, self.predictor.predict(image_id, image, self.map_of(image_id))
            )
            overlay = self.overlay_of(image_id)
            if overlay is not None and self.draw is not None:
                self.draw(overlay, image, _instances(sample.masks))
            if self.folder is not None:
                self.folder.add(sample)  # the last of all: it marks the image as done
        except DataError as error:
            if self.folder is None:
                raise
            return error
        return sample

    def map_of(self, image_id: str) -> Path | None:
        """Where its probability maps go."""
        folder = self.probabilities
        return None if folder is None else folder / f"{escape_id(image_id)}.npz"

    def overlay_of(self, image_id: str) -> Path | None:
        """Where its picture goes."""
        return None if self.overlays is None else self.overlays / f"{escape_id(image_id)}.png"

    def is_done(self, image_id: str) -> bool:
        """Whether an earlier run has left all that is asked for."""
        files = (self.map_of(image_id), self.overlay_of(image_id))
        return (
            self.folder is not None
            and self.folder.has(image_id)
            and all(file is None or file.exists() for file in files)
        )


def predict(
    images: Path, out: Path, model: str | None = None, *, probabilities: Path | None = None,
    overlays: Path | None = None, draw: Draw | None = None, overwrite: bool = False,
    jobs: int | None = None, engine: str | None = None, **settings: Any,
) -> Report:  # fmt: skip
    """Segment every image and write the nuclei.

    Parameters
    ----------
    images, out : Path
        A folder as output grows image by image, and a second run does what is missing; a file is
        written whole or not at all.
    model : str, optional
        Name or path, see `open_predictor`; the shipped network if not given.
    probabilities, overlays : Path, optional
        Folders for maps and pictures.
    draw : callable, optional
        Makes the pictures.
    overwrite : bool
        Whether label images of other models or settings in the folder are replaced.
    jobs, engine
        See `engine_name`.
    **settings
        Of `nucfuse.models.unet.runner.Inference`, for networks; None is not given.

    Raises
    ------
    DataError
        If there are no images, none can be predicted (of a file: one), or there is no such model.
    """
    for place in (out, probabilities, overlays):
        if place is not None:
            check_output(place, [images])
    source = open_images(images)
    workers = engine_name(jobs, engine)
    given = {name: value for name, value in settings.items() if value is not None}
    threads = threads_of(jobs, engine, len(source.ids))
    predictor = open_predictor(model or default_model(), source, given, threads)
    report = Report(out, format_of_output(out), predictor.name)
    job = Job(source, predictor, probabilities, overlays, draw)
    if report.format == "labels":
        _into_folder(job, out, images, overwrite, workers, report)
    else:
        results = each_image(workers, job, source.ids, f"Predicting ({predictor.name})")
        write_dataset(out, _counted(results, report), report.format)
    return report


def threads_of(jobs: int | None, engine: str | None, n_images: int) -> int:
    """Cores for one image: one, as images are spread over workers, or more if they are too few."""
    if engine is not None:
        return 1
    return max(1, (jobs or len(os.sched_getaffinity(0))) // max(n_images, 1))


def _into_folder(
    job: Job, out: Path, images: Path, overwrite: bool, workers: str, report: Report
) -> None:
    source, predictor = job.source, job.predictor
    folder = PredictedFolder(out, predictor.describe(), source.ids, overwrite)
    job = Job(source, predictor, job.probabilities, job.overlays, job.draw, folder)
    left = [image_id for image_id in source.ids if not job.is_done(image_id)]
    report.kept = len(source.ids) - len(left)
    results = each_image(workers, job, left, f"Predicting ({predictor.name})")
    for image_id, result in zip(left, results, strict=True):
        if isinstance(result, DataError):
            report.failed[image_id] = str(result)
        else:
            report.images += 1
            report.nuclei += count_nuclei(result)
    if report.failed and len(report.failed) == len(source.ids):
        image_id, problem = next(iter(report.failed.items()))
        others = f" (and so of {len(left) - 1} others)" if len(left) > 1 else ""
        raise DataError(f"image {image_id!r}: {problem}{others}")
    counts = {"images": report.images + report.kept, "failed": report.failed}
    folder.finish(images, counts)


def _counted(results: Iterator[Sample | DataError], report: Report) -> Iterator[Sample]:
    for sample in results:
        if isinstance(sample, DataError):
            raise sample
        report.images += 1
        report.nuclei += count_nuclei(sample)
        yield sample


def _instances(masks: Masks) -> Instances:
    return masks if isinstance(masks, Instances) else Instances.from_labels(masks)
