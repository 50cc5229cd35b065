"""The scores of a data set, from those of its images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nucfuse.metrics import bootstrap, coco, nuclei
from nucfuse.metrics.anatomy import CORRECTABLE
from nucfuse.metrics.coco import RankedImage, RankedScores
from nucfuse.metrics.columns import image_columns
from nucfuse.metrics.image_scores import ImageScores
from nucfuse.metrics.names import EXTRA_SCORES, MAIN_SCORES
from nucfuse.metrics.request import ScoreRequest
from nucfuse.metrics.strata import Strata, columns_of
from nucfuse.metrics.summary import Quotients, plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """Scores of a set of images; make one with `nucfuse.score` or `build`.

    Every number of `summary` is an attribute, too: ``scores.dsb_ap``, ``scores.f1_50``. Scores of
    images (``dsb_ap``, ``pq``, ``sq``, ``rq``, ``aji``, ``aji_plus``, ``dice``, ``pixel_iou``,
    ``object_dice``, boundary scores) are means over the images, as the 2018 Data Science Bowl has
    it. Precision, recall and F1 are those of the hits of all images together, and ``coco_ap`` ranks
    the predictions of all images together.

    Attributes
    ----------
    image_ids : tuple of str
    image_scores : tuple of ImageScores
    request : ScoreRequest
        What was measured.
    strata : mapping of str to tuple
        A value per image for each key, such as the modality.
    seed : int
        Of the bootstrap.
    """

    image_ids: tuple[str, ...]
    image_scores: tuple[ImageScores, ...]
    request: ScoreRequest
    strata: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    seed: int = 0

    @classmethod
    def build(
        cls,
        image_ids: Sequence[str],
        image_scores: Sequence[ImageScores],
        request: ScoreRequest,
        *,
        strata: Strata = None,
        seed: int = 0,
    ) -> "Scores":
        """From the scores of each image.

        Raises
        ------
        ValueError
            If there is no image, an id comes twice, a length differs, a stratum has the name of a
            score, or the nuclei of some images have classes and those of others have none.
        """
        ids, keys = tuple(image_ids), columns_of(strata, image_ids)
        if not ids or len(set(ids)) != len(ids):
            raise ValueError(f"images must have different ids, at least one; got {len(ids)} ids")
        for name, values in {"image_scores": image_scores, **keys}.items():
            if len(values) != len(ids):
                raise ValueError(f"{name} must have {len(ids)} values, got {len(values)}")
        scores = cls(ids, tuple(image_scores), request, keys, seed)
        if scores.ranked_images:
            coco.have_classes(scores.ranked_images)
        taken = sorted({"image_id", *scores.columns} & set(keys))
        if taken:
            raise ValueError(f"strata may not be named as a score is: rename {', '.join(taken)}")
        return scores

    @classmethod
    def concat(cls, parts: Sequence["Scores"]) -> "Scores":
        """Join the scores of several parts; how the images were split does not matter.

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
        images = [image for part in parts for image in part.image_scores]
        return cls.build(ids, images, first.request, strata=strata, seed=first.seed)

    def subset(self, keep: ArrayLike) -> "Scores":
        """Keep the scores of some images: a mask (I,) or positions."""
        at = np.arange(len(self))[np.asarray(keep)].tolist()
        strata = {k: [v[i] for i in at] for k, v in self.strata.items()}
        ids, images = [self.image_ids[i] for i in at], [self.image_scores[i] for i in at]
        return self.build(ids, images, self.request, strata=strata, seed=self.seed)

    def __len__(self) -> int:
        """Count the images."""
        return len(self.image_ids)

    def __getattr__(self, name: str) -> float:
        """Look a number up in the summary."""
        is_made = "image_scores" in self.__dict__
        may_be_score = is_made and not (name.startswith("_") or hasattr(type(self), name))
        if may_be_score and name in self.summary:
            return self.summary[name]
        raise AttributeError(f"'Scores' has no attribute and no score {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.summary})

    def __repr__(self) -> str:
        numbers = (f"{name} {value:.4f}" for name, value in self._main_scores().items())
        return f"{self._title()}\n{'  '.join(numbers)}"

    def _repr_html_(self) -> str:
        from nucfuse.metrics.tables import table_of

        table = table_of([self._main_scores()]).to_html(index=False, float_format="{:.4f}".format)
        return f"<p>{self._title()}</p>{table}"

    def _title(self) -> str:
        n_true, n_pred = self.summary["n_true"], self.summary["n_pred"]
        return f"Scores of {len(self)} images, {n_true} true and {n_pred} predicted nuclei"

    def _main_scores(self) -> dict[str, float]:
        names = (*MAIN_SCORES, *EXTRA_SCORES)
        return {name: self.summary[name] for name in names if name in self.summary}

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Numbers of the images by name, each of shape (I,)."""
        return image_columns(self.image_scores, self.request.percents)

    @cached_property
    def per_image(self) -> "pd.DataFrame":
        """One row per image; ``image_id, n_true, n_pred, dsb_ap, tp_50, …`` come first."""
        from nucfuse.metrics.tables import image_table

        return image_table(self.image_ids, self.columns, self.strata)

    @cached_property
    def objects(self) -> "pd.DataFrame":
        """One row per true and predicted nucleus; see `tables.object_table`."""
        from nucfuse.metrics.tables import object_table

        return object_table(self.image_ids, self.image_scores)

    @property
    def quotients(self) -> Quotients:
        """Numbers of the data set that are quotients of sums over its images.

        Made anew each time: they take more room than all else that is known of small images.
        """
        return Quotients.of(self.columns, self.request.percents)

    @cached_property
    def ranked(self) -> RankedScores | None:
        """COCO's numbers, where they were asked for."""
        images = self.ranked_images
        return coco.accumulate(images) if images else None

    @property
    def _rank_order(self) -> list[int]:
        """Ranked images as COCO takes them, which settles ties: by their places in the truth."""
        images = [image.ranked for image in self.image_scores]
        places = [0 if image is None else image.place for image in images]
        return [i for i in np.argsort(places, kind="stable").tolist() if images[i] is not None]

    @property
    def ranked_images(self) -> list[RankedImage]:
        """Matched detections; equal places leave the images in their order here."""
        images = [self.image_scores[i].ranked for i in self._rank_order]
        return [image for image in images if image is not None]

    @cached_property
    def summary(self) -> dict[str, float]:
        """All numbers of the data set by name; see `summary.Quotients` and `coco`."""
        sizes = {"n_images": len(self)} | {
            name: int(self.columns[name].sum()) for name in ("n_true", "n_pred", "both_empty")
        }
        ranked = {} if self.ranked is None else self.ranked.as_dict()
        return {**sizes, **self.quotients.as_dict(), **ranked}

    @property
    def thresholds(self) -> "pd.DataFrame":
        """One row per IoU threshold: mean ``ap``, and all images' hits, precision, recall, F1."""
        return _table(self.threshold_rows())

    def threshold_rows(self) -> list[dict[str, Any]]:
        """List the rows of `thresholds`."""
        return [
            {"threshold": p / 100, "ap": self.summary[f"ap_{p}"]}
            | {name: int(self.columns[f"{name}_{p}"].sum()) for name in ("tp", "fp", "fn")}
            | {name: self.summary[f"{name}_{p}"] for name in ("precision", "recall", "f1")}
            for p in self.request.percents
        ]

    @property
    def errors(self) -> "pd.DataFrame":
        """One row per kind of error: how many, and the gain in ``dsb_ap`` if it were corrected."""
        return _table(self.error_rows())

    def error_rows(self) -> list[dict[str, Any]]:
        """List the rows of `errors`; imprecise hits have no count (None)."""
        counts = [self.columns.get(what) for what in CORRECTABLE]
        return [
            {
                "kind": what,
                "count": None if count is None else int(count.sum()),
                "gain": self.summary[f"gain_{what}"],
            }
            for what, count in zip(CORRECTABLE, counts, strict=True)
        ]

    def by(self, key: str) -> "pd.DataFrame":
        """Scores of each stratum: one row per value of a key of ``strata``, or of ``"size"``.

        Raises
        ------
        ValueError
            If there is no such key.
        """
        return _table(self.stratum_rows(key))

    def stratum_rows(self, key: str) -> list[dict[str, Any]]:
        """List the rows of `by`."""
        if key == "size" and key not in self.strata:
            return nuclei.size_rows(self.image_scores, None)
        if key not in self.strata:
            known = ", ".join(["size", *self.strata])
            raise ValueError(f"no stratum {key!r}; there are {known}")
        values = np.array(self.strata[key], object)
        groups = sorted(set(self.strata[key]), key=str)
        return [{key: value, **self.subset(values == value).summary} for value in groups]

    def by_size(self, edges: Sequence[float] | None = None) -> "pd.DataFrame":
        """How nuclei of each size fare at IoU 0.5: one row per bin of area.

        Truths (``n_true, n_found, recall``, ``mean_iou`` of the found) are binned by their own
        area, predictions (``n_pred, precision``) by theirs; NaN where a bin is empty.

        Parameters
        ----------
        edges : sequence of float, optional
            Areas in pixels that end a bin, ascending; by default the quartiles of the truths.
        """
        return _table(nuclei.size_rows(self.image_scores, edges))

    def worst(self, most: int) -> list[int]:
        """Places of the images of the lowest ``dsb_ap``, the worst first."""
        return np.argsort(self.columns["dsb_ap"], kind="stable")[:most].tolist()

    def resampled(self, resamples: int = bootstrap.RESAMPLES) -> "pd.DataFrame":
        """Numbers of the summary (of COCO's ``coco_ap``) of resampled data sets, one row each."""
        import pandas as pd

        names, numbers = self.draws(resamples)
        return pd.DataFrame(numbers, columns=list(names))

    def draws(self, resamples: int) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Names (K,) and numbers (B, K) of resampled data sets.

        Images are drawn by the order of their ids, so that their order in the table does not
        matter.
        """
        ranked, order = self.ranked_images, self._rank_order
        rank = np.argsort(sorted(range(len(self)), key=self.image_ids.__getitem__))
        quotients, parts = self.quotients, []
        for by_id in bootstrap.resamplings(len(self), resamples, self.seed):
            weights = by_id[:, rank]
            numbers = quotients.resampled(weights)
            if ranked:
                numbers = np.column_stack([numbers, coco.resampled_ap(ranked, weights[:, order])])
            parts.append(numbers)
        extra = ("coco_ap",) if ranked else ()
        return quotients.names + extra, np.concatenate(parts)

    @cached_property
    def _usual_draws(self) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        return self.draws(bootstrap.RESAMPLES)

    def intervals(
        self, level: float = bootstrap.LEVEL, resamples: int = bootstrap.RESAMPLES
    ) -> dict[str, tuple[float, float]]:
        """Bootstrap percentile interval, over images, of numbers of the summary, by name."""
        usual = resamples == bootstrap.RESAMPLES
        names, numbers = self._usual_draws if usual else self.draws(resamples)
        low, high = bootstrap.interval(numbers, level)
        bounds = zip(low.tolist(), high.tolist(), strict=True)
        return dict(zip(names, bounds, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the tables of images and nuclei, for JSON: undefined numbers are None."""
        document: dict[str, Any] = dict(self.summary)
        document["rule"], document["percents"] = self.request.rule, list(self.request.percents)
        document["intervals"] = {
            "level": bootstrap.LEVEL,
            "resamples": bootstrap.RESAMPLES,
            "seed": self.seed,
            **self.intervals(),
        }
        document["thresholds"] = self.threshold_rows()
        document["errors"] = self.error_rows()
        document["by"] = {key: self.stratum_rows(key) for key in ("size", *self.strata)}
        return plain(document)


def _table(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    from nucfuse.metrics.tables import table_of

    return table_of(rows)


def check_comparable(one: Scores, other: Scores) -> None:
    """Raise a ValueError unless both were scored with the same thresholds and rule."""
    ours, theirs = one.request, other.request
    if ours.percents != theirs.percents or ours.rule != theirs.rule:
        raise ValueError(
            f"scores differ in thresholds or rule: {ours.percents} {ours.rule} and "
            f"{theirs.percents} {theirs.rule}; score both in the same way"
        )
