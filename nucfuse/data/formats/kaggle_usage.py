"""Which images of a Kaggle solution count: its column Usage says Public, Private or Ignored."""

from nucfuse.data.dataset import Dataset
from nucfuse.data.formats.kaggle import USAGE, KaggleDataset
from nucfuse.data.image_ids import first_ids
from nucfuse.errors import DataError

_IGNORED = "ignored"


def counted_images(truth: Dataset, usage: str | None = None) -> tuple[Dataset, list[str]]:
    """Leave out images that are marked Ignored, or all that are not of one usage.

    Parameters
    ----------
    truth : Dataset
        One without a column Usage, of whatever format, is left as it is.
    usage : {"Public", "Private"}, optional
        By default everything that is not ignored counts.

    Returns
    -------
    dataset : Dataset
    notes : list of str
        What was left out.

    Raises
    ------
    DataError
        If there is no such column but a usage is asked for, the rows of an image differ in it, or
        no image is left.
    """
    if not isinstance(truth, KaggleDataset) or not truth.usages:
        if usage is not None:
            raise DataError(
                f"{truth.path} has no column {USAGE}, which --usage {usage} goes by; give a Kaggle "
                "solution file that has one, or leave --usage out"
            )
        return truth, []
    usages = {name: _one_usage(truth, name) for name in truth.ids}
    if usage is None:
        kept = [name for name, found in usages.items() if found != _IGNORED]
        said = "marked Ignored"
    else:
        kept = [name for name, found in usages.items() if found == usage.lower()]
        said = f"not marked {usage}"
    n_left_out = len(usages) - len(kept)
    if not kept:
        raise DataError(f"{truth.path}: all {n_left_out} images are {said} in the column {USAGE}")
    if n_left_out == 0:
        return truth, []
    counted = set(kept)
    example = first_ids([name for name in truth.ids if name not in counted])
    note = (
        f"{truth.path.name}: {n_left_out} of {len(usages)} images do not count, {said} in its "
        f"column {USAGE}: {example}"
    )
    return truth.only(kept), [note]


def _one_usage(truth: KaggleDataset, image_id: str) -> str:
    """Return the usage of an image, in small letters."""
    found = sorted({text.strip().lower() for text in truth.usages[image_id]})
    if len(found) > 1:
        raise DataError(
            f"{truth.path}: the rows of image {image_id!r} have the {USAGE} {' and '.join(found)}; "
            "an image has one"
        )
    return found[0]
