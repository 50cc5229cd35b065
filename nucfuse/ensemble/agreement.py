"""How far several models agree: per pixel, per nucleus, and which nuclei to look at again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.ensemble.maps.weights import check_weights
from nucfuse.masks.allocation import check_pixels
from nucfuse.masks.instances import Instances
from nucfuse.masks.overlap import Overlaps, overlaps

# Weights as whole numbers, so that their sum does not depend on the order of the models.
_WHOLE = 2.0**40

# Nuclei of a confidence in [low, high) are equivocal. 0.6: two of three models with an IoU of 0.9.
BOUNDS = (0.0, 0.6)


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What M models say about the R nuclei of one image.

    A model's nucleus matches the one of the result with which it has an IoU above the limit. A
    nucleus is held by one of the other side if more than half of its area lies in it, unless it
    matches another one (as in `nucfuse.metrics.anatomy`).

    Attributes
    ----------
    ious : ndarray of float32, shape (R, M)
        IoU of each nucleus with its match in each model, 0 if it has none.
    matches : ndarray of int32, shape (R, M)
        Place of that match in the model's set, -1 if there is none.
    splits : ndarray of bool, shape (R, M)
        Whether the model has no match, but cuts the nucleus in pieces: two or more of its nuclei
        are held by it.
    merges : ndarray of bool, shape (R, M)
        Whether the model has no match, but runs the nucleus together with others: it is held by a
        nucleus of the model that holds two or more.
    weights : ndarray of float64, shape (M,)
        Of the models; the largest is 1.
    """

    ious: NDArray[np.float32]
    matches: NDArray[np.int32]
    splits: NDArray[np.bool_]
    merges: NDArray[np.bool_]
    weights: NDArray[np.float64]

    @property
    def votes(self) -> NDArray[np.int64]:
        """How many models with weight have a match, shape (R,)."""
        return np.count_nonzero(self.ious[:, self.weights > 0], axis=1)

    @property
    def n_models(self) -> int:
        """Models with weight."""
        return int(np.count_nonzero(self.weights))

    @property
    def confidence(self) -> NDArray[np.float32]:
        """Weighted mean of the IoUs over all models, those without a match as 0; shape (R,)."""
        terms = np.sort(self.ious * self.weights, axis=1)  # in one order, whatever the models'
        return (terms.sum(axis=1) / np.sort(self.weights).sum()).astype(np.float32)


class Equivocal(NamedTuple):
    """One nucleus that a person should look at: a row of equivocal.csv.

    Attributes
    ----------
    image_id : str
    nucleus : int
        Its number in the result, from 1: its id in the label image.
    y, x : float
        Centre of its box in pixels.
    area : int
        In pixels.
    votes, n_models : int
        How many models have it, of how many.
    confidence : float
        In [0, 1]; see `Agreement`.
    reason : str
        Such as "low confidence; split by unet, otsu".
    """

    image_id: str
    nucleus: int
    y: float
    x: float
    area: int
    votes: int
    n_models: int
    confidence: float
    reason: str


def agreement_map(
    sets: Sequence[Instances], weights: Iterable[float] | None = None
) -> NDArray[np.float32]:
    """Share of the models that call each pixel nucleus, by weight.

    Parameters
    ----------
    sets : sequence of M Instances
        What the models found in one image.
    weights : iterable of M float, optional
        Of the models, 0 or more; equal by default.

    Returns
    -------
    ndarray of float32, shape (H, W)
        In [0, 1]: 1 where all agree on nucleus, 0 where all agree on background.

    Raises
    ------
    ValueError
        If there are no sets, their shapes differ, or weights do not fit.

    Notes
    -----
    Runs are added at their ends and summed up once: time O(runs + H W), memory O(H W).

    Examples
    --------
    >>> a, b = (Instances.from_labels(np.array([x])) for x in ([1, 1, 0], [0, 1, 0]))
    >>> agreement_map([a, b])
    array([[0.5, 1. , 0. ]], dtype=float32)
    """
    shares = _checked(sets, weights)
    height, width = sets[0].shape
    check_pixels((height, width))
    whole = np.rint(shares * _WHOLE).astype(np.int64)
    changes = np.zeros(height * width + 1, np.int64)
    for one, weight in zip(sets, whole, strict=True):
        starts, lengths = one.union()  # disjoint and not touching, so no place comes twice
        changes[starts] += weight
        changes[starts + lengths] -= weight
    flat = np.cumsum(changes[:-1]) / whole.sum()
    return np.ascontiguousarray(flat.reshape(width, height).T, np.float32)


