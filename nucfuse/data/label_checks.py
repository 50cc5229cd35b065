"""Label images that are none are refused with what to do: binary masks, photographs, maps.

Images are looked at as they are read (`nucfuse.data.label_evidence`); whether the masks of a data
set are binary is decided by its first images.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.dataset import Dataset, Sample, Shape
from nucfuse.data.label_evidence import Evidence, Look, grey_values, look_at
from nucfuse.errors import DataError

# So many images decide; fewer, as soon as so many more are label images than are not.
_FIRST_IMAGES, _LEAD = 16, 2
_GREY_REMEDY = (
    "in a label image each value is one nucleus in one place. Of photographs, name the folder of "
    "their masks instead; probability maps: nucfuse fuse reads them with --map-max 255 (or what "
    "else stands for 1). --labels-anyway takes every value for a nucleus"
)


@dataclass(frozen=True, slots=True)
class LabelRules:
    """What is done with images whose values do not look like ids.

    Attributes
    ----------
    binary : "components" or None
        Make each piece of a binary mask a nucleus, rather than refuse it.
    anyway : bool
        Take every value for a nucleus, whatever it looks like.
    """

    binary: Literal["components"] | None = None
    anyway: bool = False


class NotLabels(DataError):
    """What was given for label images is something else."""


def checked(dataset: Dataset, rules: LabelRules) -> Dataset:
    """Return a data set that refuses by the rules what is no label image.

    Only data sets of label images can be wrong so; others are returned as they are.

    Raises
    ------
    NotLabels
        If most of the first images are binary masks, or all are grey.
    """
    if dataset.format != "labels" or rules.anyway:
        return dataset
    looked = CheckedLabels(dataset)
    evidence = dict(looked.first_looks())
    looks = [found.look for found in evidence.values() if found.look is not Look.EMPTY]
    is_binary = 2 * looks.count(Look.PIECES) > len(looks)
    if rules.binary is not None:
        # Nuclei that lie close may look like one id in one place.
        is_binary |= not {Look.NUCLEI, Look.GREY} & set(looks)
        return replace(looked, binary=is_binary)
    if is_binary:
        raise NotLabels(_binary_text(dataset.path, evidence))
    if looks and looks.count(Look.GREY) == len(looks):
        raise NotLabels(_all_grey_text(dataset.path, evidence))
    return looked


@dataclass(frozen=True)
class CheckedLabels:
    """Label images whose values are looked at, see `checked`; and see `Dataset`.

    With ``binary``, every connected piece of one value becomes a nucleus.
    """

    dataset: Dataset
    binary: bool = False
    # Samples that the first look has read, each until it is asked for.
    kept: dict[str, Sample] = field(default_factory=dict, repr=False)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.dataset.path

    @property
    def format(self) -> str:
        """Name of the format."""
        return self.dataset.format

    @property
    def ids(self) -> list[str]:
        """Image ids, sorted and unique."""
        return self.dataset.ids

    def read(self, image_id: str) -> Sample:
        """Read a label image.

        Raises
        ------
        DataError
            If it cannot be read, or its values are those of a photograph or a map (`NotLabels`).
        """
        sample = self.kept.pop(image_id, None) or self.dataset.read(image_id)
        labels: Any = sample.masks
        if self.binary:
            return _with_pieces(sample, labels)
        if n_values := grey_values(labels):
            raise NotLabels(
                f"{self.path}: image {image_id!r} looks like a photograph or a probability map: "
                f"its {n_values} values lie anywhere, as grey values do; {_GREY_REMEDY}"
            )
        return sample

    def shape(self, image_id: str) -> Shape | None:
        """Height and width if the header says them, else None."""
        return self.dataset.shape(image_id)

    def image(self, image_id: str) -> NDArray[Any] | None:
        """None: there are labels only."""
        return self.dataset.image(image_id)

    def first_looks(self) -> Iterator[tuple[str, Evidence]]:
        """Look at images until they decide; those that cannot be read have no say."""
        lead = 0
        for image_id in self.ids[:_FIRST_IMAGES]:
            try:
                sample = self.dataset.read(image_id)
            except DataError:  # said when the image's turn comes
                continue
            self.kept[image_id] = sample
            evidence = look_at(sample.masks)  # type: ignore[arg-type]
            yield image_id, evidence
            lead += {Look.NUCLEI: 1, Look.PIECES: -1, Look.GREY: -1}.get(evidence.look, 0)
            if lead >= _LEAD:
                return

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "kept": {}}  # a worker elsewhere reads what it needs itself


def _with_pieces(sample: Sample, labels: NDArray[Any]) -> Sample:
    """Make every connected piece of one value a nucleus."""
    from skimage.measure import label  # late: it takes a while

    before = int(np.count_nonzero(np.unique(labels)))
    pieces, n_pieces = label(labels, connectivity=labels.ndim, background=0, return_num=True)
    note = f"a binary mask: {before} values became {n_pieces} nuclei, one for each piece"
    notes = sample.notes if n_pieces == before else (*sample.notes, note)
    return replace(sample, masks=pieces.astype(np.int32), notes=notes)


def _binary_text(path: Path, evidence: Mapping[str, Evidence]) -> str:
    odd = {i: found for i, found in evidence.items() if found.look is Look.PIECES}
    image_id, found = next(iter(odd.items()))
    what = "binary masks" if found.n_ids == 1 else "masks of classes"
    return (
        f"{path}: {_share(len(odd), len(evidence))} like {what}, not label images: one id lies on "
        f"several separate pieces (image {image_id!r}: id {found.first_id} on {found.n_pieces}), "
        "but every nucleus needs an id of its own. --binary components makes each piece a nucleus "
        "(nuclei that touch become one); --labels-anyway takes all pieces of an id for one nucleus"
    )


def _all_grey_text(path: Path, evidence: Mapping[str, Evidence]) -> str:
    odd = {i: found for i, found in evidence.items() if found.look is Look.GREY}
    image_id, found = next(iter(odd.items()))
    return (
        f"{path}: {_share(len(odd), len(evidence))} like photographs or probability maps, not "
        f"label images: values lie anywhere, as grey values do (image {image_id!r}: "
        f"{found.n_ids} values); {_GREY_REMEDY}"
    )


def _share(n: int, of: int) -> str:
    if of == 1:
        return "its image looks"
    return f"{n} of the {of} images that were looked at look"
