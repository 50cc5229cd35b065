"""All that is known of one scored image."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nucfuse.masks.kernels.arrays import Pairs
from nucfuse.masks.overlap import Overlaps
from nucfuse.metrics.anatomy import CORRECTABLE
from nucfuse.metrics.boundary import BoundaryScores
from nucfuse.metrics.coco import RankedImage
from nucfuse.metrics.kernels.sums import Sums
from nucfuse.metrics.matching import iou_of, partner_of

# Whole numbers of an image, at the begin of `ImageScores.numbers`.
NUMBERS = (
    *("half_hits", "aji_shared", "aji_united", "true_area", "pred_area", "shared_one_to_one"),
    *("true_foreground", "pred_foreground", "shared_foreground"),
)
_CORRECTIONS = 2 * len(CORRECTABLE)


class Counted(NamedTuple):
    """What `kernels.sums.count_image` returns; ``hits`` are ``tp`` and ``corrections``."""

    sums: Sums
    kinds: NDArray[np.int8]
    hits: tuple[NDArray[np.int64], NDArray[np.int64]]
    closest: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ImageScores:
    """One image: its hits, errors and every nucleus; make one with `scoring.score_image`.

    Its scores are quotients of sums, which `columns` makes for any number of images at once. All
    whole numbers lie in one array of the smallest type that holds them, as a data set may have
    100,000 images and an array by itself takes more room than the numbers of a small one.

    Attributes
    ----------
    numbers : ndarray of int, shape (M,)
        `NUMBERS`, then what the properties below take from it.
    n_true, n_pred, n_pairs, n_thresholds : int
        T true and N predicted nuclei, K pairs of them that share pixels, P thresholds.
    half_iou, true_dice, pred_dice : float
        See `Sums`.
    ranked : RankedImage or None
        Detections by confidence, where ``coco_ap`` was asked for.
    boundary : BoundaryScores or None
    is_missing : bool
        There is no prediction: it scores 0, even if there is nothing to find.
    """

    numbers: NDArray[Any]
    n_true: int
    n_pred: int
    n_pairs: int
    n_thresholds: int
    half_iou: float
    true_dice: float
    pred_dice: float
    ranked: RankedImage | None = None
    boundary: BoundaryScores | None = None
    is_missing: bool = False

    @classmethod
    def of(
        cls,
        overlaps: Overlaps,
        counted: Counted,
        hit_pairs: NDArray[np.int64],
        shared_one_to_one: int,
        ranked: RankedImage | None = None,
        boundary: BoundaryScores | None = None,
    ) -> "ImageScores":
        """From what was found; see the properties."""
        sums, o = counted.sums, overlaps
        whole = (
            *(sums.half_hits, sums.aji_shared, sums.aji_united, sums.true_area, sums.pred_area),
            *(shared_one_to_one, o.true_foreground, o.pred_foreground, o.shared_foreground),
        )
        tp, corrections = counted.hits
        numbers = np.concatenate(
            [
                *(np.array(whole, np.int64), tp, corrections.ravel(), counted.kinds),
                *(hit_pairs, counted.closest, o.true_areas, o.pred_areas, o.true_ids, o.pred_ids),
                *(o.true_index, o.pred_index, o.pixels),
            ]
        )
        sizes = o.true_areas.size, o.pred_areas.size, o.pixels.size, tp.size
        fractions = float(sums.half_iou), float(sums.true_dice), float(sums.pred_dice)
        return cls(_small(numbers), *sizes, *fractions, ranked, boundary)

    @property
    def counts(self) -> NDArray[Any]:
        """Hold what has one size for all images: `NUMBERS`, ``tp``, ``corrections``."""
        return self.numbers[: self._begin]

    @property
    def tp(self) -> NDArray[np.int64]:
        """Hits at each threshold, (P,)."""
        begin = len(NUMBERS)
        return self.numbers[begin : begin + self.n_thresholds].astype(np.int64)

    @property
    def kinds(self) -> NDArray[np.int64]:
        """Index into `anatomy.KINDS` of each truth, then of each prediction, (T + N,)."""
        return self._of_nuclei(0)

    @property
    def hit_pairs(self) -> NDArray[np.int64]:
        """Place in ``pairs`` of the one that is the hit at 50 %, -1 for none, (T + N,)."""
        return self._of_nuclei(1)

    @property
    def best_pairs(self) -> NDArray[np.int64]:
        """Place in ``pairs`` of the one of the largest IoU, -1 for none, (T + N,)."""
        return self._of_nuclei(2)

    @property
    def areas(self) -> NDArray[np.int64]:
        """Pixels of each truth, then of each prediction, (T + N,)."""
        return self._of_nuclei(3)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Label of each truth, then of each prediction, (T + N,)."""
        return self._of_nuclei(4)

    @property
    def pairs(self) -> Pairs:
        """Pairs of nuclei that share pixels, as kernels take them."""
        begin = self._begin + 5 * (self.n_true + self.n_pred)
        rows, cols, pixels = self.numbers[begin:].reshape(3, self.n_pairs).astype(np.int64)
        areas = self.areas
        unions = areas[rows] + areas[self.n_true + cols] - pixels
        return Pairs(rows.astype(np.int32), cols.astype(np.int32), pixels, unions)

    def partners(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Label of the other side's nucleus in pairs of all nuclei (T + N,); 0 for none."""
        of, ids, t = self.pairs, self.ids, self.n_true
        of_true = np.append(ids[t:], 0)[partner_of(pairs[:t], of.cols)]
        of_pred = np.append(ids[:t], 0)[partner_of(pairs[t:], of.rows)]
        return np.concatenate([of_true, of_pred])

    def ious(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """IoU of pairs of all nuclei, shape (T + N,); 0 for none."""
        return iou_of(pairs, self.pairs)

    @property
    def _begin(self) -> int:
        """Where the numbers of the nuclei begin."""
        return len(NUMBERS) + self.n_thresholds + _CORRECTIONS * (self.n_thresholds + 1)

    def _of_nuclei(self, k: int) -> NDArray[np.int64]:
        n = self.n_true + self.n_pred
        return self.numbers[self._begin + k * n : self._begin + (k + 1) * n].astype(np.int64)


# NumPy takes 4 µs to say what an integer type holds.
_TYPES = tuple((np.iinfo(kind).max, kind) for kind in (np.int8, np.int16, np.int32, np.int64))


def _small(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Choose the smallest type for numbers of which none is below -1."""
    most = int(numbers.max())
    return numbers.astype(next(kind for largest, kind in _TYPES if most <= largest))
