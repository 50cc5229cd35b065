"""nucfuse's own ``.npz``: all Instances of a data set in one file, or one image's probabilities.

Both are plain ``.npz`` files: ``numpy.load(path)`` opens them, without pickles. In a data set the
member ``about`` holds JSON text (UTF-8 in a uint8 array, so that any id is safe): ``{"format":
"nucfuse instances", "version": 1, "images": [{"id", "shape": [H, W], "source_names": […],
"names": […]}, …]}``, and for image ``k`` of that list, ``k/starts``, ``k/lengths``, ``k/offsets``,
``k/scores``, ``k/sources`` and, where there are classes, ``k/classes``: the fields of `Instances`.
A probabilities file has ``about`` (``"nucfuse probabilities"``, with ``"channels"``) and
``probabilities``, float16 (C, H, W) in [0, 1].
"""

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.data.atomic import atomic_file
from nucfuse.data.dataset import Sample, Shape, ShapeOf
from nucfuse.data.readers.archive import Archive, is_zip
from nucfuse.data.readers.npy import read_npy
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

VERSION = 1

_INSTANCES, _PROBABILITIES = "nucfuse instances", "nucfuse probabilities"
_ABOUT = "about"
_DTYPES = {
    "starts": np.int64, "lengths": np.int32, "offsets": np.int64, "scores": np.float32,
    "sources": np.int32, "classes": np.int32,
}  # fmt: skip


def matches(path: Path) -> bool:
    """Whether it is a zip file with a member ``about.npy``."""
    if not path.is_file() or not is_zip(path):
        return False
    try:
        archive = Archive(path)
    except DataError:
        return path.suffix.lower() == ".npz"  # what is wrong is said when it is opened
    archive.close()
    return f"{_ABOUT}.npy" in archive


def open_dataset(path: Path, shape_of: ShapeOf | None = None) -> "NpzDataset":
    """The Instances of a data set.

    Raises
    ------
    DataError
        If it is not such a file, damaged, of a later version, or an id comes twice.
    """
    archive = Archive(path)
    about = _about(archive, _INSTANCES)
    entries = about.get("images")
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise DataError(f"{path}: its list of images is damaged")
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
        """The Instances of one image, as they were written; raises DataError."""
        k = self.number[image_id]
        entry = self.entries[k]
        try:
            masks = _instances(self.archive, k, entry)
        except DataError as problem:
            raise DataError(f"{self.path}: image {image_id!r}: {problem}") from problem
        return Sample(image_id, masks, tuple(entry["names"]))

    def shape(self, image_id: str) -> Shape | None:
        """Height and width."""
        height, width = self.entries[self.number[image_id]]["shape"]
        return height, width

    def image(self, image_id: str) -> NDArray[np.uint8] | None:
        """None: there are masks only."""
        return None


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Write the masks of all samples into one file, image by image, so that memory stays small.

    Label images become Instances: their ids are numbered 1..N in ascending order.

    Raises
    ------
    DataError
        If an id comes twice, a sample is a volume, or the file cannot be written.
    """
    entries: list[dict[str, Any]] = []
    seen: set[str] = set()
    with atomic_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for sample in samples:
            if sample.image_id in seen:
                raise DataError(f"{path}: image {sample.image_id!r} comes twice; nothing written")
            seen.add(sample.image_id)
            entries.append(_add_instances(archive, len(entries), sample))
        _add_about(archive, _INSTANCES, {"images": entries})


def read_probabilities(path: Path) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Probability maps of one image.

    Returns
    -------
    probabilities : ndarray of float32, shape (C, H, W)
        In [0, 1].
    channels : tuple of str
        What each channel is, such as "nucleus" or "border".

    Raises
    ------
    DataError
        If it is not such a file or damaged, or a value is NaN, infinite or outside of [0, 1].
    """
    archive = Archive(path)
    about = _about(archive, _PROBABILITIES)
    values = _array(archive, "probabilities")
    archive.close()
    channels = about.get("channels")
    if not isinstance(channels, list) or not all(isinstance(c, str) for c in channels):
        raise DataError(f"{path}: its list of channels is damaged")
    return _checked_probabilities(values, channels, str(path)), tuple(channels)


