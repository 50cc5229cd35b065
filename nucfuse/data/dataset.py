"""What every format is read into: a data set of samples."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from nucfuse.masks.annotations import Annotations
from nucfuse.masks.instances import Instances

Shape = tuple[int, int]
# Where a format has no sizes (a Kaggle submission), they are asked for by image id.
ShapeOf = Callable[[str], Shape | None]


@dataclass(frozen=True, slots=True)
class Sample:
    """The nuclei of one image as read from a file.

    Attributes
    ----------
    image_id : str
        As written by the user; never used as a path unescaped.
    masks : ndarray of int, shape (H, W), or Instances
        A label image where the file held one (masks disjoint), else Instances. 3-D label volumes
        (D, H, W) are allowed for scoring.
    names : tuple of str
        What each nucleus is called in the user's files (mask file, row, annotation id), in order
        of its id; empty if they have no names.
    notes : tuple of str
        Warnings for the user, such as pixels that lay in two masks.
    label_ids : tuple of int
        What each nucleus of Instances was in the label image that it came from; empty if 1..N, or
        if it came from none.
    annotations : Annotations or None
        What the file says of the nuclei beside that, if it is a COCO file.
    """

    image_id: str
    masks: NDArray[Any] | Instances
    names: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    label_ids: tuple[int, ...] = field(default=())
    annotations: Annotations | None = field(default=None)


@runtime_checkable
class Dataset(Protocol):
    """Masks of many images, read one at a time; `read` may be called from several threads."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def format(self) -> str:
        """Name of the format, as `nucfuse.data.io.FORMATS` has it."""
        ...

    @property
    def ids(self) -> list[str]:
        """Image ids, sorted and unique."""
        ...

    def read(self, image_id: str) -> Sample:
        """Read the nuclei of one image; raises DataError."""
        ...

    def shape(self, image_id: str) -> Shape | None:
        """Height and width if the format knows them without decoding masks, else None."""
        ...

    def image(self, image_id: str) -> NDArray[Any] | None:
        """Read the image itself, uint8 (H, W, 3), if the data set has images, else None."""
        ...
