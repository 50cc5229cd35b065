"""Kaggle CSV: one row per nucleus, ``ImageId,EncodedPixels[,Height,Width,…]``.

A solution file has the image sizes, a submission has none. Ids stay as written. Rows are numbered
as in a spreadsheet: the header is row 1.
"""

import csv
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.dataset import Sample, Shape, ShapeOf
from nucfuse.data.formats.writing import unique_instances
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.masks.rle import RLEError, check_shape

ID, PIXELS, HEIGHT, WIDTH = COLUMNS = ("ImageId", "EncodedPixels", "Height", "Width")
# What a row of a solution is for: "Public" or "Private" leaderboard, or "Ignored".
USAGE = "Usage"

# One nucleus of a large image can be megabytes of text; csv stops at 131,072 characters by itself.
_LONGEST_FIELD = 2**31 - 1
_limit_lock = threading.Lock()
# pandas writes whole numbers as 256.0 where a column had gaps.
_WHOLE_NUMBER = re.compile(r"\s*([0-9]{1,18})(?:\.0*)?\s*")


@dataclass(slots=True)
class _Image:
    """What the file says about one image, not yet parsed."""

    sizes: tuple[str, ...]  # height and width as written in the first row; () in a submission
    shape: Shape | None
    rows: list[tuple[int, str]] = field(default_factory=list)  # number and RLE
    usages: tuple[str, ...] = ()  # all that the column Usage says of it


class KaggleDataset:
    """The nuclei in a Kaggle CSV; see `open_dataset`.

    Attributes
    ----------
    usages : dict of str to tuple of str
        What the column Usage says of each image; empty without such a column.
    """

    format = "kaggle"

    def __init__(self, path: Path, images: dict[str, _Image], shape_of: ShapeOf | None) -> None:
        self.path = path
        self.ids = sorted(images)
        self.usages = {name: image.usages for name, image in images.items() if image.usages}
        self._images = images
        self._shape_of = shape_of

    def read(self, image_id: str) -> Sample:
        """Read the nuclei of one image, named "row N".

        Raises
        ------
        DataError
            If the id is unknown, no size is known, or an RLE breaks a rule.
        """
        image = self._image(image_id)
        shape = self.shape(image_id)
        if shape is None:
            raise DataError(
                f"{self.path} (image {image_id!r}): without the columns {HEIGHT} and {WIDTH} the "
                "image sizes must come from elsewhere; give the truth or the images with it"
            )
        filled = [(row, text) for row, text in image.rows if text and not text.isspace()]
        try:
            masks = Instances.from_rle([text for _, text in filled], shape, "kaggle")
        except RLEError as problem:
            raise DataError(
                f"{self.path}, row {filled[problem.mask][0]} (image {image_id!r}): {problem.reason}"
            ) from problem
        names = tuple(f"row {row}" for row, _ in filled)
        return Sample(image_id, masks, names, (*_notes(image), *_wrap_note(masks)))

    def shape(self, image_id: str) -> Shape | None:
        """Height and width as the file says, or else as ``shape_of`` says."""
        image = self._image(image_id)
        if image.shape is None and self._shape_of is not None:
            return self._shape_of(image_id)
        return image.shape

    def image(self, image_id: str) -> None:
        """None: the file holds no images."""

    def only(self, image_ids: Iterable[str]) -> "KaggleDataset":
        """Keep some of the images."""
        return KaggleDataset(self.path, {i: self._images[i] for i in image_ids}, self._shape_of)

    def _image(self, image_id: str) -> _Image:
        if image_id not in self._images:
            raise DataError(f"{self.path} has no image {image_id!r}")
        return self._images[image_id]


def matches(path: Path) -> bool:
    """Whether a path is a CSV file by its name; `open_dataset` looks inside."""
    return path.suffix.lower() == ".csv" and path.is_file()


