"""COCO JSON: documents (images, annotations, categories) and bare lists of results."""

import json
import reprlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from nucfuse.data.atomic_output import atomic_file
from nucfuse.data.dataset import Sample, Shape, ShapeOf
from nucfuse.data.formats.coco_document import Annotation, Document, Image, load
from nucfuse.data.formats.writing import own_ids, read_label_ids, unique_with_ids
from nucfuse.data.image_ids import escape_id, first_ids
from nucfuse.errors import DataError
from nucfuse.masks.annotations import Annotations
from nucfuse.masks.instances import Instances
from nucfuse.masks.rle import RLEError

# A polygon of few corners can cross any number of pixel columns, two of which make a run. So that
# memory stays in proportion to the file, the polygons of an image may cross 16 columns for every
# number in them (nuclei need about 1), and 2**25 more, some 0.5 GB.
_CROSSINGS_PER_NUMBER = 16
_MORE_CROSSINGS = 2**25


class CocoDataset:
    """The masks in a COCO file; see `open_dataset`.

    Attributes
    ----------
    aliases : dict of str to str
        The file's image id -> ours, where they differ; a result list knows only the former.
    numbered : bool
        Whether this is a bare result list, whose ids mean another file's ``aliases``.
    """

    format = "coco"

    def __init__(
        self, path: Path, document: Document, shape_of: ShapeOf | None, skip_bad: bool = False
    ) -> None:
        self.path = path
        self.ids = sorted(document.images)
        self.aliases = document.aliases
        self.numbered = document.numbered
        self._document = document
        self._shape_of = shape_of
        self._skip_bad = skip_bad

    def read(self, image_id: str) -> Sample:
        """Read the masks of one image, named "annotation ID" (or "result at index N").

        Raises
        ------
        DataError
            If the id is unknown, no size is known, or a mask breaks a rule.
        """
        shape = self.shape(image_id)
        if shape is None:
            raise DataError(
                f"{self.path} (image {image_id!r}): it has no size (height, width); give the truth "
                "or the images with it"
            )
        regions, image = self._drawn(image_id, self._document.images[image_id], shape)
        scores = [np.nan if a.score is None else a.score for a in image.annotations]
        classes = None
        if self._document.has_classes:
            classes = np.array([a.category for a in image.annotations], np.int32)
        regions = Instances.from_runs(shape, *regions.runs, scores=scores, classes=classes)
        annotations = self._annotations(image, regions)
        crowd = annotations.is_crowd
        masks = regions[~crowd] if crowd.any() else regions
        nuclei = [a for a in image.annotations if not a.is_crowd]
        return Sample(
            image_id,
            masks,
            tuple(a.name for a in nuclei),
            (*image.notes,),
            read_label_ids([a.label for a in nuclei], len(masks)),
            annotations,
        )

    def _annotations(self, image: Image, regions: Instances) -> Annotations:
        """Gather what the file says of the regions of an image beside their masks."""
        said = image.annotations
        measured = zip(said, regions.areas.tolist(), strict=True)
        categories = None
        if self._document.has_categories:
            categories = np.array([a.category for a in said], np.int64)
        return Annotations(
            regions,
            np.array([a.is_crowd for a in said], bool),
            np.array([area if a.area is None else a.area for a, area in measured], np.float64),
            np.array([np.nan if a.score is None else a.score for a in said], np.float64),
            categories,
            self._document.has_classes,
            image.place,
        )

    def shape(self, image_id: str) -> Shape | None:
        """Height and width as the file says, or else as ``shape_of`` says."""
        if image_id not in self._document.images:
            raise DataError(f"{self.path} has no image {image_id!r}")
        shape = self._document.images[image_id].shape
        if shape is None and self._shape_of is not None:
            return self._shape_of(image_id)
        return shape

    def image(self, image_id: str) -> None:
        """None: the file holds no images."""

    def _drawn(self, image_id: str, image: Image, shape: Shape) -> tuple[Instances, Image]:
        """Masks of an image, and the image with their annotations and what was left out."""
        annotations, notes = list(image.annotations), list(image.notes)
        while True:
            try:
                masks = self._decoded(image_id, annotations, shape)
                break
            except _BadAnnotation as problem:
                if not self._skip_bad:
                    raise DataError(f"{problem}. --skip-bad leaves it out") from problem
                name = annotations.pop(problem.index).name
                notes.append(f"left out (--skip-bad): {name}: {problem.reason}")
        # A network's result stays, and is wrong; nobody meant to annotate nothing.
        if not self.numbered and not masks.areas.all():
            empty = [a.name for a, area in zip(annotations, masks.areas, strict=True) if not area]
            notes.append(f"left out, as they cover no pixel of the image: {first_ids(empty)}")
            annotations = [a for a, area in zip(annotations, masks.areas, strict=True) if area]
            masks = masks[masks.areas > 0]
        return masks, replace(image, annotations=annotations, notes=notes)

    def _decoded(self, image_id: str, annotations: Sequence[Annotation], shape: Shape) -> Instances:
        """Masks in the order of their annotations, all of one kind at a time."""
        parts, order = [Instances.empty(shape)], []
        kinds = [_kind_of(one.segmentation) for one in annotations]
        for kind, decode in _DECODERS.items():
            places = [i for i, found in enumerate(kinds) if found == kind]
            if not places:
                continue
            segmentations = [annotations[i].segmentation for i in places]
            order += places
            try:
                parts.append(decode(segmentations, shape))
            except RLEError as problem:
                index = places[problem.mask]
                where = f"{self.path}, {annotations[index].name} (image {image_id!r})"
                raise _BadAnnotation(where, index, problem.reason) from problem
        return Instances.concatenate(parts)[np.argsort(order)]


