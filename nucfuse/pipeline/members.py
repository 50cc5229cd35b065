"""Prediction sets as members of a fusion: masks or probability maps, paired by image id."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.dataset import Dataset, ShapeOf
from nucfuse.data.formats.grey_maps import GreyMaps
from nucfuse.data.formats.probabilities import ProbabilityFolder, holds_probabilities
from nucfuse.data.image_ids import alike, alike_text, first_ids
from nucfuse.data.io import open_dataset
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.pipeline.running import Reading

Masks = Instances | NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class MemberSet:
    """One model's predictions.

    Attributes
    ----------
    name : str
        What the model is called.
    source : Dataset, ProbabilityFolder or GreyMaps
    words : dict
        Image id -> the set's own word for it.
    """

    name: str
    source: Dataset | ProbabilityFolder | GreyMaps
    words: dict[str, str]

    @property
    def is_map(self) -> bool:
        """Whether the set holds probability maps."""
        return isinstance(self.source, ProbabilityFolder | GreyMaps)

    def read(self, image_id: str) -> Masks:
        """Masks or map of one image; raises DataError."""
        word = self.words[image_id]
        if isinstance(self.source, ProbabilityFolder | GreyMaps):
            return self.source.read(word)
        masks = self.source.read(word).masks
        return masks if isinstance(masks, Instances) else Instances.from_labels(masks)


def open_members(
    paths: Sequence[Path],
    names: Sequence[str],
    reading: Reading,
    shape_of: ShapeOf | None,
    map_max: float | None = None,
) -> list[MemberSet]:
    """Open the prediction sets; label images as maps where ``map_max`` says what means 1.

    Raises
    ------
    DataError
        If one cannot be opened, or one path comes twice.
    """
    resolved = [path.resolve() for path in paths]
    for path, target in zip(paths, resolved, strict=True):
        if resolved.count(target) > 1:
            raise DataError(f"{path} is given twice; a model counts once (see --weights)")
    members = []
    for path, name in zip(paths, names, strict=True):
        source = _source(path, reading, shape_of, map_max)
        words = {normalize("NFC", word): word for word in source.ids}
        if len(words) < len(source.ids):
            words = {word: word for word in source.ids}
        members.append(MemberSet(name, source, words))
    return members


def _source(
    path: Path, reading: Reading, shape_of: ShapeOf | None, map_max: float | None
) -> Dataset | ProbabilityFolder | GreyMaps:
    if reading.format is None and holds_probabilities(path):
        return ProbabilityFolder(path)
    if map_max is not None and open_dataset(path, reading.format, shape_of).format == "labels":
        return GreyMaps(path, map_max)
    return reading.open(path, shape_of)


def common_images(members: Sequence[MemberSet], missing: str) -> list[str]:
    """Ids of the images to fuse, sorted.

    Parameters
    ----------
    missing : {"error", "skip-model"}
        Whether a model that lacks an image is an error, or left out for that image.

    Raises
    ------
    DataError
        If images are missing and that is an error, or two sets have no image in common.
    """
    everything = sorted({image_id for member in members for image_id in member.words})
    for member in members:
        if not set(member.words) & set(members[0].words):
            raise DataError(
                f"{member.name} and {members[0].name} have no image in common: "
                f"{first_ids(sorted(member.words), 3)}; {first_ids(sorted(members[0].words), 3)}"
                f"{alike_text(alike(member.words, members[0].words), '. ')}"
            )
    for member in members:
        absent = [image_id for image_id in everything if image_id not in member.words]
        if absent and missing == "error":
            raise DataError(
                f"{member.source.path}: {len(absent)} of {len(everything)} images are missing: "
                f"{first_ids(absent)}. Give --missing skip-model to fuse those without this model"
                f"{alike_text(alike(absent, member.words), '. ')}"
            )
    return everything