def open_dataset(path: Path, shape_of: ShapeOf | None = None) -> KaggleDataset:
    """Open a Kaggle CSV: a solution (with sizes) or a submission (without).

    Everything is read once and kept as text; RLE is parsed by `KaggleDataset.read`.

    Parameters
    ----------
    path : Path
        UTF-8, with or without BOM, any line ends, columns in any order; others are ignored. An
        image without nuclei has one row with an empty EncodedPixels.
    shape_of : callable, optional
        Image id -> (height, width) or None; asked where the file has no sizes.

    Raises
    ------
    DataError
        If the file cannot be read or is empty, the header or an id is missing, a row has too few
        or too many fields, or a size is no whole number from 1 or differs within an image.
    """
    try:
        with _long_fields(), path.open(encoding="utf-8-sig", newline="") as file:
            images = _scan(path, csv.reader(file, strict=True))
    except OSError as problem:
        raise DataError(f"cannot read {path}: {problem.strerror or problem}") from problem
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not UTF-8 text; save it as CSV in UTF-8") from problem
    if not images:
        raise DataError(f"{path} has a header but no rows; there must be one row per nucleus")
    return KaggleDataset(path, images, shape_of)


def ids_in_order(path: Path) -> list[str]:
    """Image ids as they first come in the file: the order of a sample submission."""
    return list(open_dataset(path)._images)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lift the limit on field lengths, which the csv module keeps for the whole process."""
    with _limit_lock:
        before = csv.field_size_limit(_LONGEST_FIELD)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _scan(path: Path, reader: Iterator[list[str]]) -> dict[str, _Image]:
    """All rows by image."""
    images: dict[str, _Image] = {}
    row = 0
    places: list[int] = []
    usage_place = None
    n_fields = 0
    try:
        for row, fields in enumerate(reader, 1):
            if not fields:  # a blank line
                continue
            if not places:
                places, n_fields = _places(path, fields), len(fields)
                usage_place = _usage_place(fields)
                continue
            if len(fields) != n_fields:
                fields = _without_blank_end(f"{path}, row {row}", fields, n_fields)
            image_id, text, *sizes = [fields[place] for place in places]
            image = images.get(image_id)
            if image is None:
                image = images[image_id] = _new_image(f"{path}, row {row}", image_id, sizes)
            elif image.sizes != tuple(sizes):
                _check_same_size(f"{path}, row {row} (image {image_id!r})", image, sizes)
            image.rows.append((row, text))
            if usage_place is not None and fields[usage_place] not in image.usages:
                image.usages += (sys.intern(fields[usage_place]),)
    except csv.Error as problem:
        raise DataError(f"{path}, row {row + 1}: {problem}; is it a CSV file?") from problem
    if not places:
        raise DataError(f"{path} is empty; a Kaggle CSV begins with the header {ID},{PIXELS}")
    return images


def _places(path: Path, header: Sequence[str]) -> list[int]:
    """Where the id, the RLE and (if there) height and width stand in a row."""
    names = [name.strip() for name in header]
    missing = [name for name in (ID, PIXELS) if name not in names]
    if len({HEIGHT, WIDTH} & set(names)) == 1:
        missing.append(WIDTH if HEIGHT in names else HEIGHT)
    if missing:
        found = ", ".join(names)
        hint = "; separate columns by commas" if re.search(r"[;\t]", found) else ""
        raise DataError(
            f"{path} has no column {' and no column '.join(missing)}; a Kaggle CSV has the header "
            f"{ID},{PIXELS} (and {HEIGHT},{WIDTH} for sizes), got {found[:200]!r}{hint}"
        )
    wanted = COLUMNS if HEIGHT in names else (ID, PIXELS)
    for name in wanted:
        if names.count(name) > 1:
            raise DataError(f"{path} has {names.count(name)} columns {name}; there must be one")
    return [names.index(name) for name in wanted]


def _usage_place(header: Sequence[str]) -> int | None:
    return next((k for k, name in enumerate(header) if name.strip() == USAGE), None)


def _without_blank_end(where: str, fields: list[str], n_fields: int) -> list[str]:
    """Cut off the empty fields that spreadsheets leave at the end of a row."""
    if len(fields) < n_fields or any(extra.strip() for extra in fields[n_fields:]):
        raise DataError(
            f"{where} has {len(fields)} fields, but the header has {n_fields}; put fields that "
            "contain a comma in quotes"
        )
    return fields[:n_fields]


def _new_image(where: str, image_id: str, sizes: list[str]) -> _Image:
    if not image_id:
        raise DataError(f"{where} has an empty {ID}")
    return _Image(tuple(sizes), _shape(f"{where} (image {image_id!r})", sizes) if sizes else None)


def _shape(where: str, sizes: Sequence[str]) -> Shape:
    numbers = []
    for name, text in zip((HEIGHT, WIDTH), sizes, strict=True):
        match = _WHOLE_NUMBER.fullmatch(text)
        if match is None or int(match[1]) == 0:
            raise DataError(f"{where}: {name} must be a whole number from 1, got {text[:40]!r}")
        numbers.append(int(match[1]))
    try:
        return check_shape(numbers)
    except ValueError as problem:
        raise DataError(f"{where}: {problem}") from problem


def _check_same_size(where: str, image: _Image, sizes: Sequence[str]) -> None:
    shape = _shape(where, sizes)
    if shape != image.shape:
        raise DataError(
            f"{where}: the image has (height, width) {shape} here, but {image.shape} in row "
            f"{image.rows[0][0]}; an image has one size"
        )


def _notes(image: _Image) -> Iterator[str]:
    """Oddities of the rows of one image that are no errors."""
    first: dict[str, int] = {}
    for row, text in image.rows:
        if first.setdefault(text, row) != row:
            yield f"rows {first[text]} and {row} are identical"
    empty = [row for row, text in image.rows if not text or text.isspace()]
    if empty and len(empty) < len(image.rows):
        yield f"row {empty[0]} says that there are no nuclei, but other rows of the image hold some"


def _wrap_note(masks: Instances) -> Iterator[str]:
    """Whether height and width seem swapped.

    Every RLE that fits H x W fits W x H too, but with the wrong height runs go on from the bottom
    of a column to the top of the next, which real nuclei do only if they are as tall as the image.
    """
    height, width = masks.shape
    last = masks.starts + masks.lengths - 1
    wraps = np.count_nonzero(masks.starts // height != last // height)
    if wraps and height != width and (masks.starts // width == last // width).all():
        yield (
            f"{wraps} runs go on from the bottom of a column to the top of the next; none would if "
            f"the image had {width} rows and {height} columns: height and width may be swapped, or "
            "the RLE may run along rows instead of down columns"
        )


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Write a solution file: ``ImageId,EncodedPixels,Height,Width``.

    One row per nucleus, in order; an image without nuclei has one row with an empty EncodedPixels,
    so masks without pixels are left out. Scores, classes and names are not kept.

    Raises
    ------
    DataError
        If an id comes twice or is empty, a sample is a label volume, or the disk refuses.
    """
    _write(path, samples, True)


def write_submission(path: Path, samples: Iterable[Sample]) -> None:
    """Write a submission, ``ImageId,EncodedPixels``, as `write` does; Kaggle rejects overlaps."""
    _write(path, samples, False)


def _write(path: Path, samples: Iterable[Sample], with_sizes: bool) -> None:
    columns = COLUMNS if with_sizes else COLUMNS[:2]
    with atomic_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(columns) + "\n")
        for image_id, masks in unique_instances(samples):
            end = ",{},{}\n".format(*masks.shape) if with_sizes else "\n"
            name = _quoted(image_id)
            texts = masks[masks.areas > 0].to_rle("kaggle") or [""]
            try:
                file.writelines(f"{name},{text}{end}" for text in texts)
            except UnicodeEncodeError as problem:
                raise DataError(f"image id {image_id!r} cannot be written as UTF-8") from problem


def _quoted(image_id: str) -> str:
    """Quote an id where CSV must. Before 3.13, csv leaves a lone carriage return unquoted."""
    if not image_id:
        raise DataError("an image id is empty; a Kaggle CSV needs a name for each image")
    if any(char in image_id for char in ',"\r\n'):
        return '"' + image_id.replace('"', '""') + '"'
    return image_id
