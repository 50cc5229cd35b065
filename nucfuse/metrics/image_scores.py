"""All that is known of one scored image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.kernels.arrays import Pairs
from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.boundary import BoundaryScores
from nucfuse.metrics.coco import RankedImage
from nucfuse.metrics.kernels.sums import Sums
from nucfuse.metrics.matching import iou_of, partner_of


@dataclass(frozen=True, slots=True)
class ImageScores:
    """One image: its hits, errors and every nucleus; make one with `scoring.score_image`.

    Its scores are quotients of sums, which `columns` makes for any number of images at once.

    Attributes
    ----------
    overlaps : Overlaps
    pairs : Pairs
        The same as kernels take them.
    tp : ndarray of int64, shape (P,)
        Hits at each threshold.
    corrections : ndarray of int64, shape (2, 6, P + 1)
        Truths that become hits at each threshold, and predictions that go, if one kind of error
        (`anatomy.CORRECTABLE`) is corrected; in the last column all nuclei that have the error.
    sums : Sums
        Numerators and denominators of scores.
    shared_one_to_one : int
        Pixels shared by the pairs of `jaccard.aji_plus`.
    kinds : ndarray of int8, shape (T + N,)
        Index into `anatomy.KINDS` of each truth, then of each prediction.
    hit_pairs, best_pairs : ndarray of int64, shape (T + N,)
        Place in ``overlaps`` of the pair that is the hit at 50 % and of the one of the largest IoU,
        of each truth, then of each prediction; -1 for none.
    ranked : RankedImage or None
        Detections by confidence, where ``coco_ap`` was asked for.
    boundary : BoundaryScores or None
    is_missing : bool
        There is no prediction: it scores 0, even if there is nothing to find.
    """

    overlaps: Overlaps
    pairs: Pairs
    tp: NDArray[np.int64]
    corrections: NDArray[np.int64]
    sums: Sums
    shared_one_to_one: int
    kinds: NDArray[np.int8]
    hit_pairs: NDArray[np.int64]
    best_pairs: NDArray[np.int64]
    ranked: RankedImage | None = None
    boundary: BoundaryScores | None = None
    is_missing: bool = False

    @property
    def n_true(self) -> int:
        """True nuclei."""
        return self.overlaps.true_areas.size

    @property
    def n_pred(self) -> int:
        """Predicted nuclei."""
        return self.overlaps.pred_areas.size

    def partners(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Label of the other side's nucleus in pairs of all nuclei (T + N,); 0 for none."""
        o, t = self.overlaps, self.n_true
        of_true = np.append(o.pred_ids, 0)[partner_of(pairs[:t], o.pred_index)]
        of_pred = np.append(o.true_ids, 0)[partner_of(pairs[t:], o.true_index)]
        return np.concatenate([of_true, of_pred])

    def ious(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """IoU of pairs of all nuclei, shape (T + N,); 0 for none."""
        return iou_of(pairs, self.pairs)
