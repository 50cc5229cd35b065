"""What a fusion leaves for people: counts for the terminal, tables, maps of agreement, pictures."""

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.formats.image_folder import Images
from nucfuse.data.image_ids import escape_id
from nucfuse.data.spreadsheet import guarded
from nucfuse.ensemble.agreement import (
    Agreement,
    Equivocal,
    agreement_map,
    equivocal,
    nucleus_agreement,
)
from nucfuse.ensemble.fuse import Fused
from nucfuse.ensemble.nuclei.provenance import Outcome
from nucfuse.ensemble.routing.router import Decision
from nucfuse.masks.allocation import check_pixels
from nucfuse.report.written import failed_lines

_HEADERS = {
    "equivocal": Equivocal._fields,
    "provenance": ("image_id", "nucleus", "votes", "score", "confidence", "made_from"),
    "fates": ("image_id", "model", "nucleus", "fate", "by"),
}


@dataclass(frozen=True, slots=True)
class FusedImage:
    """One image, fused.

    Attributes
    ----------
    image_id : str
    fused : Fused
    sets : list of int
        Numbers of the prediction sets that took part.
    names : list of str
        Names of these.
    weights : tuple of float
        Weights of these; none if they are equal.
    decision : Decision or None
        Where the router sent the image.
    """

    image_id: str
    fused: Fused
    sets: list[int]
    names: list[str]
    weights: tuple[float, ...]
    decision: Decision | None

    def nucleus_agreement(self) -> Agreement | None:
        """How far the models agree on each result; None if their nuclei are not known."""
        if not self.fused.members:
            return None
        return nucleus_agreement(self.fused.instances, self.fused.members, self.weights or None)

    def agreement_map(self) -> NDArray[np.float32]:
        """Share of the models that call each pixel nucleus, or the fused probability."""
        if self.fused.map is not None:
            return self.fused.map if self.fused.map.ndim == 2 else self.fused.map[0]
        return agreement_map(self.fused.members, self.weights or None)

    def provenance_rows(self, agreement: Agreement) -> Iterator[tuple[Any, ...]]:
        """Yield a row per result: image, nucleus, votes, score, confidence, what made it.

        That is "model:nucleus" of each; of maps, the nuclei of each map by itself that match.
        """
        fusion, masks = self.fused.fusion, self.fused.instances
        votes = agreement.votes if fusion is None else fusion.votes
        for r in range(len(masks)):
            made = _matching(agreement, r) if fusion is None else fusion.made_from(r)
            words = " ".join(f"{self.names[m]}:{n + 1}" for m, n in made)
            said = int(votes[r]), float(masks.scores[r]), float(agreement.confidence[r])
            yield self.image_id, r + 1, *said, words

    def outcome_rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield a row per nucleus put in: image, model, nucleus, its outcome, and by what.

        That is the result it went into, or "model:nucleus" of who suppressed it.
        """
        fusion = self.fused.fusion
        if fusion is None:
            return
        sizes = np.diff(fusion.input_sets).tolist()
        inputs = [
            (name, n + 1) for name, size in zip(self.names, sizes, strict=True) for n in range(size)
        ]
        outcomes, partners = fusion.outcomes.tolist(), fusion.by.tolist()
        for (model, nucleus), outcome, by in zip(inputs, outcomes, partners, strict=True):
            what = "" if by < 0 else str(by + 1)
            if outcome == Outcome.SUPPRESSED:
                what = "{}:{}".format(*inputs[by])
            yield self.image_id, model, nucleus, Outcome(outcome).name.lower(), what


def _matching(agreement: Agreement, result: int) -> list[tuple[int, int]]:
    """Model and place of each nucleus that matches a result."""
    found = agreement.matches[result].tolist()
    return [(m, n) for m, n in enumerate(found) if n >= 0 and agreement.weights[m] > 0]


@dataclass(frozen=True, slots=True)
class FusionFiles:
    """Writes tables (`_HEADERS`), ``agreement/ID.png`` and ``explain/ID.png``.

    Pictures are drawn for the images in ``explain`` only, over ``images`` if there are any.
    """

    folder: Path
    explain: Collection[str]
    images: Images | None
    tables: dict[str, Any]

    def write(self, image: FusedImage) -> None:
        """Write what there is to say of one image."""
        agreement = image.nucleus_agreement()
        if agreement is not None:
            doubtful = equivocal(image.image_id, image.fused.instances, agreement, image.names)
            self._add("equivocal", doubtful)
            self._add("provenance", image.provenance_rows(agreement))
        self._add("fates", image.outcome_rows())
        grey = np.round(image.agreement_map() * 255).astype(np.uint8)
        self._draw("agreement", image.image_id, np.repeat(grey[..., np.newaxis], 3, axis=2))
        if image.image_id in self.explain:
            self._draw("explain", image.image_id, self._explained(image))

    def _add(self, table: str, rows: Any) -> None:
        rounded = (
            [round(v, 4) if isinstance(v, float) else guarded(v) for v in row] for row in rows
        )
        self.tables[table].writerows(rounded)

    def _explained(self, image: FusedImage) -> NDArray[np.uint8]:
        fused = image.fused
        if self.images is not None and image.image_id in self.images:
            ground = self.images.image(image.image_id)
        else:
            check_pixels(fused.instances.shape)
            ground = np.full((*fused.instances.shape, 3), 128, np.uint8)
        members = list(zip(image.names, fused.members, strict=True)) if fused.members else []
        from nucfuse.report.pictures import explain_picture

        return explain_picture(ground, members, fused.instances, fused.fusion)

    def _draw(self, kind: str, image_id: str, picture: NDArray[np.uint8]) -> None:
        from nucfuse.report.pictures import write_png

        write_png(self.folder / kind / f"{escape_id(image_id)}.png", picture)


@contextmanager
def fusion_files(
    folder: Path, explain: Collection[str], images: Images | None
) -> Iterator[FusionFiles]:
    """`FusionFiles` in a folder, with the headers of its tables."""
    with ExitStack() as stack:
        tables = {}
        for name, header in _HEADERS.items():
            path = folder / f"{name}.csv"
            file = stack.enter_context(path.open("w", newline="", encoding="utf-8"))
            tables[name] = csv.writer(file)
            tables[name].writerow(header)
        yield FusionFiles(folder, explain, images, tables)


@dataclass(slots=True)
class FusionSummary:
    """What each step did, added up over the images.

    Attributes
    ----------
    names : list of str
        The models.
    counts : ndarray of int64, shape (M, 4)
        Nuclei of each model that were kept, fused, suppressed and dropped.
    images, by_pixels : int
        Images, and of these those fused pixel by pixel.
    results, cut : int
        Nuclei that came out, and of these those that lost pixels to another.
    left_out : Counter
        Images that a model had no prediction for.
    clusters : Counter
        Images of each cluster, where there was a router.
    far : list of str
        Images far from every cluster, which went to the default.
    failed : dict
        Image id -> why it was left out.
    advice : str
        What might give a better fusion.
    """

    names: list[str]
    counts: NDArray[np.int64]
    images: int = 0
    by_pixels: int = 0
    results: int = 0
    cut: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    clusters: Counter[str] = field(default_factory=Counter)
    far: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    advice: str = ""

    @classmethod
    def of(cls, names: Sequence[str]) -> "FusionSummary":
        """Nothing fused yet."""
        return cls(list(names), np.zeros((len(names), len(Outcome)), np.int64))

    def add(self, image: FusedImage) -> None:
        """Count one image."""
        self.images += 1
        self.results += len(image.fused.instances)
        if image.decision is not None:
            self.clusters[image.decision.cluster] += 1
            if image.decision.is_far:
                self.far.append(image.image_id)
        if image.fused.fusion is None:
            self.by_pixels += 1
        else:
            self.cut += int(image.fused.fusion.cut.sum())
            self.counts[image.sets] += image.fused.fusion.counts

    def to_text(self, out: Path) -> str:
        """Tell the result, then a line for each model and each cluster."""
        lines = [f"{out}: {self.images} images, {self.results} nuclei"]
        if self.by_pixels:
            lines.append(f"  {self.by_pixels} images fused pixel by pixel, then split into nuclei")
        for name, row in zip(self.names, self.counts.tolist(), strict=True):
            if sum(row):
                said = ", ".join(f"{n} {o.name.lower()}" for n, o in zip(row, Outcome, strict=True))
                lines.append(f"  {name}: {sum(row)} nuclei in; {said}")
            if self.left_out[name]:
                lines.append(f"  {name}: no prediction for {self.left_out[name]} images")
        if self.cut:
            lines.append(f"  {self.cut} results were cut where they overlapped another")
        lines += [f"  cluster {name}: {n} images" for name, n in self.clusters.most_common()]
        if self.far:
            lines.append(f"  far from every cluster, went to the default: {', '.join(self.far)}")
        lines += failed_lines("not fused", self.failed)
        if self.advice:
            lines.append(f"  note: {self.advice}")
        return "\n".join(lines)