class _BadAnnotation(DataError):
    """The mask of one annotation, by its place among those of its image, cannot be decoded."""

    def __init__(self, where: str, index: int, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.index, self.reason = index, reason


def _kind_of(segmentation: Any) -> str:
    if isinstance(segmentation, list):
        return "polygons"
    return "text" if isinstance(segmentation["counts"], str) else "counts"


def _from_polygons(segmentations: list[Any], shape: Shape) -> Instances:
    """As `Instances.from_polygons`, but errors say which mask."""
    parts = [Instances.empty(shape)]
    excess = 0.0
    for mask, rings in enumerate(segmentations):
        try:
            for ring in rings:
                excess += _crossings(ring, shape[1]) - _CROSSINGS_PER_NUMBER * len(ring)
            if excess > _MORE_CROSSINGS:
                raise ValueError("the polygons of the image are too large; give them as RLE")
            parts.append(Instances.from_polygons([rings], shape))
        except (ValueError, OverflowError) as problem:
            raise RLEError(mask, str(problem)) from problem
    return Instances.concatenate(parts)


def _crossings(ring: list[Any], width: int) -> float:
    """How many columns of pixels a polygon crosses, about; checks that it holds numbers."""
    for value in ring:
        if type(value) is not float and type(value) is not int:
            raise ValueError(f"a polygon must hold numbers, got {reprlib.repr(value)}")
    inside = [min(max(x, 0), width) for x in ring[::2]]
    return sum(abs(a - b) for a, b in pairwise([*inside, *inside[:1]]))


_DECODERS: dict[str, Callable[[list[Any], Shape], Instances]] = {
    "text": lambda rles, shape: Instances.from_rle([r["counts"] for r in rles], shape, "coco"),
    "counts": lambda rles, shape: Instances.from_counts([r["counts"] for r in rles], shape),
    "polygons": _from_polygons,
}


def matches(path: Path) -> bool:
    """Whether a path is a JSON file by its name; `open_dataset` looks inside."""
    return path.suffix.lower() == ".json" and path.is_file()


def open_dataset(
    path: Path, shape_of: ShapeOf | None = None, skip_bad: bool = False
) -> CocoDataset:
    """Open a COCO document or a bare list of results, masks as RLE or polygons.

    Parameters
    ----------
    path : Path
        ``{"images": […], "annotations": […]}`` or ``[{"image_id": …, "segmentation": …}, …]``.
    shape_of : callable, optional
        Image id -> (height, width) or None; asked where neither the image's entry nor an RLE of it
        has the size.
    skip_bad : bool
        Whether annotations that break a rule are left out, which their samples say.

    Raises
    ------
    DataError
        If it is no such JSON; an image or annotation id comes twice or an image_id is unknown; an
        annotation has no segmentation, or its RLE is for another image size; a score is not finite;
        some annotations lack a category_id while there are several.

    Notes
    -----
    Image ids: in a document the file name, as for label files without folder, ending and suffix;
    if these are missing or not unique, the "id", as text. A result list has only the latter; the
    ``aliases`` of the truth say which image it means. It cannot say that an image has no nuclei:
    such images count as missing.

    Annotations that cover no pixel (a stray click, a polygon outside of the image) are left out,
    and the sample says so; results stay, as what a network claims.

    Crowd regions (iscrowd 1) are no nuclei: they are left out, and the sample says so; they are
    among its ``annotations`` only. Scores are NaN where there are none. There are classes (the
    category_id) if the file has several.
    """
    return CocoDataset(path, load(path, skip_bad), shape_of, skip_bad)


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Write a COCO document with compressed RLE, boxes, areas and scores where known.

    Image and annotation ids count from 1; "label" is the id of a nucleus in the label image that it
    came from, where these are not 1..N. ``file_name`` is the image id, made safe for file systems
    as names of label files are, with ".png". The category_id is the class, or 1 without classes.
    Samples are written one at a time.

    Raises
    ------
    DataError
        If an id comes twice, a sample is a label volume, or the disk refuses.
    """
    with atomic_file(path) as part, part.open("w", encoding="ascii") as file:
        _write(file, samples)


def _write(file: TextIO, samples: Iterable[Sample]) -> None:
    images: list[dict[str, Any]] = []
    categories: dict[int, str] = {}
    n_written = 0
    file.write('{"info": {"description": "written by nucfuse"},\n"annotations": [')
    for image_id, masks, ids in unique_with_ids(samples):
        images.append(_image_entry(len(images) + 1, image_id, masks.shape))
        for entry in _annotation_entries(len(images), masks, own_ids(ids)):
            categories.setdefault(entry["category_id"], _category_name(masks, entry["category_id"]))
            n_written += 1
            file.write((",\n" if n_written > 1 else "\n") + json.dumps({"id": n_written, **entry}))
    named = [{"id": c, "name": name} for c, name in sorted((categories or {1: "nucleus"}).items())]
    file.write(f'],\n"images": {json.dumps(images)},\n"categories": {json.dumps(named)}}}\n')


def _category_name(masks: Instances, category: int) -> str:
    return "nucleus" if masks.classes is None else f"class {category}"


def _image_entry(number: int, image_id: str, shape: Shape) -> dict[str, Any]:
    file_name = f"{escape_id(image_id)}.png"
    return {"id": number, "file_name": file_name, "height": shape[0], "width": shape[1]}


def _annotation_entries(
    image_number: int, masks: Instances, ids: list[int] | None
) -> Iterable[dict[str, Any]]:
    classes = [1] * len(masks) if masks.classes is None else masks.classes.tolist()
    boxes, areas = masks.boxes.tolist(), masks.areas.tolist()
    for i, text in enumerate(masks.to_rle("coco")):
        y0, x0, y1, x1 = boxes[i]
        entry = {
            "image_id": image_number,
            "category_id": classes[i],
            "segmentation": {"size": list(masks.shape), "counts": text},
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": areas[i],
            "iscrowd": 0,
        }
        if ids is not None:
            entry["label"] = ids[i]
        if not np.isnan(masks.scores[i]):
            # The shortest text that gives the same float32: 0.9, not 0.8999999761581421.
            entry["score"] = float(str(masks.scores[i]))
        yield entry
