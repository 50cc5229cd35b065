"""The scores of a data set, from those of its images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nucfuse.metrics import bootstrap, coco, tables
from nucfuse.metrics import summary as headlines
from nucfuse.metrics.anatomy import MENDABLE
from nucfuse.metrics.coco import RankedImage, RankedScores
from nucfuse.metrics.matching import Rule
from nucfuse.metrics.summary import Headlines
from nucfuse.metrics.tables import Measured


class Request(Protocol):
    """What was asked for: the thresholds in percent and the rule of a hit."""

    @property
    def percents(self) -> tuple[int, ...]: ...
    @property
    def rule(self) -> Rule: ...


def _headline(name: str) -> Any:
    return property(lambda self: self.summary[name], doc=f"``{name}`` of the data set.")


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of a set of images; make one with `nucfuse.score` or `build`.

    Scores of images (``dsb_ap``, ``pq``, ``sq``, ``rq``, ``aji``, ``aji_plus``, ``dice``,
    ``pixel_iou``, ``object_dice``, boundary scores) are means over the images, as the 2018 Data
    Science Bowl has it. Precision, recall and F1 are those of the hits of all images together, and
    ``coco_ap`` ranks the predictions of all images together.

    Attributes
    ----------
    image_ids : tuple of str
    results : tuple
        What was measured on each image.
    percents : tuple of int
        IoU thresholds in percent.
    rule : {">", ">="}
    strata : mapping of str to tuple
        A value per image for each key, such as the modality.
    seed : int
        Of the bootstrap.
    """

    image_ids: tuple[str, ...]
    results: tuple[Measured, ...]
    percents: tuple[int, ...]
    rule: Rule
    strata: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    seed: int = 0

    dsb_ap = _headline("dsb_ap")
    pq = _headline("pq")
    sq = _headline("sq")
    rq = _headline("rq")
    aji = _headline("aji")
    aji_plus = _headline("aji_plus")
    dice = _headline("dice")
    pixel_iou = _headline("pixel_iou")
    object_dice = _headline("object_dice")

    @classmethod
    def build(
        cls, image_ids: Sequence[str], results: Sequence[Measured], request: Request, *,
        strata: Mapping[str, Sequence[Any]] | None = None, seed: int = 0,
    ) -> "Scores":  # fmt: skip
        """From what was measured on each image.

        Raises
        ------
        ValueError
            If there is no image, an id comes twice, a length differs, or a stratum has the name
            of a score.
        """
        ids, keys = tuple(image_ids), {k: tuple(v) for k, v in (strata or {}).items()}
        if not ids or len(set(ids)) != len(ids):
            raise ValueError(f"images must have different ids, at least one; got {len(ids)} ids")
        for name, values in {"results": results, **keys}.items():
            if len(values) != len(ids):
                raise ValueError(f"{name} must have {len(ids)} values, got {len(values)}")
        scores = cls(ids, tuple(results), tuple(request.percents), request.rule, keys, seed)
        taken = sorted({"image_id", *scores.columns} & set(keys))
        if taken:
            raise ValueError(f"strata may not be named as a score is: rename {', '.join(taken)}")
        return scores

    @classmethod
    def concat(cls, parts: Sequence["Scores"]) -> "Scores":
        """The scores of all images of several parts; how the images were split does not matter.

        Raises
        ------
        ValueError
            If there are none, thresholds, rules or keys of strata differ, or an image comes twice.
        """
        if not parts:
            raise ValueError("concat needs at least one Scores")
        first = parts[0]
        for part in parts:
            check_comparable(first, part)
            if part.strata.keys() != first.strata.keys():
                raise ValueError("all parts must have the same strata")
        strata = {k: [v for part in parts for v in part.strata[k]] for k in first.strata}
        ids = [i for part in parts for i in part.image_ids]
        results = [r for part in parts for r in part.results]
        return cls.build(ids, results, first, strata=strata, seed=first.seed)

    def subset(self, keep: ArrayLike) -> "Scores":
        """The scores of some images: a mask (I,) or positions."""
        at = np.arange(len(self))[np.asarray(keep)].tolist()
        strata = {k: [v[i] for i in at] for k, v in self.strata.items()}
        ids, results = [self.image_ids[i] for i in at], [self.results[i] for i in at]
        return self.build(ids, results, self, strata=strata, seed=self.seed)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image_ids)

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Numbers of the images by name, each of shape (I,)."""
        return tables.image_columns(self.results, self.percents)

    @cached_property
    def per_image(self) -> pd.DataFrame:
        """One row per image; ``image_id, n_true, n_pred, dsb_ap, tp_50, …`` come first."""
        return tables.image_table(self.image_ids, self.columns, self.strata)

    @cached_property
    def objects(self) -> pd.DataFrame:
        """One row per true and predicted nucleus; see `tables.object_table`."""
        return tables.object_table(self.image_ids, self.results)

    @cached_property
    def headlines(self) -> Headlines:
        """Numbers of the data set that are quotients of sums over its images."""
        return headlines.headlines_of(self.columns, self.percents)

    @cached_property
    def ranked(self) -> RankedScores | None:
        """COCO's numbers, where they were asked for."""
        images = self.ranked_images
        return coco.accumulate(images) if images else None

    @property
    def _order(self) -> list[int]:
        return sorted(range(len(self)), key=self.image_ids.__getitem__)

    @property
    def ranked_images(self) -> list[RankedImage]:
        """Matched detections in the order of the image ids, which settles ties as COCO does."""
        images = [self.results[i].ranked for i in self._order]
        return [image for image in images if image is not None]

    @cached_property
    def summary(self) -> dict[str, float]:
        """All numbers of the data set by name; see `headlines.Headlines` and `coco`."""
        sizes = {"n_images": len(self)} | {
            name: int(self.columns[name].sum()) for name in ("n_true", "n_pred", "both_empty")
        }
        ranked = {} if self.ranked is None else self.ranked.as_dict()
        return {**sizes, **self.headlines.values(), **ranked}

    @property
    def thresholds(self) -> pd.DataFrame:
        """One row per IoU threshold: mean ``ap``, and all images' hits, precision, recall, F1."""
        rows = [
            {"threshold": p / 100, "ap": self.summary[f"ap_{p}"]}
            | {name: int(self.columns[f"{name}_{p}"].sum()) for name in ("tp", "fp", "fn")}
            | {name: self.summary[f"{name}_{p}"] for name in ("precision", "recall", "f1")}
            for p in self.percents
        ]
        return pd.DataFrame(rows)

    @property
    def errors(self) -> pd.DataFrame:
        """One row per kind of error: how many, and the gain in ``dsb_ap`` if it were mended."""
        counts = [self.columns.get(what) for what in MENDABLE]  # "imprecise" hits have no count
        return pd.DataFrame(
            {
                "kind": MENDABLE,
                "count": [pd.NA if c is None else int(c.sum()) for c in counts],
                "gain": [self.summary[f"gain_{what}"] for what in MENDABLE],
            }
        )

    def resampled(self, resamples: int = bootstrap.RESAMPLES) -> pd.DataFrame:
        """Headline numbers (and ``coco_ap``) of resampled data sets, one row each.

        Images are drawn by the order of their ids, so that theirs in the table does not matter.
        """
        ranked = self.ranked_images
        rank = np.argsort(self._order)
        parts = []
        for weights in bootstrap.resamplings(len(self), resamples, self.seed):
            numbers = self.headlines.of(weights[:, rank])
            if ranked:
                numbers = np.column_stack([numbers, coco.resampled_ap(ranked, weights)])
            parts.append(numbers)
        names = [*self.headlines.names, *(["coco_ap"] if ranked else [])]
        return pd.DataFrame(np.concatenate(parts), columns=names)

    @cached_property
    def _drawn(self) -> pd.DataFrame:
        return self.resampled()

    def intervals(
        self, level: float = bootstrap.LEVEL, resamples: int = bootstrap.RESAMPLES
    ) -> dict[str, tuple[float, float]]:
        """Bootstrap percentile interval, over images, of every headline number, by name."""
        drawn = self._drawn if resamples == bootstrap.RESAMPLES else self.resampled(resamples)
        low, high = bootstrap.interval(drawn.to_numpy(), level)
        bounds = zip(low.tolist(), high.tolist(), strict=True)
        return dict(zip(drawn.columns, bounds, strict=True))

    def by(self, key: str) -> pd.DataFrame:
        """Scores of each stratum: one row per value of a key of ``strata``, or of ``"size"``.

        Raises
        ------
        ValueError
            If there is no such key.
        """
        if key == "size" and key not in self.strata:
            return self.by_size()
        if key not in self.strata:
            known = ", ".join(["size", *self.strata])
            raise ValueError(f"no stratum {key!r}; there are {known}")
        values = np.array(self.strata[key], object)
        groups = sorted(set(self.strata[key]), key=str)
        rows = [{key: value, **self.subset(values == value).summary} for value in groups]
        return pd.DataFrame(rows)

    def by_size(self, edges: Sequence[float] | None = None) -> pd.DataFrame:
        """How nuclei of each size fare at IoU 0.5: one row per bin of area.

        Truths (``n_true, n_found, recall``, ``mean_iou`` of the found) are binned by their own
        area, predictions (``n_pred, precision``) by theirs; NaN where a bin is empty.

        Parameters
        ----------
        edges : sequence of float, optional
            Areas in pixels that end a bin, ascending; by default the quartiles of the truths.
        """
        return tables.size_table(self.results, edges)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the tables of images and nuclei, for JSON: undefined numbers are None."""
        named = self.intervals()
        document: dict[str, Any] = dict(self.summary)
        document["rule"], document["percents"] = self.rule, list(self.percents)
        document["intervals"] = {
            "level": bootstrap.LEVEL, "resamples": bootstrap.RESAMPLES, "seed": self.seed, **named,
        }  # fmt: skip
        document["thresholds"] = self.thresholds.to_dict("records")
        document["errors"] = self.errors.to_dict("records")
        document["by"] = {key: self.by(key).to_dict("records") for key in ("size", *self.strata)}
        return plain(document)


def plain(value: Any) -> Any:
    """The same with what JSON knows: lists, plain numbers, None for NaN, infinity and NA."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or (isinstance(value, float) and not isfinite(value)):
        return None
    return value


def check_comparable(one: Scores, other: Scores) -> None:
    """Raise a ValueError unless both were scored with the same thresholds and rule."""
    if one.percents != other.percents or one.rule != other.rule:
        raise ValueError(
            f"scores differ in thresholds or rule: {one.percents} {one.rule} and "
            f"{other.percents} {other.rule}; score both in the same way"
        )