def nucleus_agreement(
    fused: Instances,
    sets: Sequence[Instances],
    weights: Iterable[float] | None = None,
    iou: float = 0.5,
) -> Agreement:
    """Compare the nuclei of a result with what each model found.

    Parameters
    ----------
    fused : Instances
        R nuclei of one image.
    sets : sequence of M Instances
        What the models found in it.
    weights : iterable of M float, optional
        Of the models, 0 or more; equal by default.
    iou : float
        In [0, 1): a nucleus matches above this intersection over union.

    Raises
    ------
    ValueError
        If there are no sets, shapes differ, weights do not fit or ``iou`` is out of range.
    """
    shares = _checked(sets, weights)
    if fused.shape != sets[0].shape:
        raise ValueError(f"the result has shape {fused.shape}, the models' sets {sets[0].shape}")
    if not 0 <= iou < 1:
        raise ValueError(f"iou must be in [0, 1), got {iou!r}")
    size = len(fused), len(sets)
    ious, matches = np.zeros(size, np.float32), np.full(size, -1, np.int32)
    splits, merges = np.zeros(size, bool), np.zeros(size, bool)
    for m, one in enumerate(sets):
        pairs = overlaps(fused, one)
        is_match = pairs.iou > iou
        # From the last and lowest IoU to the first and highest: of equal indices the last stays.
        found = np.flatnonzero(is_match)
        found = found[np.lexsort((-found, pairs.iou[found]))]
        ious[pairs.true_index[found], m] = pairs.iou[found]
        matches[pairs.true_index[found], m] = pairs.pred_index[found]
        unmatched = ious[:, m] == 0
        splits[:, m], merges[:, m] = _cut_or_joined(pairs, is_match)
        splits[:, m] &= unmatched
        merges[:, m] &= unmatched
    return Agreement(ious, matches, splits, merges, shares)


def _cut_or_joined(
    pairs: Overlaps, is_match: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which nuclei of the result hold several of the model, and which share one that holds them."""
    rows, columns = pairs.true_index, pairs.pred_index
    n_rows, n_columns = pairs.true_areas.size, pairs.pred_areas.size
    row_matched, column_matched = np.zeros(n_rows, bool), np.zeros(n_columns, bool)
    row_matched[rows[is_match]] = True
    column_matched[columns[is_match]] = True
    pieces = (2 * pairs.pixels > pairs.pred_areas[columns]) & (is_match | ~column_matched[columns])
    is_cut = np.bincount(rows[pieces], minlength=n_rows) >= 2
    swallowed = (2 * pairs.pixels > pairs.true_areas[rows]) & (is_match | ~row_matched[rows])
    swallows = np.bincount(columns[swallowed], minlength=n_columns) >= 2
    is_joined = np.zeros(n_rows, bool)
    is_joined[rows[swallowed & swallows[columns]]] = True
    return is_cut, is_joined


def equivocal(
    image_id: str,
    fused: Instances,
    agreement: Agreement,
    names: Sequence[str],
    bounds: tuple[float, float] = BOUNDS,
) -> list[Equivocal]:
    """List the nuclei of an image that a person should look at, and why.

    Parameters
    ----------
    image_id : str
    fused : Instances
        R nuclei.
    agreement : Agreement
        Of these nuclei with M models.
    names : sequence of M str
        Of the models.
    bounds : (float, float)
        A nucleus is listed for its confidence if that is in [low, high); and whatever its
        confidence, if a model with weight splits it or merges it with others.

    Raises
    ------
    ValueError
        If the numbers of nuclei or names do not fit, or the bounds are not in order.
    """
    n_nuclei, n_models = agreement.ious.shape
    if len(fused) != n_nuclei or len(names) != n_models:
        raise ValueError(
            f"the agreement is of {n_nuclei} nuclei with {n_models} models, but there are "
            f"{len(fused)} nuclei and {len(names)} names"
        )
    low, high = bounds
    if not low <= high:
        raise ValueError(f"bounds must be (low, high) with low <= high, got {bounds!r}")
    confidence, votes = agreement.confidence, agreement.votes
    rows = []
    for r, box in enumerate(fused.boxes.tolist()):
        reasons = ["low confidence"] if low <= confidence[r] < high else []
        reasons += _other_views(agreement, r, names)
        if reasons:
            centre = (box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2
            rows.append(
                Equivocal(
                    image_id,
                    r + 1,
                    *centre,
                    int(fused.areas[r]),
                    int(votes[r]),
                    agreement.n_models,
                    float(confidence[r]),
                    "; ".join(reasons),
                )
            )
    return rows


def _other_views(agreement: Agreement, nucleus: int, names: Sequence[str]) -> list[str]:
    """Which models with weight split a nucleus or merge it with others, in words."""
    words = []
    for word, table in (("split", agreement.splits), ("merged", agreement.merges)):
        says = (table[nucleus] & (agreement.weights > 0)).tolist()
        who = [name for name, said in zip(names, says, strict=True) if said]
        words += [f"{word} by {', '.join(who)}"] if who else []
    return words


def _checked(sets: Sequence[Instances], weights: Iterable[float] | None) -> NDArray[np.float64]:
    """Weights of the models, after a look at the sets."""
    if not sets:
        raise ValueError("there are no models to compare; give at least one set of nuclei")
    for k, one in enumerate(sets):
        if one.shape != sets[0].shape:
            raise ValueError(
                f"sets must be of one image, but set 0 has shape {sets[0].shape} and set {k} "
                f"{one.shape}"
            )
    return check_weights(weights, len(sets))
