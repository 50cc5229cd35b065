"""What a fusion did: counts for the person at the terminal, and nuclei to look at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.agreement import (
    Agreement,
    Equivocal,
    agreement_map,
    equivocal,
    nucleus_agreement,
)
from nucfuse.ensemble.fuse import Fused
from nucfuse.ensemble.nuclei.provenance import Fate
from nucfuse.ensemble.routing.router import Decision
from nucfuse.masks.instances import Instances


@dataclass(frozen=True, slots=True)
class FusedImage:
    """One image, fused.

    Attributes
    ----------
    image_id : str
    fused : Fused
    used : list of int
        Places of the prediction sets that took part.
    weights : tuple of float
        Theirs; equal if empty.
    decision : Decision or None
        Where the router sent the image.
    """

    image_id: str
    fused: Fused
    used: list[int]
    weights: tuple[float, ...]
    decision: Decision | None

    def judged(self) -> Agreement | None:
        """How far the models agree on each result; None if their nuclei are not known."""
        if not self.fused.members:
            return None
        return nucleus_agreement(self.fused.instances, self.fused.members, self.weights or None)

    def equivocal(self, names: Sequence[str], agreement: Agreement | None) -> list[Equivocal]:
        """The nuclei a person should look at."""
        if agreement is None:
            return []
        called = [names[k] for k in self.used]
        return equivocal(self.image_id, self.fused.instances, agreement, called)

    def agreement(self) -> NDArray[np.float32]:
        """Share of the models that call each pixel nucleus, or the fused probability."""
        if self.fused.map is not None:
            return self.fused.map if self.fused.map.ndim == 2 else self.fused.map[0]
        return agreement_map(self.fused.members, self.weights or None)

    def provenance(
        self, names: Sequence[str], agreement: Agreement | None
    ) -> list[tuple[str, int, int, float, float, str]]:
        """A row per result: image, nucleus, votes, score, confidence, and what made it.

        That is "model:nucleus" of each; of maps, the nuclei of each map by itself that match.
        """
        fusion, masks = self.fused.fusion, self.fused.instances
        if agreement is None:
            return []
        votes = agreement.votes if fusion is None else fusion.votes
        sure = agreement.confidence
        rows = []
        for r in range(len(masks)):
            made = _matching(agreement, r) if fusion is None else fusion.made_from(r)
            words = " ".join(f"{names[self.used[m]]}:{n + 1}" for m, n in made)
            said = int(votes[r]), float(masks.scores[r]), float(sure[r])
            rows.append((self.image_id, r + 1, *said, words))
        return rows

    def fates(self, names: Sequence[str]) -> list[tuple[str, str, int, str, str]]:
        """A row per nucleus put in: image, model, nucleus, its fate, and by what.

        That is the result it went into, or "model:nucleus" of who suppressed it.
        """
        fusion = self.fused.fusion
        if fusion is None:
            return []
        firsts = fusion.input_sets
        inputs = [
            (names[self.used[m]], n + 1)
            for m in range(firsts.size - 1)
            for n in range(int(firsts[m + 1] - firsts[m]))
        ]
        rows = []
        for (model, nucleus), fate, by in zip(
            inputs, fusion.fate.tolist(), fusion.by.tolist(), strict=True
        ):
            what = "" if by < 0 else str(by + 1)
            if fate == Fate.SUPPRESSED:
                what = "{}:{}".format(*inputs[by])
            rows.append((self.image_id, model, nucleus, Fate(fate).name.lower(), what))
        return rows


def _matching(agreement: Agreement, result: int) -> list[tuple[int, int]]:
    """Model and place of each nucleus that matches a result."""
    found = agreement.matches[result].tolist()
    return [(m, n) for m, n in enumerate(found) if n >= 0 and agreement.weights[m] > 0]


@dataclass(slots=True)
class FuseReport:
    """What each step did, added up over the images.

    Attributes
    ----------
    names : list of str
        The models.
    fates : ndarray of int64, shape (M, 4)
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
    """

    names: list[str]
    fates: NDArray[np.int64]
    images: int = 0
    by_pixels: int = 0
    results: int = 0
    cut: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    clusters: Counter[str] = field(default_factory=Counter)
    far: list[str] = field(default_factory=list)
    advice: str = ""

    @classmethod
    def of(cls, names: Sequence[str]) -> "FuseReport":
        """Nothing fused yet."""
        return cls(list(names), np.zeros((len(names), len(Fate)), np.int64))

    def add(self, image: FusedImage) -> Instances:
        """Count one image; returns its nuclei."""
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
            self.fates[image.used] += image.fused.fusion.counts
        return image.fused.instances

    def to_text(self, out: Path) -> str:
        """The result, then a line for each model and each cluster."""
        lines = [f"{out}: {self.images} images, {self.results} nuclei"]
        if self.by_pixels:
            lines.append(f"  {self.by_pixels} images fused pixel by pixel, then split into nuclei")
        for name, row in zip(self.names, self.fates, strict=True):
            if row.sum():
                said = ", ".join(f"{n} {f.name.lower()}" for n, f in zip(row, Fate, strict=True))
                lines.append(f"  {name}: {row.sum()} nuclei in; {said}")
            if self.left_out[name]:
                lines.append(f"  {name}: no prediction for {self.left_out[name]} images")
        if self.cut:
            lines.append(f"  {self.cut} results were cut where they overlapped another")
        lines += [f"  cluster {name}: {n} images" for name, n in self.clusters.most_common()]
        if self.far:
            lines.append(f"  far from every cluster, went to the default: {', '.join(self.far)}")
        if self.advice:
            lines.append(f"  note: {self.advice}")
        return "\n".join(lines)
