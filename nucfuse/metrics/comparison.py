"""Sets of predictions compared on the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nucfuse.metrics import bootstrap
from nucfuse.metrics.names import EXTRA_SCORES, FEWER_IS_BETTER, MAIN_SCORES
from nucfuse.metrics.scores import Scores, check_comparable
from nucfuse.metrics.summary import image_values, plain

# Scores of an image closer than this are a tie: sums in another order differ by less.
_TIE = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Difference:
    """Differences of two prediction sets, ``other`` less ``first``, on the images both have.

    Attributes
    ----------
    names : (str, str)
        What the two are called.
    n_images : int
        Images that both have.
    n_left_out : int
        Images that only one of them has.
    table : DataFrame
        One row per number of the summary (index ``score``): ``first``, ``other``, ``difference``,
        the bootstrap interval ``low`` to ``high`` of the difference, and the images on which
        ``other`` ``wins``, ``losses`` or ``ties``; fewer errors are better. Where an image has no
        such number (pooled ones) the last three are NA.
    """

    names: tuple[str, str]
    n_images: int
    n_left_out: int
    table: pd.DataFrame

    @classmethod
    def of(
        cls,
        first: Scores,
        other: Scores,
        names: tuple[str, str] = ("first", "other"),
        seed: int = 0,
    ) -> "Difference":
        """Compare two sets; both are resampled with the same images.

        Raises
        ------
        ValueError
            If thresholds or rules differ, or the sets have no image in common.
        """
        check_comparable(first, other)
        common = sorted(set(first.image_ids) & set(other.image_ids))
        if not common:
            raise ValueError(f"{names[0]} and {names[1]} have no image in common")
        sides = [_only(scores, common, seed) for scores in (first, other)]
        drawn = [side.resampled() for side in sides]
        shared = [name for name in drawn[0].columns if name in drawn[1].columns]
        low, high = bootstrap.interval(drawn[1][shared].to_numpy() - drawn[0][shared].to_numpy())
        values = [[side.summary[name] for name in shared] for side in sides]
        table = pd.DataFrame({"first": values[0], "other": values[1]}, index=shared)
        table.index.name = "score"
        table["difference"] = table["other"] - table["first"]
        table["low"], table["high"] = low, high
        wins = _wins(*(image_values(side.columns) for side in sides)).reindex(shared)
        everyone = set(first.image_ids) | set(other.image_ids)
        left_out = len(everyone) - len(common)
        return cls(names, len(common), left_out, table.join(wins.astype("Int64")))

    def __repr__(self) -> str:
        shown = [name for name in (*MAIN_SCORES, *EXTRA_SCORES) if name in self.table.index]
        table = self.table.loc[shown, "difference":].to_string(float_format="{:+.4f}".format)
        return f"{self.names[1]} minus {self.names[0]}, on {self.n_images} images\n{table}"

    def to_dict(self) -> dict[str, Any]:
        """Names, images and a row per number of the summary, for JSON."""
        rows = self.table.reset_index().astype(object)
        return {
            "names": list(self.names),
            "n_images": self.n_images,
            "n_left_out": self.n_left_out,
            "scores": plain(rows.where(rows.notna(), None).to_dict("records")),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Prediction sets, each compared with the first; make one with `nucfuse.compare` or `of`.

    Attributes
    ----------
    names : tuple of str
    scores : tuple of Scores
    differences : tuple of Difference
        Of each set after the first, less the first.
    """

    names: tuple[str, ...]
    scores: tuple[Scores, ...]
    differences: tuple[Difference, ...]

    @classmethod
    def of(cls, scores: Sequence[Scores], names: Sequence[str], seed: int = 0) -> "Comparison":
        """Compare sets with the first of them; raises as `Difference.of`."""
        others = zip(scores[1:], names[1:], strict=True)
        differences = [
            Difference.of(scores[0], other, (names[0], name), seed) for other, name in others
        ]
        return cls(tuple(names), tuple(scores), tuple(differences))

    @property
    def table(self) -> pd.DataFrame:
        """The tables of all differences, with the names of the sets in the last two columns."""
        parts = [
            d.table.reset_index().assign(first_name=d.names[0], other_name=d.names[1])
            for d in self.differences
        ]
        return pd.concat(parts)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.differences))


def _only(scores: Scores, image_ids: list[str], seed: int) -> Scores:
    """Those images in that order, with that seed, so that both sides are drawn alike."""
    at = {image_id: i for i, image_id in enumerate(scores.image_ids)}
    images = [scores.image_scores[at[image_id]] for image_id in image_ids]
    return Scores.build(image_ids, images, scores.request, seed=seed)


def _wins(
    first: dict[str, NDArray[np.float64]], other: dict[str, NDArray[np.float64]]
) -> pd.DataFrame:
    """Images on which the second side is better, worse, the same, by score."""
    rows = {}
    for name in first.keys() & other.keys():
        better = other[name] - first[name]
        if name in FEWER_IS_BETTER:
            better = -better
        wins, losses = int((better > _TIE).sum()), int((better < -_TIE).sum())
        rows[name] = {"wins": wins, "losses": losses, "ties": better.size - wins - losses}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["wins", "losses", "ties"])
