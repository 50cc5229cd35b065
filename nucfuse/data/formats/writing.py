"""What writers share: samples with unique ids, and their masks as `Instances`."""

from collections.abc import Iterable, Iterator

from nucfuse.data.dataset import Sample
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances


def as_instances(sample: Sample) -> Instances:
    """Convert the masks of a sample; those of a label image in ascending order of their ids.

    Raises
    ------
    DataError
        If the sample is a label volume, or no label image at all.
    """
    if isinstance(sample.masks, Instances):
        return sample.masks
    if sample.masks.ndim == 3:
        raise DataError(
            f"image {sample.image_id!r} is a volume of shape {sample.masks.shape}; this format "
            "holds flat images only, write labels instead"
        )
    try:
        return Instances.from_labels(sample.masks)
    except (TypeError, ValueError) as problem:
        raise DataError(f"image {sample.image_id!r}: {problem}") from problem


def unique(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Pass samples on one by one; an id that comes twice is a DataError."""
    known: set[str] = set()
    for sample in samples:
        if sample.image_id in known:
            raise DataError(f"image id {sample.image_id!r} comes twice; ids must be unique")
        known.add(sample.image_id)
        yield sample


def unique_instances(samples: Iterable[Sample]) -> Iterator[tuple[str, Instances]]:
    """Image id and `Instances` of each sample in turn; DataError as `unique` and `as_instances`."""
    for sample in unique(samples):
        yield sample.image_id, as_instances(sample)
