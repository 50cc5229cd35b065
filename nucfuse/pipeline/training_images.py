"""Images with truth, read for training."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.clean_truth import CleanTruth, clean_truth, report
from nucfuse.data.dataset import Dataset
from nucfuse.data.formats.image_folder import Images
from nucfuse.data.splits.near_duplicates import ImageRecord, image_record
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.training.config import TrainingConfig
from nucfuse.models.training.images import TrainingImage, training_image

_log = logging.getLogger(__name__)


def common_ids(dataset: Dataset, images: Images) -> list[str]:
    """Ids of the data set, all of which must have an image."""
    missing = [i for i in dataset.ids if i not in images]
    if missing:
        raise DataError(
            f"{len(missing)} of the {len(dataset.ids)} images of {dataset.path} are not among the "
            f"images, the first is {missing[0]!r}; give --images the folder that holds all of them"
        )
    return dataset.ids


def records_of(images: Images, ids: Sequence[str], jobs: int) -> list[ImageRecord]:
    """Read what the splits look at, of each image."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda i: image_record(i, images.image(i)), ids))


def read_images(
    dataset: Dataset, images: Images, ids: Sequence[str], config: TrainingConfig, jobs: int
) -> list[TrainingImage]:
    """Read images with their truth, cleaned as the config says; what was found is logged.

    Raises
    ------
    DataError
        If an image and its truth differ in shape.
    """
    cleans = (config.holes, config.pieces) != ("keep", "keep")

    def one(image_id: str) -> tuple[TrainingImage, CleanTruth | None]:
        masks, pixels = dataset.read(image_id).masks, images.image(image_id)
        cleaned = clean_truth(masks, config.holes, config.pieces) if cleans else None  # type: ignore[arg-type]
        labels = _labels(masks if cleaned is None else cleaned.masks)
        if pixels.shape[:2] != labels.shape:
            raise DataError(
                f"image {image_id!r} is {pixels.shape[0]} x {pixels.shape[1]}, but its truth is "
                f"{labels.shape[0]} x {labels.shape[1]}"
            )
        return training_image(image_id, pixels, labels, config.network.input), cleaned

    unique = sorted(set(ids))
    with ThreadPoolExecutor(jobs) as pool:
        read = dict(zip(unique, pool.map(one, unique), strict=True))
    found = [cleaned for _, cleaned in read.values() if cleaned is not None]
    if found:
        _log.info("truth: %s", report(found))
    return [read[i][0] for i in ids]


def _labels(masks: NDArray[Any] | Instances) -> NDArray[np.int32]:
    labels = masks.to_labels() if isinstance(masks, Instances) else masks
    # Ids as they are may be large: count nuclei from 1.
    ids, numbers = np.unique(labels, return_inverse=True)
    return (numbers.reshape(labels.shape) + (ids[0] > 0)).astype(np.int32)
