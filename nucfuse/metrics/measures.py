"""All numbers of one image that follow from its overlaps, in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.anatomy import MENDABLE
from nucfuse.metrics.kernels import measures as kernels
from nucfuse.metrics.matching import (
    DSB_PERCENTS,
    Rule,
    are_disjoint,
    iou_of,
    is_strict,
    partner_of,
    percent_array,
)

MENDED_COLUMNS = tuple(f"mended_{what}" for what in MENDABLE)
# Names of `ImageMeasures.numbers`.
NUMBER_COLUMNS = kernels.SCORE_COLUMNS + kernels.ERROR_COLUMNS + MENDED_COLUMNS


@dataclass(frozen=True, slots=True)
class ImageMeasures:
    """Scores, errors and every nucleus of one image.

    Attributes
    ----------
    numbers : ndarray of float64, shape (len(NUMBER_COLUMNS),)
        Scores in [0, 1], counts of errors, and ``mended_...``: the ``dsb_ap`` that the image would
        have if one kind of error alone were mended; `as_dict` gives them by name.
    tp : ndarray of int64, shape (P,)
        Hits at each threshold.
    percents : ndarray of int64, shape (P,)
    rule : {">", ">="}
    kinds : ndarray of int8, shape (T + N,)
        Index into `errors.KINDS` of each truth, then of each prediction.
    hit_pairs, best_pairs : ndarray of int64, shape (T + N,)
        Place in ``overlaps`` of the pair that is the hit at 50 % and of the one of the largest IoU,
        of each truth, then of each prediction; -1 for none.
    overlaps : Overlaps
        What was measured.
    unions : ndarray of int64, shape (K,)
        Pixels in either mask of each pair of the overlaps.
    """

    numbers: NDArray[np.float64]
    tp: NDArray[np.int64]
    percents: NDArray[np.int64]
    rule: Rule
    kinds: NDArray[np.int8]
    hit_pairs: NDArray[np.int64]
    best_pairs: NDArray[np.int64]
    overlaps: Overlaps
    unions: NDArray[np.int64]

    @property
    def n_true(self) -> int:
        """True nuclei."""
        return self.overlaps.true_areas.size

    @property
    def n_pred(self) -> int:
        """Predicted nuclei."""
        return self.overlaps.pred_areas.size

    @property
    def both_empty(self) -> bool:
        """Whether neither side has nuclei, which scores 1.0."""
        return self.n_true == 0 and self.n_pred == 0

    def as_dict(self) -> dict[str, float]:
        """The numbers by name."""
        return dict(zip(NUMBER_COLUMNS, self.numbers.tolist(), strict=True))

    def partners(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Label of the other side's nucleus in pairs of all nuclei (T + N,); 0 for none."""
        o, t = self.overlaps, self.n_true
        of_true = np.append(o.pred_ids, 0)[partner_of(pairs[:t], o.pred_index)]
        of_pred = np.append(o.true_ids, 0)[partner_of(pairs[t:], o.true_index)]
        return np.concatenate([of_true, of_pred])

    def ious(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """IoU of pairs of all nuclei, shape (T + N,); 0 for none."""
        return iou_of(pairs, self.overlaps.pixels, self.unions)


def measure(
    overlaps: Overlaps, percents: Sequence[int] = DSB_PERCENTS, rule: Rule = ">"
) -> ImageMeasures:
    """Measure one image; what each number means is said where it is named.

    ``dsb_ap``: `average_precision`. ``pq, sq, rq``: `panoptic`. ``aji, aji_plus``: `jaccard`.
    ``dice, pixel_iou, object_dice``: `pixel`. ``missed, spurious, split, merged, poor_boundary``
    and the ``mended_...``: `errors`. An image without nuclei on both sides scores 1.0, on one
    side 0.0, in all of them.

    Parameters
    ----------
    overlaps : Overlaps
        Of one image.
    percents : sequence of int
        IoU thresholds of ``dsb_ap`` in whole percents, ascending.
    rule : {">", ">="}
        Whether an IoU on the threshold is no hit, or one. PQ keeps to ``>`` as defined.

    Raises
    ------
    ValueError
        See `matching.match`.

    Examples
    --------
    >>> from nucfuse.masks.overlap import overlaps
    >>> image = measure(overlaps(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 5, 0]])))
    >>> image.tp.tolist(), image.as_dict()["missed"], image.as_dict()["pq"]
    ([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], 1.0, 0.4444444444444444)
    """
    checked = percent_array(percents)
    numbers, tp, kinds, hit, best, unions = kernels.measure_image(
        overlaps.true_index, overlaps.pred_index, overlaps.pixels,
        overlaps.true_areas, overlaps.pred_areas, overlaps.true_foreground,
        overlaps.pred_foreground, overlaps.shared_foreground,
        are_disjoint(overlaps), checked, is_strict(rule),
    )  # fmt: skip
    return ImageMeasures(numbers, tp, checked, rule, kinds, hit, best, overlaps, unions)
