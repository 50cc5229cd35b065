"""What a fusion leaves for people to look at: tables, maps of agreement, pictures."""

import csv
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.formats.image_folder import Images
from nucfuse.data.image_ids import escape_id
from nucfuse.ensemble.agreement import Agreement, Equivocal
from nucfuse.ensemble.fuse import Fused
from nucfuse.report.pictures import explain_picture, write_png

_HEADERS = {
    "equivocal": Equivocal._fields,
    "provenance": ("image_id", "nucleus", "votes", "score", "confidence", "made_from"),
    "fates": ("image_id", "model", "nucleus", "fate", "by"),
}


class Image(Protocol):
    """One fused image, as the pipeline gives it."""

    @property
    def image_id(self) -> str: ...
    @property
    def fused(self) -> Fused: ...
    @property
    def used(self) -> list[int]: ...
    def judged(self) -> Agreement | None: ...
    def equivocal(self, names: Sequence[str], agreement: Agreement | None) -> list[Equivocal]: ...
    def agreement(self) -> NDArray[np.float32]: ...
    def provenance(
        self, names: Sequence[str], agreement: Agreement | None
    ) -> Sequence[tuple[Any, ...]]: ...
    def fates(self, names: Sequence[str]) -> Sequence[tuple[Any, ...]]: ...


class FusionFiles:
    """Writes tables (`_HEADERS`), ``agreement/ID.png`` and ``explain/ID.png``.

    A context manager around a folder; call it with each image. Pictures are drawn for the images
    in ``explain`` only, over ``images`` if there are any.
    """

    def __init__(self, folder: Path, explain: Collection[str], images: Images | None) -> None:
        self._folder, self._explain, self._images = folder, set(explain), images

    def __enter__(self) -> "FusionFiles":
        self._files = [
            (self._folder / f"{name}.csv").open("w", newline="", encoding="utf-8")
            for name in _HEADERS
        ]
        self._tables = {
            name: csv.writer(file) for name, file in zip(_HEADERS, self._files, strict=True)
        }
        for name, header in _HEADERS.items():
            self._tables[name].writerow(header)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        for file in self._files:
            file.close()

    def __call__(self, image: Image, names: Sequence[str]) -> None:
        """Write what there is to say of one image."""
        judged = image.judged()
        rows = {
            "equivocal": image.equivocal(names, judged),
            "provenance": image.provenance(names, judged),
            "fates": image.fates(names),
        }
        for name, table in self._tables.items():
            table.writerows(_rounded(row) for row in rows[name])
        grey = np.round(image.agreement() * 255).astype(np.uint8)
        self._draw("agreement", image.image_id, np.repeat(grey[..., np.newaxis], 3, axis=2))
        if image.image_id in self._explain:
            self._draw("explain", image.image_id, self._explained(image, names))

    def _explained(self, image: Image, names: Sequence[str]) -> NDArray[np.uint8]:
        fused = image.fused
        if self._images is not None and image.image_id in self._images:
            ground = self._images.image(image.image_id)
        else:
            ground = np.full((*fused.instances.shape, 3), 128, np.uint8)
        called = [names[k] for k in image.used]
        members = list(zip(called, fused.members, strict=True)) if fused.members else []
        return explain_picture(ground, members, fused.instances, fused.fusion)

    def _draw(self, kind: str, image_id: str, picture: NDArray[np.uint8]) -> None:
        write_png(self._folder / kind / f"{escape_id(image_id)}.png", picture)


def _rounded(row: Sequence[Any]) -> list[Any]:
    return [round(value, 4) if isinstance(value, float) else value for value in row]
