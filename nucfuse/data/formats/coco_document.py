"""COCO JSON checked and sorted by image, masks not yet decoded.

Everything is looked at before the first mask is read, so that a faulty file fails as a whole.
"""

import json
import reprlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucfuse.data.dataset import Shape
from nucfuse.data.image_ids import id_of_file
from nucfuse.errors import DataError
from nucfuse.masks.rle import check_shape

_LARGEST_FLOAT32 = 3.4028234e38


@dataclass(frozen=True, slots=True)
class Annotation:
    """One mask: RLE {"size", "counts"} or a list of polygons, and what else is known of it."""

    name: str
    segmentation: Any
    score: float | None
    category: int | None
    area: float | None
    is_crowd: bool
    label: Any = None  # the id in the label image that it came from, as nucfuse writes it


@dataclass(slots=True)
class Image:
    """One image: its size if the file has it, its masks, and its place among the file's ids."""

    shape: Shape | None
    annotations: list[Annotation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    place: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """Images by id; ids of the file -> ids of ours, where they differ; whether classes matter.

    ``has_classes``: there are several categories. ``has_categories``: every annotation has one.
    """

    images: dict[str, Image]
    aliases: dict[str, str]
    has_classes: bool
    has_categories: bool
    numbered: bool

    @classmethod
    def of(
        cls, path: Path, images: dict[str, Image], aliases: dict[str, str], n_categories: int,
        numbered: bool,
    ) -> "Document":  # fmt: skip
        """From the images and the number of categories that the file lists."""
        found = [one.category for image in images.values() for one in image.annotations]
        has_classes = _has_classes(path, images, n_categories)
        return cls(images, aliases, has_classes, None not in found, numbered)


def load(path: Path, skip_bad: bool = False) -> Document:
    """Read a COCO document or a bare result list; see `coco.open_dataset` for the rules.

    With ``skip_bad``, annotations that break one are left out, and their images say so.

    Raises
    ------
    DataError
        If it is no JSON or breaks a rule; names the annotations.
    """
    document = _json(path)
    if isinstance(document, list):
        return _result_list(path, document, skip_bad)
    if not isinstance(document, dict):
        raise DataError(f"{path} must hold a COCO document or a list of results{_got(document)}")
    for name in ("images", "annotations"):
        if not isinstance(document.get(name), list):
            raise DataError(
                f"{path} needs a list {name!r}; a COCO document has images, annotations, categories"
            )
    images, keys = _images(path, document["images"])
    bad = _Bad(path, "annotation", skip_bad)
    for name, entry, key in _entries(path, document["annotations"], "annotation"):
        if key not in keys:
            raise DataError(f"{path}, {name}: image_id {key!r:.40} is not among the images")
        bad.add_to(images[keys[key]], name, entry)
    bad.check()
    aliases = {key: name for key, name in keys.items() if key != name}
    categories = document.get("categories")
    n_categories = len(categories) if isinstance(categories, list) else 0
    return Document.of(path, images, aliases, n_categories, False)


def _result_list(path: Path, results: list[Any], skip_bad: bool) -> Document:
    if not results:
        raise DataError(f"{path} is an empty list; a result list has an entry for every mask")
    images: dict[str, Image] = {}
    bad = _Bad(path, "result", skip_bad)
    for name, entry, key in _entries(path, results, "result"):
        bad.add_to(images.setdefault(key, Image(None)), name, entry)
    bad.check()
    numbers = all(type(entry["image_id"]) is int for entry in results)
    _place(images, numbers)
    return Document.of(path, images, {}, 0, True)


@dataclass(slots=True)
class _Bad:
    """Adds annotations to their images, and collects those that break a rule."""

    path: Path
    kind: str
    skip: bool
    names: list[str] = field(default_factory=list)
    first: str = ""

    def add_to(self, image: Image, name: str, entry: dict[str, Any]) -> None:
        """Add one annotation, or keep why it cannot be."""
        try:
            _add(self.path, image, name, entry)
        except DataError as problem:
            self.names.append(name)
            self.first = self.first or str(problem)
            if self.skip:
                said = str(problem).removeprefix(f"{self.path}, ")
                image.notes.append(f"left out (--skip-bad): {said}")

    def check(self) -> None:
        """Raise a DataError that counts those that broke a rule, unless they are skipped."""
        if self.skip or not self.names:
            return
        n = len(self.names)
        if n == 1:
            raise DataError(f"{self.first}. --skip-bad leaves the {self.kind} out")
        names = ", ".join(self.names[:10]) + (f" and {n - 10} more" if n > 10 else "")
        raise DataError(
            f"{self.path}: {n} {self.kind}s cannot be used: {names}. The first: {self.first}. "
            "--skip-bad leaves all of them out"
        )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as problem:
        raise DataError(f"cannot read {path}: {problem.strerror or problem}") from problem
    except RecursionError as problem:
        raise DataError(f"{path} is nested too deeply for a COCO file") from problem
    except ValueError as problem:  # not JSON, not UTF-8, or a number of thousands of digits
        raise DataError(f"{path} is no valid JSON, perhaps cut off: {problem}") from problem


def _got(value: Any) -> str:
    return f", got {type(value).__name__} {reprlib.repr(value)}"  # of any size and depth


def _key(where: str, name: str, entry: dict[str, Any]) -> str:
    """Return an id as text: 1 and "1" are the same id."""
    value = entry.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise DataError(f"{where}: {name} must be a whole number or a text{_got(value)}")
    return str(value)


def _images(path: Path, entries: list[Any]) -> tuple[dict[str, Image], dict[str, str]]:
    """Images by our id, and the file's id -> ours."""
    if not entries:
        raise DataError(f"{path} lists no images")
    found: dict[str, tuple[str, Image]] = {}
    for index, entry in enumerate(entries):
        where = f"{path}, images[{index}]"
        if not isinstance(entry, dict):
            raise DataError(f"{where} must be an object{_got(entry)}")
        key = _key(where, "id", entry)
        if key in found:
            raise DataError(f"{where}: the image id {key!r:.40} comes twice")
        file_name = entry.get("file_name")
        name = id_of_file(file_name) if file_name and isinstance(file_name, str) else key
        found[key] = name, Image(_entry_shape(where, entry))
    numbers = all(type(entry["id"]) is int for entry in entries)
    _place({key: image for key, (_, image) in found.items()}, numbers)
    counts = Counter(name for name, _ in found.values())
    if len(counts) == len(found):
        return dict(found.values()), {key: name for key, (name, _) in found.items()}
    for name, image in found.values():
        if counts[name] > 1:
            image.notes.append(f"several images have the file name {name!r}: all go by their id")
    return {key: image for key, (_, image) in found.items()}, {key: key for key in found}


def _place(images: dict[str, Image], numbers: bool) -> None:
    """Give images their places in the order of the file's ids, numbers or texts."""
    for place, key in enumerate(sorted(images, key=int if numbers else str)):
        images[key].place = place


def _entry_shape(where: str, entry: dict[str, Any]) -> Shape | None:
    if entry.get("height") is None and entry.get("width") is None:
        return None
    return _shape(where, "height, width", [entry.get("height"), entry.get("width")])


def _shape(where: str, name: str, size: Any) -> Shape:
    if not isinstance(size, list) or len(size) != 2 or any(type(n) is not int for n in size):
        raise DataError(f"{where}: {name} must be two whole numbers{_got(size)}")
    try:
        return check_shape(size)
    except ValueError as problem:
        raise DataError(f"{where}: {problem}") from problem


def _entries(path: Path, entries: list[Any], kind: str) -> Iterator[tuple[str, Any, str]]:
    """Name, content and image id (as text) of each annotation."""
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        name = f"{kind} at index {index}"
        if not isinstance(entry, dict):
            raise DataError(f"{path}, {name} must be an object{_got(entry)}")
        # Results need no ids, and some tools give all of them the same.
        if kind == "annotation" and "id" in entry:
            key = _key(f"{path}, {name}", "id", entry)
            if key in seen:
                raise DataError(f"{path}, {name}: annotation id {key!r:.40} comes twice")
            seen.add(key)
            name = f"annotation {key:.40}"
        yield name, entry, _key(f"{path}, {name}", "image_id", entry)


def _add(path: Path, image: Image, name: str, entry: dict[str, Any]) -> None:
    """One checked annotation into its image."""
    where = f"{path}, {name}"
    crowd = entry.get("iscrowd", 0)
    if crowd not in (0, 1, None):
        raise DataError(f"{where}: iscrowd must be 0 or 1{_got(crowd)}")
    if crowd:
        image.notes.append(
            f"{name} is left out: it is a crowd region (iscrowd 1), not one nucleus. coco_ap does "
            "not count what is found in it; for all other scores that is spurious"
        )
    size = _segmentation_size(where, entry)
    if size is not None:
        image.shape = image.shape or size
        if size != image.shape:
            swapped = "; height and width may be swapped" if size == image.shape[::-1] else ""
            raise DataError(
                f"{where}: its RLE is for {size[0]} x {size[1]} pixels, but the image has "
                f"{image.shape[0]} x {image.shape[1]}{swapped}"
            )
    about = _score(where, entry), _category(where, entry), _area(where, entry)
    annotation = Annotation(name, entry["segmentation"], *about, bool(crowd), entry.get("label"))
    image.annotations.append(annotation)


def _segmentation_size(where: str, entry: dict[str, Any]) -> Shape | None:
    """Check the form of a segmentation; its image size if it is RLE."""
    segmentation = entry.get("segmentation")
    if not segmentation:
        what = "a box but no mask" if "bbox" in entry else "no mask"
        raise DataError(f"{where} has {what}: the field 'segmentation' is missing or empty")
    if isinstance(segmentation, dict):
        counts = segmentation.get("counts")
        numbers = isinstance(counts, list) and all(type(count) is int for count in counts)
        if not (isinstance(counts, str) or numbers):
            raise DataError(f"{where}: 'counts' must be a text or whole numbers{_got(counts)}")
        return _shape(where, "'size' of the RLE", segmentation.get("size"))
    if not isinstance(segmentation, list):
        raise DataError(f"{where}: segmentation must be RLE or polygons{_got(segmentation)}")
    for ring in segmentation:
        if not isinstance(ring, list):
            raise DataError(f"{where}: polygons must be lists in a list [[x0, y0, …]]{_got(ring)}")
    return None


def _score(where: str, entry: dict[str, Any]) -> float | None:
    score = entry.get("score")
    if score is None:
        return None
    # Written so that NaN fails, and compared as it is, as an int may be too large for a float.
    if type(score) not in (int, float) or not abs(score) <= _LARGEST_FLOAT32:
        raise DataError(f"{where}: score must be a finite number{_got(score)}")
    return float(score)


def _area(where: str, entry: dict[str, Any]) -> float | None:
    area = entry.get("area")
    if area is None:
        return None
    if type(area) not in (int, float) or not abs(area) <= _LARGEST_FLOAT32:
        raise DataError(f"{where}: area must be a finite number of pixels{_got(area)}")
    return float(area)


def _category(where: str, entry: dict[str, Any]) -> int | None:
    category = entry.get("category_id")
    if category is not None and (type(category) is not int or abs(category) >= 2**31):
        raise DataError(f"{where}: category_id must be a whole number (32 bits){_got(category)}")
    return category


def _has_classes(path: Path, images: dict[str, Image], n_categories: int) -> bool:
    """Whether there are several categories; then every annotation must have one."""
    all_annotations = [one for image in images.values() for one in image.annotations]
    found = {one.category for one in all_annotations if not one.is_crowd} - {None}
    if max(len(found), n_categories) < 2:
        return False
    for one in all_annotations:
        if one.category is None:
            raise DataError(f"{path}, {one.name}: needs a category_id, as there are several")
    return True
