"""What is wrong with a data set: findings per image, for a person to act on."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nucfuse.data.clean_truth import find_flaws
from nucfuse.data.dataset import Dataset
from nucfuse.data.label_checks import NotLabels
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import self_overlaps

# Findings that make a data set useless as it is; others may be as they should.
ERRORS = ("unreadable", "not labels", "image size")

# A nucleus below this share of its image's median area (or of 4 pixels) is called a speck.
SPECK_SHARE = 0.05
SPECK_PIXELS = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with one image."""

    image_id: str
    kind: str
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of a data set of ``n_images`` images with ``n_nuclei`` nuclei."""

    path: str
    format: str
    n_images: int
    n_nuclei: int
    findings: list[Finding]

    @property
    def has_errors(self) -> bool:
        """Whether some finding is an error."""
        return any(finding.kind in ERRORS for finding in self.findings)


def examine(dataset: Dataset, image_id: str) -> tuple[int, str | None, list[Finding]]:
    """Look at one image: number of nuclei, hash of its pixels (None without image), findings."""
    try:
        sample = dataset.read(image_id)
        masks = sample.masks
        if isinstance(masks, np.ndarray) and masks.ndim == 3:
            raise DataError("a 3-D volume; the doctor looks at 2-D images only")
        nuclei = masks if isinstance(masks, Instances) else Instances.from_labels(masks)
        found = [Finding(image_id, "note", 1, note) for note in sample.notes]
        found += [Finding(image_id, *rest) for rest in _mask_findings(nuclei, sample.names)]
        image = dataset.image(image_id)
    except NotLabels as error:
        return 0, None, [Finding(image_id, "not labels", 1, str(error))]
    except ValueError as error:
        return 0, None, [Finding(image_id, "unreadable", 1, str(error))]
    if image is None:
        return len(nuclei), None, found
    if image.shape[:2] != nuclei.shape:
        detail = f"masks are {nuclei.shape}, the image is {image.shape[:2]}"
        found.append(Finding(image_id, "image size", 1, detail))
    return len(nuclei), hashlib.sha256(image.tobytes()).hexdigest(), found


def duplicate_images(hashes: dict[str, str]) -> Iterator[Finding]:
    """Images whose pixels are the same as those of one before."""
    first: dict[str, str] = {}
    for image_id, digest in hashes.items():
        if digest in first:
            yield Finding(image_id, "duplicate image", 1, f"same pixels as {first[digest]}")
        first.setdefault(digest, image_id)


def _mask_findings(nuclei: Instances, names: tuple[str, ...]) -> Iterator[tuple[str, int, str]]:
    """(kind, count, detail) for everything odd about the masks of one image."""

    def called(indices: list[int]) -> str:
        shown = [names[i] if i < len(names) else f"nucleus {i + 1}" for i in indices[:3]]
        return ", ".join(shown) + (" …" if len(indices) > 3 else "")

    if not len(nuclei):
        yield "empty", 1, "no nuclei"
        return
    first, second, pixels = self_overlaps(nuclei)
    if pixels.size:
        pairs = called([int(first[0]), int(second[0])])
        yield "overlap", int(pixels.size), f"{pixels.sum()} pixels in two masks ({pairs})"
    with_holes, in_pieces = find_flaws(nuclei)
    limit = max(SPECK_PIXELS, SPECK_SHARE * float(np.median(nuclei.areas)))
    for kind, flags, what in (
        ("duplicate mask", _duplicates(nuclei), "the same pixels: "),
        ("hole", with_holes, ""),
        ("pieces", in_pieces, ""),
        ("speck", nuclei.areas < limit, f"below {limit:.0f} pixels: "),
    ):
        if any(flags):
            found = np.flatnonzero(flags).tolist()
            yield kind, len(found), what + called(found)


def _duplicates(nuclei: Instances) -> list[bool]:
    runs = [
        (nuclei.starts[a:b].tobytes(), nuclei.lengths[a:b].tobytes())
        for a, b in pairwise(nuclei.offsets)
    ]
    counts = Counter(runs)
    return [counts[run] > 1 for run in runs]
