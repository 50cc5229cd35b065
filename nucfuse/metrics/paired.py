"""Two sets of predictions compared on the same images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nucfuse.metrics import bootstrap
from nucfuse.metrics.scores import Scores, check_comparable, plain
from nucfuse.metrics.summary import FEWER_IS_BETTER, image_values

# Scores of an image closer than this are a tie: sums in another order differ by less.
_TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Paired:
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
        One row per headline number (index ``score``): ``first``, ``other``, ``difference``, the
        bootstrap interval ``low`` to ``high`` of the difference, and the images on which ``other``
        ``wins``, ``losses`` or ``ties``; fewer errors are better. Where an image has no such
        number (pooled ones) the last three are NA.
    """

    names: tuple[str, str]
    n_images: int
    n_left_out: int
    table: pd.DataFrame

    @classmethod
    def of(
        cls, first: Scores, other: Scores, names: tuple[str, str] = ("first", "other"),
        seed: int = 0, resamples: int = bootstrap.RESAMPLES, level: float = bootstrap.LEVEL,
    ) -> "Paired":  # fmt: skip
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
        drawn = [side.resampled(resamples) for side in sides]
        shared = [name for name in drawn[0].columns if name in drawn[1].columns]
        low, high = bootstrap.interval(
            drawn[1][shared].to_numpy() - drawn[0][shared].to_numpy(), level
        )
        values = [[side.summary[name] for name in shared] for side in sides]
        table = pd.DataFrame({"first": values[0], "other": values[1]}, index=shared)
        table.index.name = "score"
        table["difference"] = table["other"] - table["first"]
        table["low"], table["high"] = low, high
        wins = _wins(*(image_values(side.columns) for side in sides)).reindex(shared)
        everyone = set(first.image_ids) | set(other.image_ids)
        left_out = len(everyone) - len(common)
        return cls(names, len(common), left_out, table.join(wins.astype("Int64")))

    def to_dict(self) -> dict[str, Any]:
        """Names, images and a row per headline number, for JSON."""
        return {
            "names": list(self.names),
            "n_images": self.n_images,
            "n_left_out": self.n_left_out,
            "scores": plain(self.table.reset_index().to_dict("records")),
        }


def _only(scores: Scores, image_ids: list[str], seed: int) -> Scores:
    """Those images in that order, with that seed, so that both sides are drawn alike."""
    at = {image_id: i for i, image_id in enumerate(scores.image_ids)}
    results = [scores.results[at[image_id]] for image_id in image_ids]
    return Scores.build(image_ids, results, scores, seed=seed)


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
