"""What writers share: samples with unique ids, and their masks as `Instances`."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.dataset import Sample
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.masks.labels import LARGEST_ID


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


def unique_with_ids(
    samples: Iterable[Sample],
) -> Iterator[tuple[str, Instances, NDArray[np.int64]]]:
    """As `unique_instances`, and what each mask was in the user's label image, see `label_ids`."""
    for sample in unique(samples):
        masks = as_instances(sample)
        yield sample.image_id, masks, label_ids(sample, masks)


def label_ids(sample: Sample, masks: Instances) -> NDArray[np.int64]:
    """Return what each mask of a sample was in the user's label image; 1..N if it came from none.

    Parameters
    ----------
    sample : Sample
    masks : Instances
        Those of the sample, see `as_instances`.
    """
    if sample.label_ids:
        return np.array(sample.label_ids, np.int64)
    if isinstance(sample.masks, Instances):
        return np.arange(1, len(masks) + 1)
    first = masks.starts[masks.offsets[:-1]]  # a label image has no masks without pixels
    x, y = np.divmod(first, masks.shape[0])
    ids: NDArray[np.int64] = sample.masks[y, x].astype(np.int64)
    return ids


def read_label_ids(found: Any, n_masks: int) -> tuple[int, ...]:
    """Check the label ids that a file keeps; none if they are no N different ids above 0."""
    if not isinstance(found, list) or len(found) != n_masks:
        return ()
    good = all(type(one) is int and 0 < one <= LARGEST_ID for one in found)
    return tuple(found) if good and len(set(found)) == n_masks else ()


def own_ids(ids: NDArray[np.int64]) -> list[int] | None:
    """Return ids as a file keeps them: None if they are 1..N, which goes without saying."""
    return None if np.array_equal(ids, np.arange(1, ids.size + 1)) else ids.tolist()