def write_probabilities(path: Path, probabilities: ArrayLike, channels: Sequence[str]) -> None:
    """Write probability maps (C, H, W) in [0, 1] as float16 (steps of 0.0005 near 1).

    Raises
    ------
    DataError
        If a value is NaN, infinite or outside of [0, 1], there is not one name per channel, or the
        file cannot be written.
    """
    values = _checked_probabilities(np.asarray(probabilities), channels, "probabilities")
    with atomic_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        _add_array(archive, "probabilities", values.astype(np.float16))
        _add_about(archive, _PROBABILITIES, {"channels": list(channels)})


def _checked_probabilities(
    values: NDArray[Any], channels: Sequence[str], where: str
) -> NDArray[np.float32]:
    if values.ndim != 3 or values.dtype.kind not in "fiub" or values.size == 0:
        raise DataError(
            f"{where}: expected numbers of shape (C, H, W), got {values.dtype} {values.shape}"
        )
    if len(channels) != len(values):
        raise DataError(f"{where}: {len(values)} channels need as many names, got {len(channels)}")
    # Written so that NaN fails too.
    if not (values.min() >= 0 and values.max() <= 1):
        raise DataError(
            f"{where}: probabilities must lie in [0, 1], got {values.min()} to {values.max()}; "
            "apply the sigmoid, or divide by 255"
        )
    return values.astype(np.float32)


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


def _about(archive: Archive, kind: str) -> dict[str, Any]:
    if f"{_ABOUT}.npy" not in archive:
        raise DataError(f"{archive.path}: not written by nucfuse (it has no member {_ABOUT!r})")
    try:
        about = json.loads(_array(archive, _ABOUT).tobytes())
    except DataError:
        raise
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{archive.path}: its member {_ABOUT!r} is damaged: {problem}") from None
    if not isinstance(about, dict) or about.get("format") != kind:
        found = about.get("format") if isinstance(about, dict) else about
        raise DataError(f"{archive.path}: expected a file of {kind}, got {found!r:.60}")
    if about.get("version") != VERSION:
        raise DataError(
            f"{archive.path}: format version {about.get('version')!r:.20}; this nucfuse reads "
            f"version {VERSION}; update nucfuse"
        )
    return about


def _array(archive: Archive, name: str) -> NDArray[Any]:
    try:
        return read_npy(archive.read(f"{name}.npy"))
    except DataError as problem:
        raise DataError(f"{archive.path}: {name}: {problem}") from problem


def _instances(archive: Archive, k: int, entry: dict[str, Any]) -> Instances:
    arrays = {name: _field(archive, k, name) for name in _DTYPES if name != "classes"}
    classes = _field(archive, k, "classes") if f"{k}/classes.npy" in archive else None
    sources, source_names = arrays["sources"], tuple(entry["source_names"])
    try:
        masks = Instances.from_runs(
            entry["shape"], arrays["starts"], arrays["lengths"], arrays["offsets"],
            scores=arrays["scores"], classes=classes,
        )  # fmt: skip
    except ValueError as problem:
        raise DataError(str(problem)) from problem
    if sources.size != len(masks) or ((sources < 0) | (sources >= len(source_names))).any():
        raise DataError("its sources are damaged")
    return replace(masks, sources=sources, source_names=source_names)


def _field(archive: Archive, k: int, name: str) -> NDArray[Any]:
    array = _array(archive, f"{k}/{name}")
    if array.ndim != 1 or array.dtype != _DTYPES[name]:
        raise DataError(f"its {name} are damaged: {array.dtype} of shape {array.shape}")
    return array


def _add_instances(archive: zipfile.ZipFile, k: int, sample: Sample) -> dict[str, Any]:
    masks = sample.masks
    if not isinstance(masks, Instances):
        try:
            masks = Instances.from_labels(masks)
        except (ValueError, TypeError) as problem:
            raise DataError(f"image {sample.image_id!r}: {problem}") from problem
    for name in _DTYPES:
        values = getattr(masks, name)
        if values is not None:
            _add_array(archive, f"{k}/{name}", values)
    return {
        "id": sample.image_id, "shape": list(masks.shape),
        "source_names": list(masks.source_names), "names": list(sample.names),
    }  # fmt: skip


def _add_about(archive: zipfile.ZipFile, kind: str, rest: dict[str, Any]) -> None:
    text = json.dumps({"format": kind, "version": VERSION, **rest})
    _add_array(archive, _ABOUT, np.frombuffer(text.encode("ascii"), np.uint8))


def _add_array(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    content = io.BytesIO()
    np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
    # No time of writing, so that the same data give the same file.
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(member, content.getbuffer())
