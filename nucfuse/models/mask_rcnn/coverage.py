"""Which nuclei of a data set the anchors of a configuration cover, by size."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nucfuse.models.mask_rcnn.anchors import best_overlaps
from nucfuse.models.mask_rcnn.config import MaskRCNNConfig

# Edges of the size classes, in pixels. Size: the side of a square of the area of the box.
SIZE_EDGES = (8, 16, 32, 64, 128)
# From these IoU on a nucleus counts as covered: what a region and an anchor need to be positive.
COVERED = (0.5, 0.7)
# A size class is left out if anchors cover less of it than this at the lower of them.
_LEFT_OUT = 0.5
# Squares in each other, one of twice the side, have an IoU of 0.25, and one half-way (by ratio)
# between them has 0.5 with both: what lies between sizes farther apart is covered by neither.
_LARGEST_STEP = 2


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How well anchors cover the boxes of a data set.

    Attributes
    ----------
    config : MaskRCNNConfig
    scaled : bool
        Whether images were resized to ``config.size``.
    sizes : ndarray of float64, shape (T,)
        Side of a square of each box's area, in pixels of the image that was looked at.
    overlaps : ndarray of float64, shape (T,)
        IoU of each box with the anchor that covers it best.
    """

    config: MaskRCNNConfig
    scaled: bool
    sizes: NDArray[np.float64]
    overlaps: NDArray[np.float64]

    def covered(self, iou: float) -> float:
        """Share of boxes that some anchor covers at this IoU or more; NaN if there are none."""
        return _mean(self.overlaps >= iou)

    def by_size(self) -> pd.DataFrame:
        """One row per size class: from, to (px), boxes, their share, share covered, left out."""
        edges = (0, *SIZE_EDGES, np.inf)
        classes = np.digitize(self.sizes, SIZE_EDGES)
        rows: list[dict[str, Any]] = []
        for k in range(len(edges) - 1):
            overlaps = self.overlaps[classes == k]
            n, least = len(overlaps), _mean(overlaps >= COVERED[0])
            rows.append(
                {
                    "from": edges[k],
                    "to": edges[k + 1],
                    "boxes": n,
                    "share": _mean(classes == k),
                    **{_column(iou): _mean(overlaps >= iou) for iou in COVERED},
                    "left_out": n > 0 and least < _LEFT_OUT,
                }
            )
        return pd.DataFrame(rows)

    def gaps(self) -> list[tuple[float, float, float]]:
        """Where two anchor sizes are more than twice apart: from, to (px), share of the boxes."""
        sizes = sorted(int(s) if s.is_integer() else s for s in self.config.anchor_sizes)
        return [
            (low, high, _mean((self.sizes >= low) & (self.sizes < high)))
            for low, high in pairwise(sizes)
            if high > _LARGEST_STEP * low
        ]

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what cannot be told of no boxes is None, the last class has no end."""
        rows = self.by_size().to_dict("records")
        return {
            "boxes": len(self.sizes),
            **{_column(iou): _known(self.covered(iou)) for iou in COVERED},
            "by_size": [{str(k): _known(v) for k, v in row.items()} for row in rows],
            "gaps": [
                {"from": low, "to": high, "share": _known(share)}
                for low, high, share in self.gaps()
            ],
        }


def coverage(
    boxes: Sequence[ArrayLike],
    shapes: Sequence[tuple[int, int]],
    config: MaskRCNNConfig,
    scaled: bool = False,
) -> Coverage:
    """How well the anchors of a configuration cover the boxes of some images.

    Parameters
    ----------
    boxes : sequence of K array_like, shape (T_k, 4)
        y0, x0, y1, x1 of the nuclei of each image, half-open, in pixels; those without height or
        width count nowhere.
    shapes : sequence of K (H, W)
    config : MaskRCNNConfig
    scaled : bool
        Whether images are resized to ``config.size`` first, and the boxes with them.

    Returns
    -------
    Coverage
    """
    sizes, overlaps = [np.zeros(0)], [np.zeros(0)]
    for given, shape in zip(boxes, shapes, strict=True):
        scale = config.size / max(shape) if scaled and config.size else 1.0
        corners = np.asarray(given, np.float64).reshape(-1, 4) * scale
        sides = corners[:, 2:] - corners[:, :2]
        present = (sides > 0).all(axis=1)
        seen = (round(shape[0] * scale), round(shape[1] * scale))
        sizes.append(np.sqrt(np.prod(sides[present], axis=1)))
        overlaps.append(best_overlaps(corners[present], seen, config))
    return Coverage(config, scaled, np.concatenate(sizes), np.concatenate(overlaps))


def _column(iou: float) -> str:
    return f"covered_{round(100 * iou)}"


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _known(value: Any) -> Any:
    return value if isinstance(value, (bool, int)) or np.isfinite(value) else None
