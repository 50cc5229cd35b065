"""What every step over a data set shares: workers, progress, names of sets."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import attrs
import numpy as np

from nucfuse.data.dataset import Dataset, Sample, ShapeOf
from nucfuse.data.io import open_dataset
from nucfuse.data.label_checks import LabelRules, checked
from nucfuse.data.readers.stack import Stack
from nucfuse.engine import in_order, open_engine
from nucfuse.errors import DataError, MapError, is_out_of_memory
from nucfuse.masks.allocation import max_pixels, set_max_pixels
from nucfuse.masks.instances import Instances
from nucfuse.models.inference.time_limit import graphs_stopped
from nucfuse.report.progress import with_progress

Result = TypeVar("Result")

# Of files that hold a prediction set.
_ENDINGS = (".csv", ".json", ".npz", ".zip", ".png", ".tif", ".tiff", ".npy", ".bmp")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a data set is read.

    Attributes
    ----------
    format : str, optional
        Recognised if not given.
    engine : str
        The workers, see `engine_name`.
    labels : LabelRules
        What is done with images whose values do not look like ids.
    skip_bad : bool
        Whether annotations of a COCO file that cannot be read are left out.
    stack : {"frames", "volume"}, optional
        What the first axis of label files that are stacks is, if they do not say it.
    """

    format: str | None = None
    engine: str = "serial"
    labels: LabelRules = field(default_factory=LabelRules)
    skip_bad: bool = False
    stack: Stack = None

    def open(self, path: Path, shape_of: ShapeOf | None = None) -> Dataset:
        """Open a data set of nuclei; see `open_dataset` and `checked` for what is refused."""
        dataset = open_dataset(
            path, self.format, shape_of, stack=self.stack, skip_bad=self.skip_bad
        )
        return checked(dataset, self.labels)


@attrs.frozen(kw_only=True)
class ReadingOptions:
    """What options of a command say of reading, one by one."""

    format_: str | None = None
    binary: Literal["components"] | None = None
    anyway: bool = False
    skip_bad: bool = False
    stack: Stack = None
    jobs: int | None = None
    engine: str | None = None

    @property
    def reading(self) -> Reading:
        """The same in one."""
        engine, labels = engine_name(self.jobs, self.engine), LabelRules(self.binary, self.anyway)
        return Reading(self.format_, engine, labels, self.skip_bad, self.stack)


def engine_name(jobs: int | None, engine: str | None) -> str:
    """Name the engine to open: as given, else threads, one per core that this process may use.

    Raises
    ------
    DataError
        If both are given.
    """
    if jobs is not None and engine is not None:
        raise DataError("give --jobs or --engine, not both")
    return engine or f"local:{jobs or len(os.sched_getaffinity(0))}"


def each_image(
    engine: str, job: Callable[[str], Result], image_ids: Sequence[str], title: str
) -> Iterator[Result]:
    """Results of ``job`` in the order of the images; commands show a progress bar on a terminal."""
    _keep_opencv_to_one_thread()
    job = partial(_within, max_pixels(), job)
    with open_engine(engine) as workers:
        try:
            yield from with_progress(in_order(workers, job, image_ids), len(image_ids), title)
        except KeyboardInterrupt:
            workers.shutdown(wait=False, cancel_futures=True)
            with graphs_stopped():  # else one that does not end would keep us
                workers.shutdown()
            raise


def _within(pixels: int, job: Callable[[str], Result], image_id: str) -> Result:
    """Do a job in a worker, which may be another process, with the memory that the user allows."""
    set_max_pixels(pixels)
    with too_large_named(image_id):
        return job(image_id)


@contextmanager
def too_large_named(image_id: str) -> Iterator[None]:
    """Make a DataError that names the image of a lack of memory."""
    try:
        yield
    except Exception as problem:
        if not is_out_of_memory(problem):
            raise
        reason = str(problem) or "it does not fit into memory; use fewer --jobs"
        raise DataError(f"image {image_id!r}: {reason}") from None


def each_good_image(
    engine: str,
    job: Callable[[str], Result],
    image_ids: Sequence[str],
    title: str,
    failed: dict[str, str],
) -> Iterator[Result]:
    """As `each_image`, but without images whose maps cannot be used: ``failed`` gets why.

    For outputs that hold each image by itself.

    Raises
    ------
    DataError
        If none is left.
    """
    results = each_image(engine, partial(_or_its_error, job), image_ids, title)
    for image_id, result in zip(image_ids, results, strict=True):
        if isinstance(result, MapError):
            failed[image_id] = str(result)
        else:
            yield result
    if failed and len(failed) == len(image_ids):
        raise DataError(next(iter(failed.values())))


def _or_its_error(job: Callable[[str], Result], image_id: str) -> Result | MapError:
    try:
        return job(image_id)
    except MapError as error:
        return error


def _keep_opencv_to_one_thread() -> None:
    """Our threads are the parallelism; OpenCV's own would only fight them."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    else:  # should a job load it: that takes long, and many a job does without
        os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")


def check_overlap(allowed: bool, format: str, out: Path) -> None:
    """Raise a DataError if overlaps are allowed, but the output cannot hold them."""
    if allowed and format in ("labels", "submission"):
        kind = "label images" if format == "labels" else "a Kaggle submission"
        raise DataError(
            f"{out}: {kind} cannot hold overlaps, which --allow-overlap leaves; write .json (COCO) "
            "or .npz"
        )


def count_nuclei(sample: Sample) -> int:
    """How many nuclei a sample has; label volumes included."""
    masks = sample.masks
    return len(masks) if isinstance(masks, Instances) else np.unique(masks[masks > 0]).size


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Name prediction sets by the last part of their path, and more where that is not enough.

    Examples
    --------
    >>> distinct_names([Path("a/pred"), Path("b/pred"), Path("c.csv"), Path("v0.4")])
    ['a/pred', 'b/pred', 'c', 'v0.4']
    """
    names = [_set_name(path.resolve()) or str(path) for path in paths]
    longer = [
        f"{path.resolve().parent.name}/{name}" for path, name in zip(paths, names, strict=True)
    ]
    chosen = [long if names.count(n) > 1 else n for n, long in zip(names, longer, strict=True)]
    return [c if chosen.count(c) == 1 else f"{c}#{k + 1}" for k, c in enumerate(chosen)]


def _set_name(path: Path) -> str:
    """Last part of a path; of a file without its ending, other dots belong to the name."""
    is_file = path.suffix.lower() in _ENDINGS and not path.is_dir()
    return path.stem if is_file else path.name
