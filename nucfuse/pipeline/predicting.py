"""A model over a folder of images."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nucfuse.data.dataset import Sample
from nucfuse.data.image_folder import Images, open_images
from nucfuse.data.layouts import format_of_output, write_dataset
from nucfuse.models.base import Segmenter, get_model
from nucfuse.pipeline.running import check_output, count_nuclei, each_image, engine_name


def predict(images: Path, model: str, out: Path, *, jobs: int | None = None,
            engine: str | None = None) -> str:  # fmt: skip
    """Segment every image and write the nuclei; returns a line of report.

    Raises
    ------
    DataError
        If there are no images, one cannot be read, or no model has that name.
    """
    check_output(out, [images])
    to = format_of_output(out)
    source = open_images(images)
    segmenter = get_model(model)
    job = partial(_predict_one, source, segmenter)
    n_nuclei = 0

    def counted(samples: Iterator[Sample]) -> Iterator[Sample]:
        nonlocal n_nuclei
        for sample in samples:
            n_nuclei += count_nuclei(sample)
            yield sample

    predicted = each_image(engine_name(jobs, engine), job, source.ids, f"Predicting ({model})")
    write_dataset(out, counted(predicted), to)
    return f"{out}: {len(source.ids)} images, {n_nuclei} nuclei as {to}, by {model}"


def _predict_one(source: Images, segmenter: Segmenter, image_id: str) -> Sample:
    return Sample(image_id, segmenter.predict(source.image(image_id)))
