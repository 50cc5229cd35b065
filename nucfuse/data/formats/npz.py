"""nucfuse's own ``.npz`` of nuclei: the Instances of a data set in one file.

The member ``about`` holds ``{"format": "nucfuse instances", "version": 1, "images": [{"id",
"shape": [H, W], "source_names": […], "names": […]}, …]}`` (and "label_ids", if they came from label
images whose ids are not 1..N), and for image ``k`` of that list there are ``k/starts``,
``k/lengths``, ``k/offsets``, ``k/scores``, ``k/sources`` and, where there are classes,
``k/classes``: the fields of `Instances`.
"""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.dataset import Sample, Shape, ShapeOf
from nucfuse.data.formats.writing import as_instances, label_ids, own_ids, read_label_ids, unique
from nucfuse.data.readers.archive import Archive
from nucfuse.data.readers.npz import (
    check_members,
    is_ours,
    read_about,
    read_array,
    write_about,
    write_array,
)
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

_KIND = "nucfuse instances"
_DTYPES = {
    "starts": np.int64,
    "lengths": np.int32,
    "offsets": np.int64,
    "scores": np.float32,
    "sources": np.int32,
    "classes": np.int32,
}


def matches(path: Path) -> bool:
    """Whether it is a zip file with a member ``about.npy``."""
    return is_ours(path)


def open_dataset(path: Path, shape_of: ShapeOf | None = None) -> "NpzDataset":
    """Open the Instances of a data set.

    Raises
    ------
    DataError
        If it is not such a file, damaged, of a later version, or an id comes twice.
    """
    archive = Archive(path)
    entries = read_about(archive, _KIND).get("images")
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise DataError(f"{path}: its list of images is damaged")
    known = {f"{k}/{name}" for k in range(len(entries)) for name in _DTYPES}
    check_members(archive, known)
    number = {entry["id"]: k for k, entry in enumerate(entries)}
    if len(number) < len(entries):
        raise DataError(f"{path}: an image id comes twice in it")
    return NpzDataset(path, sorted(number), archive, entries, number)


@dataclass(frozen=True)
class NpzDataset:
    """Instances by image id; see `Dataset`."""

    path: Path
    ids: list[str]
    archive: Archive = field(repr=False)
    entries: list[dict[str, Any]] = field(repr=False)
    number: dict[str, int] = field(repr=False)
    format: str = "npz"

    def read(self, image_id: str) -> Sample:
        """Read the Instances of one image, as they were written; raises DataError."""
        k = self._number(image_id)
        entry = self.entries[k]
        try:
            masks = _instances(self.archive, k, entry)
        except DataError as problem:
            raise DataError(f"{self.path}: image {image_id!r}: {problem}") from problem
        ids = read_label_ids(entry.get("label_ids"), len(masks))
        return Sample(image_id, masks, tuple(entry["names"]), label_ids=ids)

    def shape(self, image_id: str) -> Shape | None:
        """Height and width."""
        height, width = self.entries[self._number(image_id)]["shape"]
        return height, width

    def image(self, image_id: str) -> NDArray[np.uint8] | None:
        """None: there are masks only."""
        return None

    def _number(self, image_id: str) -> int:
        if image_id not in self.number:
            raise DataError(f"{self.path} has no image {image_id!r}")
        return self.number[image_id]


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Write the masks of all samples into one file, image by image, so that memory stays small.

    Label images become Instances in ascending order of their ids, which are kept as ``label_ids``.

    Raises
    ------
    DataError
        If an id comes twice, a sample is a volume, or the file cannot be written.
    """
    entries: list[dict[str, Any]] = []
    with atomic_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for sample in unique(samples):
            entries.append(_write_instances(archive, len(entries), sample))
        write_about(archive, _KIND, {"images": entries})


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        return False
    shape, texts = entry.get("shape"), (entry.get("source_names"), entry.get("names"))
    return (
        isinstance(shape, list)
        and len(shape) == 2
        and all(type(n) is int for n in shape)
        and all(isinstance(t, list) and all(isinstance(s, str) for s in t) for t in texts)
    )


def _instances(archive: Archive, k: int, entry: dict[str, Any]) -> Instances:
    arrays = {name: _field(archive, k, name) for name in _DTYPES if name != "classes"}
    classes = _field(archive, k, "classes") if f"{k}/classes.npy" in archive else None
    sources, source_names = arrays["sources"], tuple(entry["source_names"])
    runs = arrays["starts"], arrays["lengths"], arrays["offsets"]
    try:
        masks = Instances.from_runs(entry["shape"], *runs, scores=arrays["scores"], classes=classes)
    except ValueError as problem:
        raise DataError(str(problem)) from problem
    if sources.size != len(masks) or ((sources < 0) | (sources >= len(source_names))).any():
        raise DataError("its sources are damaged")
    return replace(masks, sources=sources, source_names=source_names)


def _field(archive: Archive, k: int, name: str) -> NDArray[Any]:
    array = read_array(archive, f"{k}/{name}")
    if array.ndim != 1 or array.dtype != _DTYPES[name]:
        raise DataError(f"its {name} are damaged: {array.dtype} of shape {array.shape}")
    return array


def _write_instances(archive: zipfile.ZipFile, k: int, sample: Sample) -> dict[str, Any]:
    """Write the arrays of one image; its entry in the list of images."""
    masks = as_instances(sample)
    for name in _DTYPES:
        values = getattr(masks, name)
        if values is not None:
            write_array(archive, f"{k}/{name}", values)
    ids = own_ids(label_ids(sample, masks))
    return {
        "id": sample.image_id,
        "shape": list(masks.shape),
        "source_names": list(masks.source_names),
        "names": list(sample.names),
        **({} if ids is None else {"label_ids": ids}),
    }
