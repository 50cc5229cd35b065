"""From one format to another."""

from collections.abc import Iterator
from pathlib import Path

from nucfuse.data.dataset import Sample, ShapeOf
from nucfuse.data.io import open_sizes, write_dataset
from nucfuse.pipeline.outputs import reserved_outputs
from nucfuse.pipeline.running import Reading, count_nuclei, each_image
from nucfuse.report.written import written_text


def convert(
    source: Path, target: Path, to: str, reading: Reading, sizes: Path | None = None
) -> str:
    """Write the data set ``source`` as ``target`` in another format; returns a line of report.

    Raises
    ------
    DataError
        If the input is bad, or the format cannot hold it (overlapping masks in label images).
    """
    counts = Counts()
    with reserved_outputs([target], [source], [sizes]):
        dataset = reading.open(source, _sizes_from(sizes))
        samples = each_image(reading.engine, dataset.read, dataset.ids, "Converting")
        write_dataset(target, counts.watch(samples), to)
    return written_text(target, counts.images, counts.nuclei, f" as {to}", counts.notes)


class Counts:
    """Counts images and nuclei as they stream by, and keeps their notes."""

    def __init__(self) -> None:
        self.images = self.nuclei = self.empty = 0
        self.notes: list[str] = []

    def watch(self, samples: Iterator[Sample]) -> Iterator[Sample]:
        """Count the samples as they pass."""
        for sample in samples:
            n_nuclei = count_nuclei(sample)
            self.images += 1
            self.nuclei += n_nuclei
            self.empty += not n_nuclei
            self.notes += [f"{sample.image_id}: {note}" for note in sample.notes]
            yield sample


def _sizes_from(path: Path | None) -> ShapeOf | None:
    return None if path is None else open_sizes(path)
