"""A model over a folder of images."""

import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from nucfuse.data.dataset import Sample
from nucfuse.data.formats.image_folder import Images, open_images
from nucfuse.data.image_ids import escape_id
from nucfuse.data.io import format_of_output, write_dataset
from nucfuse.data.readers.files import is_filled
from nucfuse.errors import DataError, is_out_of_memory
from nucfuse.models.inference.settings import Inference
from nucfuse.models.load import default_model, model_names
from nucfuse.pipeline.outputs import reserved_outputs
from nucfuse.pipeline.predicted_folder import PredictedFolder
from nucfuse.pipeline.predictors import Predictor, open_predictor
from nucfuse.pipeline.running import count_nuclei, each_image, engine_name
from nucfuse.report.pictures import outlines, write_png
from nucfuse.report.predictions import PredictionReport


@attrs.frozen
class PredictOptions:
    """What `predict` takes besides its files and the settings of networks.

    Attributes
    ----------
    probabilities, overlays : Path, optional
        Folders for maps and pictures.
    overwrite : bool
        Whether label images of other models or settings in the folder are replaced.
    jobs, engine
        See `nucfuse.pipeline.running.engine_name`.
    """

    probabilities: Path | None = None
    overlays: Path | None = None
    overwrite: bool = False
    jobs: int | None = None
    engine: str | None = None


@attrs.frozen
class Job:
    """All that is done with one image."""

    source: Images
    predictor: Predictor
    options: PredictOptions
    folder: PredictedFolder | None = None

    def __call__(self, image_id: str) -> Sample | DataError:
        """Predict and write; with a folder, an error stands for this image alone."""
        try:
            image = self.source.image(image_id)
            masks = self.predictor.predict(image_id, image, self.map_of(image_id))
            sample, overlay = Sample(image_id, masks), self.overlay_of(image_id)
            if overlay is not None:
                write_png(overlay, outlines(image, masks))
            if self.folder is not None:
                self.folder.add(sample)  # the last of all: it marks the image as done
        except DataError as error:
            if self.folder is None:
                raise
            return error
        except Exception as error:
            if self.folder is None or not is_out_of_memory(error):
                raise
            return DataError("there is not enough memory for it; use fewer --jobs or smaller tiles")
        return sample

    def map_of(self, image_id: str) -> Path | None:
        """Where its probability maps go."""
        folder = self.options.probabilities
        return None if folder is None else folder / f"{escape_id(image_id)}.npz"

    def overlay_of(self, image_id: str) -> Path | None:
        """Where its picture goes."""
        folder = self.options.overlays
        return None if folder is None else folder / f"{escape_id(image_id)}.png"

    def is_done(self, image_id: str) -> bool:
        """Whether an earlier run has left all that is asked for."""
        files = (self.map_of(image_id), self.overlay_of(image_id))
        return (
            self.folder is not None
            and self.folder.has(image_id)
            and all(file is None or is_filled(file) for file in files)
        )


def predict(
    images: Path,
    out: Path,
    model: str | None = None,
    options: PredictOptions | None = None,
    settings: Inference | None = None,
) -> PredictionReport:
    """Segment every image and write the nuclei.

    Parameters
    ----------
    images, out : Path
        A folder as output grows image by image, and a second run does what is missing; a file is
        written whole or not at all.
    model : str, optional
        Name or path, see `open_predictor`; the shipped network if not given.
    options : PredictOptions
    settings : Inference
        How networks are run; the threads are chosen here.

    Raises
    ------
    DataError
        If there are no images, none can be predicted (of a file: one), or there is no such model.
    """
    options = options or PredictOptions()
    places = [out, options.probabilities, options.overlays]
    with reserved_outputs(places, [images], [None if model in model_names() else model]):
        return _predict(images, out, model or default_model(), options, settings or Inference())


def _predict(
    images: Path, out: Path, model: str, options: PredictOptions, settings: Inference
) -> PredictionReport:
    source = open_images(images)
    workers = engine_name(options.jobs, options.engine)
    threads = threads_of(options.jobs, options.engine, len(source.ids))
    settings = attrs.evolve(settings, threads=threads)
    predictor = open_predictor(model, source, settings)
    report = PredictionReport(out, format_of_output(out), predictor.name)
    job = Job(source, predictor, options)
    if report.format == "labels":
        _into_folder(job, images, workers, report)
    else:
        results = each_image(workers, job, source.ids, f"Predicting ({predictor.name})")
        write_dataset(out, _counted(results, report), report.format)
    return report


def threads_of(jobs: int | None, engine: str | None, n_images: int) -> int:
    """Cores for one image: one, as images are spread over workers, or more if they are too few."""
    if engine is not None:
        return 1
    return max(1, (jobs or len(os.sched_getaffinity(0))) // max(n_images, 1))


def _into_folder(job: Job, images: Path, workers: str, report: PredictionReport) -> None:
    ids, described = job.source.ids, job.predictor.describe()
    folder = PredictedFolder(report.out, described, ids, job.options.overwrite)
    job = attrs.evolve(job, folder=folder)
    left = [image_id for image_id in ids if not job.is_done(image_id)]
    report.kept = len(ids) - len(left)
    results = each_image(workers, job, left, f"Predicting ({report.model})")
    for image_id, result in zip(left, results, strict=True):
        if isinstance(result, DataError):
            report.failed[image_id] = str(result)
        else:
            report.images += 1
            report.nuclei += count_nuclei(result)
    if report.failed and len(report.failed) == len(ids):
        image_id, problem = next(iter(report.failed.items()))
        others = f" (and so of {len(left) - 1} others)" if len(left) > 1 else ""
        raise DataError(f"image {image_id!r}: {problem}{others}")
    counts = {"images": report.images + report.kept, "failed": report.failed}
    folder.finish(images, counts)


def _counted(results: Iterator[Sample | DataError], report: PredictionReport) -> Iterator[Sample]:
    for sample in results:
        if isinstance(sample, DataError):
            raise sample
        report.images += 1
        report.nuclei += count_nuclei(sample)
        yield sample
