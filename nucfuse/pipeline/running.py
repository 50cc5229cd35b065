"""What every step over a data set shares: workers, progress, names of sets."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from nucfuse.data.dataset import Sample
from nucfuse.engine import in_order, open_engine
from nucfuse.errors import DataError, MapError
from nucfuse.masks.instances import Instances
from nucfuse.models.inference.time_limit import graphs_stopped
from nucfuse.report.progress import with_progress

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a data set is read: its format (None: recognised), and the workers, see `engine_name`."""

    format: str | None = None
    engine: str = "serial"


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
    with open_engine(engine) as workers:
        try:
            yield from with_progress(in_order(workers, job, image_ids), len(image_ids), title)
        except KeyboardInterrupt:
            workers.shutdown(wait=False, cancel_futures=True)
            with graphs_stopped():  # else one that does not end would keep us
                workers.shutdown()
            raise


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
    >>> distinct_names([Path("a/pred"), Path("b/pred"), Path("c.csv")])
    ['a/pred', 'b/pred', 'c']
    """
    names = [path.resolve().stem or str(path) for path in paths]
    longer = [
        f"{path.resolve().parent.name}/{name}" for path, name in zip(paths, names, strict=True)
    ]
    chosen = [long if names.count(n) > 1 else n for n, long in zip(names, longer, strict=True)]
    return [c if chosen.count(c) == 1 else f"{c}#{k + 1}" for k, c in enumerate(chosen)]
