"""Sets of predictions compared on the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    strata : mapping of str to mapping of str to Difference
        By key and value of the stratum, that of its images; only those asked for.
    sizes : list of dict
        For each bin of area (see `Scores.by_size`) ``recall_first``, ``recall_other``,
        ``recall_difference``, ``precision_first``, … if "size" was asked for.
    """

    names: tuple[str, str]
    n_images: int
    n_left_out: int
    table: pd.DataFrame
    strata: Mapping[str, Mapping[Any, "Difference"]] = field(default_factory=dict)
    sizes: Sequence[Mapping[str, float]] = ()

    @classmethod
    def of(
        cls,
        first: Scores,
        other: Scores,
        names: tuple[str, str] = ("first", "other"),
        seed: int = 0,
        by: Sequence[str] = (),
    ) -> "Difference":
        """Compare two sets; both are resampled with the same images.

        Parameters
        ----------
        first, other : Scores
        names : (str, str)
        seed : int
        by : sequence of str
            Strata of ``first`` to compare as well, or "size".

        Raises
        ------
        ValueError
            If thresholds or rules differ, the sets have no image in common, or there is no such
            stratum.
        """
        check_comparable(first, other)
        common = sorted(set(first.image_ids) & set(other.image_ids))
        if not common:
            raise ValueError(f"{names[0]} and {names[1]} have no image in common")
        sides = [_only(scores, common, seed) for scores in (first, other)]
        everyone = set(first.image_ids) | set(other.image_ids)
        left_out = len(everyone) - len(common)
        keys = [key for key in by if key != "size" or key in first.strata]
        strata = {key: _strata(sides, names, seed, key) for key in keys}
        sizes = _sizes(sides) if "size" in set(by) - set(keys) else []
        return cls(names, len(common), left_out, cls._table(sides), strata, sizes)

    @staticmethod
    def _table(sides: Sequence[Scores]) -> pd.DataFrame:
        drawn = [side.resampled() for side in sides]
        shared = [name for name in drawn[0].columns if name in drawn[1].columns]
        low, high = bootstrap.interval(drawn[1][shared].to_numpy() - drawn[0][shared].to_numpy())
        values = [[side.summary[name] for name in shared] for side in sides]
        table = pd.DataFrame({"first": values[0], "other": values[1]}, index=shared)
        table.index.name = "score"
        table["difference"] = table["other"] - table["first"]
        table["low"], table["high"] = low, high
        wins = _wins(*(image_values(side.columns) for side in sides)).reindex(shared)
        return table.join(wins.astype("Int64"))

    def __repr__(self) -> str:
        shown = [name for name in (*MAIN_SCORES, *EXTRA_SCORES) if name in self.table.index]
        table = self.table.loc[shown, "difference":].to_string(float_format="{:+.4f}".format)
        return f"{self.names[1]} minus {self.names[0]}, on {self.n_images} images\n{table}"

    def to_dict(self) -> dict[str, Any]:
        """Names, images, a row per number of the summary, and the strata, for JSON."""
        rows = self.table.reset_index().astype(object)
        by: dict[str, Any] = {"size": plain(list(self.sizes))} if self.sizes else {}
        for key, of_key in self.strata.items():
            by[key] = [{key: value, **one.to_dict()} for value, one in of_key.items()]
        return {
            "names": list(self.names),
            "n_images": self.n_images,
            "n_left_out": self.n_left_out,
            "scores": plain(rows.where(rows.notna(), None).to_dict("records")),
            **({"by": by} if by else {}),
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
    def of(
        cls, scores: Sequence[Scores], names: Sequence[str], seed: int = 0, by: Sequence[str] = ()
    ) -> "Comparison":
        """Compare sets with the first of them; takes strata and raises as `Difference.of`."""
        others = zip(scores[1:], names[1:], strict=True)
        differences = [
            Difference.of(scores[0], other, (names[0], name), seed, by) for other, name in others
        ]
        return cls(tuple(names), tuple(scores), tuple(differences))

    @property
    def table(self) -> pd.DataFrame:
        """The tables of all differences, with the names of the sets in the last two columns."""
        return pd.concat([_named_rows(difference) for difference in self.differences])

    @property
    def strata_table(self) -> pd.DataFrame:
        """The same of each stratum, which ``stratum`` and ``value`` name; sizes are not in it."""
        parts = [
            _named_rows(of_value).assign(stratum=key, value=value)
            for difference in self.differences
            for key, of_key in difference.strata.items()
            for value, of_value in of_key.items()
        ]
        return pd.concat(parts) if parts else pd.DataFrame()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.differences))


def _named_rows(difference: Difference) -> pd.DataFrame:
    first, other = difference.names
    return difference.table.reset_index().assign(first_name=first, other_name=other)


def _strata(
    sides: Sequence[Scores], names: tuple[str, str], seed: int, key: str
) -> dict[Any, Difference]:
    """Differences of both sides, which have the same images, by the value of one key."""
    if key not in sides[0].strata:
        known = ", ".join(["size", *sides[0].strata])
        raise ValueError(f"no stratum {key!r}; there are {known}")
    values = np.array(sides[0].strata[key], object)
    parts = {}
    for value in sorted(set(values.tolist()), key=str):
        first, other = (side.subset(values == value) for side in sides)
        parts[value] = Difference.of(first, other, names, seed)
    return parts


def _sizes(sides: Sequence[Scores]) -> list[dict[str, float]]:
    """Both sides' recall and precision by size; the truths, and so the bins, are the same."""
    rows = []
    for first, other in zip(*(side.stratum_rows("size") for side in sides), strict=True):
        row = {name: first[name] for name in ("area_above", "area_up_to", "n_true")}
        for name in ("recall", "precision"):
            row[f"{name}_first"], row[f"{name}_other"] = first[name], other[name]
            row[f"{name}_difference"] = other[name] - first[name]
        rows.append(row)
    return rows


def _only(scores: Scores, image_ids: list[str], seed: int) -> Scores:
    """Those images in that order, with that seed, so that both sides are drawn alike."""
    at = {image_id: i for i, image_id in enumerate(scores.image_ids)}
    chosen = scores.subset([at[image_id] for image_id in image_ids])
    return replace(chosen, seed=seed)


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
